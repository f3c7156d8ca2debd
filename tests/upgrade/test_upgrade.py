"""What ad7ed0c left on a machine is opened, replayed and gone on with by the version at hand.

| in `ad7ed0c/` | what |
|---|---|
| `lakehouse` | tables with children, with versions and without keys |
| `lakehouse/books/_spool` | a batch that was left behind, and rows that no state covers |
| `volume` | the same batch as a file of a staging volume |
| `messages.json`, `tables.json` | what was sent, and what ad7ed0c itself made of it in the end |
| `passphrase.json`, `key.json`, `key.json.key` | credential stores |
| `state.json` | the state of the tap after a first run |
| `inbox.db` | three webhook events, of which one was confirmed |
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import write_fixture as writer
from deltalake import DeltaTable
from tap_xero.api import limits
from tap_xero.api.connection import connect
from tap_xero.api.retries import Retries
from tap_xero.tap import TapXero
from tap_xero.webhooks.inbox import Inbox
from xero_sandbox.sandbox import Sandbox

HERE = Path(__file__).parent
FIXTURE = HERE / "ad7ed0c"
IDENTITY = "http://identity.test"


MESSAGES = json.loads((FIXTURE / "messages.json").read_text())
TABLES = json.loads((FIXTURE / "tables.json").read_text())


class Tomorrow:
    """A clock by which every access token of the fixture has ended."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    @staticmethod
    def time():
        return time.time() + 86_400


@pytest.fixture
def lake(tmp_path):
    return Path(shutil.copytree(FIXTURE / "lakehouse", tmp_path / "lake"))


def commits(lake):
    """Commits of each table but the ledger: equal means that nothing was written."""
    return {
        log.parent.name: DeltaTable(log.parent).version()
        for log in lake.glob("books/*/_delta_log")
        if log.parent.name != "_sdc_loads"
    }


# target-databricks


def test_a_batch_that_was_left_in_the_spool_is_applied(lake):
    writer.run(lake, [])
    assert writer.rows(lake) == TABLES
    assert list((lake / "books" / "_spool").glob("*.parquet")) == []


def test_no_row_is_rewritten_by_an_upgrade(lake):
    writer.run(lake, [*MESSAGES["uncovered"], *MESSAGES["left"]])
    before = commits(lake)
    for _ in range(2):
        keyed = [m for m in MESSAGES["first"] if m.get("stream") == "invoices"]
        writer.run(lake, [*keyed, *MESSAGES["left"], *MESSAGES["second"][:3]])
    assert commits(lake) == before
    assert writer.rows(lake) == TABLES


def test_columns_of_the_parent_come_without_a_row_being_written(lake):
    """What they are empty of comes with the next version of the parent, or a full refresh."""
    keyed = [m for m in MESSAGES["first"] if m.get("stream") == "invoices"]
    writer.run(lake, [*MESSAGES["uncovered"], *MESSAGES["left"]])
    files = {name: DeltaTable(lake / "books" / name).file_uris() for name in commits(lake)}
    (schema,) = [m for m in json.loads(json.dumps(keyed)) if m["type"] == "SCHEMA"]
    (lines,) = [p for p in schema["schema"]["properties"].values() if "x-child-table" in p]
    lines["x-parent-columns"] = {"UpdatedDateUTC": "of_the_parent"}
    writer.run(lake, [schema])
    assert files == {name: DeltaTable(lake / "books" / name).file_uris() for name in files}
    writer.run(lake, [schema, *(m for m in keyed if m["type"] == "RECORD")])
    table = DeltaTable(lake / "books" / "invoice_lines").to_pyarrow_table()
    filled = [value for value in table.column("of_the_parent").to_pylist() if value is not None]
    assert filled
    assert writer.rows(lake)["invoices"] == TABLES["invoices"]


def test_rows_without_keys_that_no_state_covered_are_still_remembered(lake):
    writer.run(lake, [*MESSAGES["uncovered"], writer.state(4)])
    assert writer.rows(lake)["logs"] == TABLES["logs"]


