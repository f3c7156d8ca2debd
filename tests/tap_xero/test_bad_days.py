"""Bad input and bad days, by the real command: one line that says what to do, and an exit code.

What only warns or skips exits with 0; what a person has to act on exits with 1; no traceback
and no secret in either case.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from tap_xero.auth.store import open_store


@pytest.fixture
def sandbox(make_xero_sandbox):
    return make_xero_sandbox(organisations=2, invoices=4)


@pytest.fixture
def config(sandbox, config_of, tmp_path):
    """Settings that work, with a key of their own for the store."""
    return config_of(
        sandbox,
        credential_store=str(tmp_path / "tokens"),
        credential_store_key="a passphrase of the team",
        bill_in_log=True,
    )


@pytest.fixture
def tap(cli, selecting):
    """Run the command for accounts and invoices; gives its exit code, output and log."""

    def run(config, state=None):
        catalog = selecting("accounts", "invoices")
        done = cli(config=config, state=state, catalog=catalog)
        secrets = [config.get(name) for name in ("client_secret", "credential_store_key")]
        assert not [each for each in secrets if each and each in done.stdout + done.stderr]
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def error_in(log: str) -> str:
    (line,) = [line for line in log.splitlines() if "| ERROR" in line]
    return line


def wrong_secret(config, sandbox):
    return {**config, "client_secret": "not-the-secret"}


def expired_token(config, sandbox):
    sandbox.clock.advance(days=61)
    return config


def revoked_consent(config, sandbox):
    requests.post(
        f"{sandbox.url}/connect/revocation",
        data={"token": sandbox.refresh_token},
        auth=(sandbox.client_id, sandbox.client_secret),
        timeout=10,
    )
    return config


def unknown_tenant(config, sandbox):
    return {**config, "tenant_ids": ["00000000-0000-4000-8000-000000000000"]}


def disconnected_by_all(config, sandbox):
    for row in list(sandbox.identity.connections):
        sandbox.identity.disconnect(row.connection_id)
    return config


def unknown_stream_in_cadence(config, sandbox):
    return {**config, "cadence": {"invoces": "1h"}}


def bad_duration(config, sandbox):
    return {**config, "full_refresh_every": {"items": "fortnightly"}}


def future_start_date(config, sandbox):
    ahead = datetime.now(UTC) + timedelta(days=1)
    return {**config, "start_date": f"{ahead:%Y-%m-%d}"}


def no_such_broker(config, sandbox):
    return {**config, "access_token_command": "/no/such/broker --token"}


def no_such_secret_manager(config, sandbox):
    return {**config, "credential_store_command": "/no/such/manager"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (wrong_secret, ["invalid_client", "client_secret"]),
        (expired_token, ["invalid_grant", "older than 60 days", "tap-xero-login"]),
        (revoked_consent, ["invalid_grant", "revoked", "tap-xero-login"]),
        (unknown_tenant, ["tenant_ids", "not connected", "Connected organisations"]),
        (disconnected_by_all, ["No organisation is connected"]),
        (unknown_stream_in_cadence, ["cadence", "invoces is no stream", "--discover"]),
        (bad_duration, ["full_refresh_every", "'fortnightly' is no duration"]),
        (future_start_date, ["start_date", "lies in the future"]),
        (no_such_broker, ["access_token_command", "/no/such/broker", "FileNotFoundError"]),
        (no_such_secret_manager, ["credential_store_command", "/no/such/manager read"]),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_what_a_person_has_to_act_on_ends_the_run_in_one_line(tap, config, sandbox, make, words):
    code, output, log = tap(make(config, sandbox))
    assert code == 1
    assert '"RECORD"' not in output
    line = error_in(log)
    assert [word for word in words if word not in line] == []


def of_another_key(config, file):
    return {**config, "credential_store_key": "another passphrase"}


def damaged(config, file):
    file.write_bytes(file.read_bytes()[:-40])
    return config


def emptied(config, file):
    file.write_bytes(b"")
    return config


def unreadable(config, file):
    file.unlink()
    file.mkdir()
    return config


def of_another_app(config, file):
    return {**config, "client_id": "another app"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (of_another_key, ["encrypted with another key", "credential_store_key"]),
        (damaged, ["is damaged", "tap-xero-login"]),
        (emptied, ["is damaged", "tap-xero-login"]),
        (unreadable, ["cannot be read", "credential_store"]),
        (of_another_app, ["belongs to the app with client_id", "not to another app"]),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_a_store_that_cannot_be_used_ends_the_run_in_one_line_and_is_left_alone(
    tap, config, make, words
):
    assert tap(config)[0] == 0
    file = Path(config["credential_store"])
    broken = make(config, file)
    before = file.is_file() and file.read_bytes()
    code, output, log = tap(broken)
    assert (code, output) == (1, "")
    line = error_in(log)
    assert [word for word in (*words, str(file)) if word not in line] == []
    assert (file.is_file() and file.read_bytes()) == before


def test_a_store_sealed_by_a_key_file_that_is_gone_is_named(tap, config):
    del config["credential_store_key"]
    assert tap(config)[0] == 0
    Path(config["credential_store"] + ".key").unlink()
    code, _, log = tap(config)
    assert code == 1
    assert "encrypted with another key" in error_in(log)


def test_a_stream_that_keeps_failing_is_left_and_the_exit_code_says_so(tap, config, sandbox):
    tenant = sandbox.tenants[0]
    sandbox.faults.add("html", path="Accounts", tenant=tenant.tenant_id, count=None)
    code, output, log = tap(config)
    assert code == 1
    streams = {json.loads(line).get("stream") for line in output.splitlines()}
    assert {"accounts", "invoices"} <= streams
    assert f"Not read to the end: accounts of {tenant.name}." in log
    state = [json.loads(line) for line in output.splitlines() if '"STATE"' in line][-1]["value"]
    assert len(state["bookmarks"]["accounts"]["partitions"]) == 1
    assert len(state["bookmarks"]["invoices"]["partitions"]) == 2
    told = json.loads(log.split("bill: ", 1)[1].splitlines()[0])
    assert told["failures"] == [f"accounts of {tenant.name}"]
    (entry,) = [
        each
        for each in told["bill"]
        if (each["tenant_id"], each["stream"]) == (tenant.tenant_id, "accounts")
    ]
    assert entry["retries"] == 5
    assert "JSON" in entry["skipped"]
    sandbox.faults.clear()
    assert tap(config, state=state)[0] == 0


@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": {"invoices": {"partitions": [{"context": {"TenantID": 5}, "page": "x"}]}}},
        {"bookmarks": {"invoices": {"replication_key_value": "2026-01-01", "version": 7}}},
        {"bookmarks": [], "completed": {"invoices": True}},
        {"singer_state": {"bookmarks": {}}},
    ],
    ids=["broken partitions", "another version", "no bookmarks", "wrapped"],
)
def test_a_state_of_another_tap_is_left_aside_and_everything_is_read(tap, config, state):
    code, output, _ = tap(config, state=state)
    assert code == 0
    records = [line for line in output.splitlines() if '"RECORD"' in line]
    whole = [line for line in tap(config)[1].splitlines() if '"RECORD"' in line]
    assert len(records) == len(whole) > 0


def test_invariant_7_no_secret_is_in_any_file_that_a_run_leaves(tap, config, sandbox, tmp_path):
    """Invariant 7: no secret in a log, a state message, an error or a file in clear text."""
    code, output, log = tap(config)
    assert code == 0
    kept = open_store(config, lambda _: None).load()
    (tmp_path / "config.json").unlink()
    secrets = (kept.refresh_token, kept.access_token, sandbox.refresh_token, sandbox.client_secret)
    said = [output.encode(), log.encode()]
    left = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not [secret for secret in secrets for text in said + left if secret.encode() in text]
