"""`tap-xero-webhooks` as people type it, and the tap's settings for it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tap_xero.webhooks.cli import main
from tap_xero.webhooks.events import Event
from tap_xero.webhooks.inbox import Inbox
from webhook_receiving import TENANT, body_of, deliver, event


@pytest.fixture
def path(tmp_path):
    return tmp_path / "inbox.db"


@pytest.fixture
def command(path):
    def run(*arguments, **env):
        settings = {"TAP_XERO_WEBHOOK_INBOX_PATH": str(path), **env}
        return CliRunner().invoke(main, arguments, env=settings)

    return run


@pytest.fixture
def filled(path):
    with Inbox(path) as inbox:
        inbox.add(
            [
                Event(TENANT, "INVOICE", "a", "UPDATE", "2026-02-02T09:00:00.123"),
                Event(TENANT, "INVOICE", "b", "UPDATE", "2026-02-02T10:00:00.456"),
                Event(TENANT, "PAYMENT", "c", "CREATE", "2026-02-02T11:00:00.789"),
            ]
        )
        inbox.name({TENANT: "Harakeke Trading Limited"})
        inbox.begin({TENANT: 1})
        inbox.set_aside({3: "Xero does not let this app read them."})
    return path


def test_status_shows_pending_failed_and_the_last_event(filled, command):
    result = command("status")
    assert result.exit_code == 0, result.output
    head, invoices, payments, reason = result.output.splitlines()
    assert head.split()[:4] == ["organisation", "category", "pending", "failed"]
    assert "Harakeke Trading Limited  INVOICE   1        0       2026-02-02 10:00:00" in invoices
    assert "Harakeke Trading Limited  PAYMENT   0        1       2026-02-02 11:00:00" in payments
    assert reason == (
        "Harakeke Trading Limited, PAYMENT failed: Xero does not let this app read them."
    )


def test_status_for_machines(filled, command):
    tallies = json.loads(command("status", "--json").output)
    assert [(each["category"], each["pending"], each["failed"]) for each in tallies] == [
        ("INVOICE", 1, 0),
        ("PAYMENT", 0, 1),
    ]


def test_retry_puts_failed_events_back(filled, command):
    assert command("retry", "--category", "INVOICE").output == "0 events put back.\n"
    assert command("retry").output == "1 event put back.\n"
    assert json.loads(command("status", "--json").output)[1]["pending"] == 1


def test_without_an_inbox_status_says_where_it_was_looked_for(path, command):
    result = command("status")
    assert result.exit_code == 1
    assert str(path) in result.output
    assert "tap-xero-webhooks serve" in result.output


def test_a_file_that_is_no_inbox_is_told_in_one_line(path, command):
    path.write_bytes(b"this is not a database, however long it may be" * 100)
    result = command("status")
    assert result.exit_code == 1
    assert "webhook_inbox_path" in result.output
    assert "Traceback" not in result.output


def test_serve_without_a_signing_key_says_where_to_find_it(command):
    result = command("serve")
    assert result.exit_code == 1
    assert "webhook_signing_key" in result.output
    assert "developer.xero.com" in result.output


def test_serve_on_a_port_that_is_taken_says_so(command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = command("serve", f"--port={port}", TAP_XERO_WEBHOOK_SIGNING_KEY="key")
    assert result.exit_code == 1
    assert f"port {port}" in result.output


def test_standby_without_a_pipeline_makes_no_sense(command):
    assert command("serve", "--standby").exit_code == 2


def test_the_ready_line_says_where_and_sigterm_ends_it_well(receiver_process, path):
    process = receiver_process()
    assert process.url.endswith("/webhooks")
    assert deliver(process.url, body_of(event(1))).status_code == 200
    assert process.stop() == 0
    lines = process.logged()
    assert [line["message"] for line in lines] == ["request"]
    assert set(lines[0]) == {"time", "level", "message", "result", "bytes", "events"}


def test_a_standby_tap_reads_nothing_before_its_release(
    path, make_xero_sandbox, config_of, tmp_path
):
    """The real tap, as a process: it waits, is released, and fetches what has come meanwhile."""
    xero = make_xero_sandbox()
    xero.prepare()
    settings = {"webhook_only": True, "webhook_inbox_path": str(path), "webhook_standby": "run 1"}
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_of(xero, **settings)))
    with Inbox(path) as inbox:
        inbox.stand_by("run 1")
        process = subprocess.Popen(
            [Path(sys.executable).with_name("tap-xero"), "--config", config],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while not inbox.is_warm():
                assert process.poll() is None, process.stderr.read()
            tenant = xero.tenants[0].tenant_id
            invoice = xero.books.add_invoice(tenant)
            inbox.add([Event(tenant, "INVOICE", invoice["InvoiceID"], "CREATE", "2026-02-02")])
            assert xero.calls.of("*") == []
            inbox.release("run 1")
            assert not inbox.is_warm()
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    messages = [json.loads(line) for line in output.splitlines()]
    assert [message["type"] for message in messages] == ["SCHEMA", "RECORD", "STATE"]
    assert messages[1]["record"]["InvoiceID"] == invoice["InvoiceID"]
    assert messages[2]["value"]["webhooks"]["organisations"] == {tenant: 1}