def test_a_file_that_was_left_in_a_staging_volume_is_applied(databricks_sandbox, databricks_schema):
    sandbox, name = databricks_sandbox, f"{databricks_sandbox.catalog}.{databricks_schema}"
    config = {
        "server_hostname": sandbox.url,
        "http_path": sandbox.http_path,
        "access_token": sandbox.admin.access_token,
        "catalog": sandbox.catalog,
        "default_target_schema": databricks_schema,
    }
    sandbox.sql(f"CREATE VOLUME {name}._sdc_staging")
    folder = f"/Volumes/{sandbox.catalog}/{databricks_schema}/_sdc_staging/{name}"
    for file in (FIXTURE / "volume").iterdir():
        sandbox.volumes.write(f"{folder}/{file.name}", file.read_bytes())
    writer.load(config, [])
    query = f"SELECT invoice_id, CAST(total AS STRING) AS total FROM {name}.invoices ORDER BY 1"
    rows = [(row["invoice_id"], row["total"]) for row in sandbox.sql(query)]
    left = {"i2": "1234567892.5000", "i6": "1234567896.5000"}
    assert rows == list(left.items())
    lines = sandbox.sql(f"SELECT line_id FROM {name}.invoice_lines ORDER BY 1")
    assert [row["line_id"] for row in lines] == ["2.0", "2.1"]
    assert sandbox.volumes.files(folder) == []


# tap-xero


@pytest.mark.parametrize("store", ["passphrase", "key"])
@pytest.mark.parametrize("seeded", [True, False])
def test_a_credential_store_needs_no_sign_in(tmp_path, requests_mock, store, seeded):
    """Whether the setting it started from is still there or not."""
    for file in FIXTURE.glob(f"{store}.json*"):
        # Git does not keep that only its owner may read it.
        Path(shutil.copy(file, tmp_path / file.name)).chmod(0o600)
    with Sandbox(**writer.BOOKS) as sandbox:
        seed = {"refresh_token": sandbox.refresh_token} if seeded else {}
        app = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    key = {"credential_store_key": "a passphrase"} if store == "passphrase" else {}
    place = {"credential_store": str(tmp_path / f"{store}.json"), "identity_url": IDENTITY}
    token = {"access_token": "fresh", "expires_in": 1800, "refresh_token": "next"}
    requests_mock.post(f"{IDENTITY}/connect/token", json=token)
    config = TapXero(config={**app, **seed, **key, **place}).config
    connection = connect(config, Retries(clock=Tomorrow()), print)
    before = connection.store.load().refresh_token
    assert before != sandbox.refresh_token
    assert connection.tokens.token() == "fresh"
    connection.close()
    (request,) = requests_mock.request_history
    assert parse_qs(request.text)["refresh_token"] == [before]
    assert connection.store.load().refresh_token == "next"


def test_a_state_is_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr("tap_xero.api.limits.XERO", limits.Allowance(minute=100_000))

    def counted(messages):
        return Counter(m["stream"] for m in messages if m["type"] == "RECORD")

    store = {"credential_store": str(tmp_path / "store.json"), "credential_store_key": "key"}
    with Sandbox(**writer.BOOKS) as sandbox:
        first = writer.read(sandbox, json.loads((FIXTURE / "state.json").read_text()), **store)
        state = [m["value"] for m in first if m["type"] == "STATE"][-1]
        again = writer.read(sandbox, state, **store)
    # Nothing has happened in the books: what comes is what Xero always sends whole, and that comes
    # once, since a state of that version does not know it.
    assert {"organisations", "tax_rates", "tracking_categories"} <= set(counted(first))
    assert not counted(again)
    assert "invoices" not in counted(first)
    assert "contacts" not in counted(first)


def test_no_webhook_event_is_lost(tmp_path):
    shutil.copy(FIXTURE / "inbox.db", tmp_path / "inbox.db")
    for _ in range(2):
        with Inbox(tmp_path / "inbox.db") as inbox:
            waiting = inbox.waiting({}, inbox.last_position(), most=10)
            assert [each.position for each in waiting] == [1, 2, 3]
            assert {each.event.at for each in waiting} == {writer.EVENT_AT}
            assert inbox.pending()[0] == 2
