"""Webhooks the whole way: from an edit in Xero to a row in Delta, by the real command lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from conftest import Project
from tap_xero.webhooks.inbox import Inbox
from webhook_receiving import RunningReceiver
from webhooks_demo import Demo, summary
from xero_sandbox.sandbox import Sandbox

RUN = ("run", "tap-xero-webhooks", "target-databricks")
POLL = ("run", "tap-xero", "target-databricks")


@pytest.fixture
def receiver(project: Project, xero: Sandbox, tmp_path: Path) -> Iterator[RunningReceiver]:
    """An inbox that Xero delivers to, and a project whose tap reads it."""
    running = RunningReceiver(tmp_path / "inbox.db", xero.webhooks.signing_key)
    project.read_from(xero)
    project.env |= {
        "TAP_XERO_WEBHOOK_INBOX_PATH": str(running.inbox.path),
        "TAP_XERO__SELECT": json.dumps(["invoices.*", "payments.*"]),
    }
    yield running
    running.stop()


def _reference(project: Project, invoice_id: str) -> object:
    (row,) = [row for row in project.rows("invoices") if row["invoice_id"] == invoice_id]
    return row["reference"]


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_an_edit_arrives_once_even_if_its_first_load_fails_and_polling_brings_it_again(
    project: Project, xero: Sandbox, receiver: RunningReceiver
) -> None:
    project.meltano(*POLL)
    assert xero.webhooks.subscribe(receiver.url) == "ok"
    invoice = str(project.rows("invoices")[0]["invoice_id"])
    tenant = str(project.rows("invoices")[0]["tenant_id"])
    xero.clock.advance(hours=1)
    xero.books.edit(tenant, "Invoices", invoice, Reference="by webhook")
    assert xero.webhooks.settle()
    announced = receiver.inbox.pending()[0]
    assert announced == xero.webhooks.counts.delivered > 0

    # A load that fails confirms nothing; the next run fetches the same again.
    project.meltano(*RUN, code=1, TARGET_DATABRICKS_LAKEHOUSE_PATH="/dev/null/nowhere")
    assert receiver.inbox.pending()[0] == announced
    assert _reference(project, invoice) != "by webhook"
    project.meltano(*RUN)
    assert _reference(project, invoice) == "by webhook"

    # The state comes back with the next run: nothing is left, nothing is fetched, nothing written.
    files = project.data_files()
    xero.calls.clear()
    project.meltano(*RUN)
    assert receiver.inbox.pending()[0] == 0
    assert xero.calls.of("Invoices*") == []
    assert project.data_files() == files

    # Polling brings the same record again, and it is the one that is there.
    project.meltano(*POLL)
    assert [call.rows for call in xero.calls.of("Invoices")] != []
    assert project.data_files() == files


@pytest.mark.timeout(600)
def test_the_demo_shows_edits_in_the_lakehouse_within_seconds(
    project: Project, tmp_path: Path
) -> None:
    demo = Demo(project.root, tmp_path / "demo", invoices=60)
    with demo.running():
        journeys = [demo.edit() for _ in range(2)]
        sent = requests.get(f"{demo.xero['url']}/sandbox/webhooks", timeout=10).json()
        with Inbox(tmp_path / "demo" / "inbox.db") as inbox:
            assert inbox.last_position() == sent["delivered"] == sent["announced"]
            assert inbox.pending() == (0, None)
            assert inbox.failed() == 0
    print(summary(journeys))
    # Generous, for machines that do other things too; `plugins/tools/webhooks_demo.py` measures.
    assert min(journey.seconds for journey in journeys) < 15
    log = demo.log.read_text()
    assert log.count("run ends") == 2
    assert "edited at" not in log
