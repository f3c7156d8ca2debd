"""Writes what a version leaves behind on a machine, for later versions to open.

Run it with the version that is to be remembered, in a checkout of it, and commit the folder:

    uv run --group test python write_fixture.py <folder>

`ad7ed0c` was written so. What it holds is listed in `test_upgrade.py`.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from tap_xero.tap import TapXero
from tap_xero.webhooks.events import Event
from tap_xero.webhooks.inbox import Inbox
from target_databricks.lakehouse.spool import Spool
from target_databricks.loading.load import Load
from target_databricks.loading.staged_file import read_staged, write_staged
from target_databricks.target import TargetDatabricks
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

INTEGER, TEXT = {"type": "integer"}, {"type": ["null", "string"]}
MONEY = {"type": ["null", "number"], "multipleOf": 0.0001}
MOMENT = {"type": "string", "format": "date-time"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"LineID": TEXT, "Amount": MONEY}},
    "x-child-table": {"name": "invoice_lines", "key": ["LineID"]},
}
INVOICES = {
    "TenantID": TEXT,
    "InvoiceID": TEXT,
    "Total": MONEY,
    "UpdatedDateUTC": MOMENT,
    "Contact": {"type": "object", "properties": {"ContactID": TEXT, "Name": TEXT}},
    "Lines": LINES,
}


NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
BOOKS: dict[str, Any] = {"organisations": 2, "invoices": 20, "clock": ManualClock(NOON)}
"""The sandbox that the tap read; the same again has the same books and the same credentials."""
EVENT_AT = "2026-02-20T11:00:00.000"


class Killed(BaseException):
    """Stands for the end of the process."""


def schema(stream: str, properties: Mapping[str, Any], keys: list[str], **more: Any) -> Any:
    stated = {"type": "object", "properties": properties}
    return {"type": "SCHEMA", "stream": stream, "schema": stated, "key_properties": keys, **more}


def record(stream: str, values: Mapping[str, Any], **more: Any) -> Any:
    return {"type": "RECORD", "stream": stream, "record": values, **more}


def invoices(day: int, *numbers: int) -> Iterator[Any]:
    keys = ["TenantID", "InvoiceID"]
    yield schema("invoices", INVOICES, keys, bookmark_properties=["UpdatedDateUTC"])
    for number in numbers:
        lines = [{"LineID": f"{number}.{n}", "Amount": number + n / 8} for n in range(number % 3)]
        row = {
            "TenantID": "t",
            "InvoiceID": f"i{number}",
            "Total": 1234567890.5 + number,
            "UpdatedDateUTC": f"2026-02-{day:02}T09:00:00.123Z",
            "Contact": {"ContactID": f"c{number % 2}", "Name": "Kōwhai Ltd"},
            "Lines": lines,
            "Unknown": {"n": number},
        }
        yield record("invoices", row, time_extracted="2026-02-20T00:00:00Z")


def accounts(version: int, *numbers: int) -> Iterator[Any]:
    yield schema("accounts", {"Code": TEXT, "Name": TEXT}, ["Code"])
    for number in numbers:
        row = {"Code": str(number), "Name": f"Account {number}"}
        yield record("accounts", row, version=version)
    yield {"type": "ACTIVATE_VERSION", "stream": "accounts", "version": version}


def logs(*values: int) -> Iterator[Any]:
    yield schema("logs", {"x": INTEGER}, [])
    yield from (record("logs", {"x": value}) for value in values)


def state(day: int) -> Any:
    return {"type": "STATE", "value": {"day": day}}


FIRST = [*invoices(1, 1, 2, 3, 4, 5), *accounts(1, 200, 400, 610), *logs(1, 2, 2), state(1)]
SECOND = [*accounts(2, 200, 400), *logs(3), state(2)]
UNCOVERED = [*logs(4, 4)]
"""Rows without keys that no state covers: they are remembered."""
LEFT = [*invoices(2, 2, 6), state(3)]
"""A batch that is staged when the process dies."""


def load(config: Mapping[str, Any], messages: list[Any]) -> None:
    """Run the target."""
    text = "".join(json.dumps(message) + "\n" for message in messages).encode()
    target = TargetDatabricks(config=dict(config), validate_config=True)
    with redirect_stdout(io.StringIO()):
        target.listen(io.BytesIO(text))


def run(lake: Path, messages: list[Any]) -> None:
    """Run the target into a lakehouse folder."""
    load({"lakehouse_path": str(lake), "default_target_schema": "books"}, messages)


def read(sandbox: Sandbox, state: Any = None, **settings: Any) -> list[Any]:
    """Run the tap, as it reads Xero. Gives its messages."""
    config = {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "refresh_token": sandbox.refresh_token,
        "api_url": sandbox.url,
        "identity_url": sandbox.url,
        **settings,
    }
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), write_through=True)) as out:
        tap = TapXero(config=config, state=state)
        try:
            tap.run_sync()
        finally:
            tap.run.close()
    out.seek(0)
    return [json.loads(line) for line in out]


def die_after_staging(lake: Path, messages: list[Any]) -> None:
    stage, close = Spool.stage, Load.close

    def stage_and_die(self: Spool, batch: Any) -> Path:
        stage(self, batch)
        raise Killed

    Spool.stage = stage_and_die  # type: ignore[method-assign]
    Load.close = lambda self, *, failed: self._backend.release()  # type: ignore[method-assign]
    try:
        with suppress(Killed):
            run(lake, messages)
    finally:
        Spool.stage, Load.close = stage, close  # type: ignore[method-assign]


def rows(lake: Path) -> dict[str, list[Any]]:
    """All tables, without what differs from run to run."""
    fleeting = ("_sdc_job_id", "_sdc_received", "_sdc_batched", "_sdc_sequence", "_sdc_sync")
    found = {}
    for log in sorted(lake.glob("books/*/_delta_log")):
        table = DeltaTable(log.parent).to_pyarrow_table()
        kept = [
            {k: str(v) for k, v in row.items() if v is not None and not k.startswith(fleeting)}
            for row in table.to_pylist()
        ]
        found[log.parent.name] = sorted(kept, key=json.dumps)
    del found["_sdc_loads"]
    for row in found["accounts"]:
        # When a row was found to be gone is the clock's business.
        row.pop("_sdc_deleted_at", None) and row.update(gone="yes")
    return found


def write_target(folder: Path) -> None:
    """A lakehouse with a spool, and a file of a staging volume."""
    lake = folder / "lakehouse"
    for messages in (FIRST, SECOND, UNCOVERED):
        run(lake, messages)
    die_after_staging(lake, LEFT)
    (left,) = (lake / "books" / "_spool").glob("invoices-*.parquet")
    with left.open("rb") as file:
        batch = read_staged(file)
    # What the same batch is called in a staging volume, and how it is compressed there.
    (folder / "volume").mkdir()
    with (folder / "volume" / left.name).open("wb") as file:
        write_staged(batch, file, "zstd")
    story = {"first": FIRST, "second": SECOND, "uncovered": UNCOVERED, "left": LEFT}
    (folder / "messages.json").write_text(json.dumps(story, indent=1, ensure_ascii=False) + "\n")
    later = folder / "later"
    shutil.copytree(lake, later)
    run(later, [*UNCOVERED, *LEFT])
    (folder / "tables.json").write_text(
        json.dumps(rows(later), indent=1, ensure_ascii=False) + "\n"
    )
    shutil.rmtree(later)
    for gone in ("lock", "holder.json"):
        (lake / "books" / "_spool" / gone).unlink(missing_ok=True)
    for commit in lake.glob("books/*/_delta_log/*.json"):
        commit.write_text(commit.read_text().replace(str(folder), ""))


def write_tap(folder: Path) -> None:
    """Two credential stores, the state of a run, and an inbox with events that were not fetched."""
    for name, key in (("passphrase", {"credential_store_key": "a passphrase"}), ("key", {})):
        with Sandbox(**BOOKS) as sandbox:
            messages = read(sandbox, credential_store=str(folder / f"{name}.json"), **key)
            tenants = [tenant.tenant_id for tenant in sandbox.tenants]
    last = [message["value"] for message in messages if message["type"] == "STATE"][-1]
    (folder / "state.json").write_text(json.dumps(last, indent=1) + "\n")
    with Inbox(folder / "inbox.db") as inbox:
        inbox.add(
            [
                Event(tenants[n % 2], "INVOICE", str(uuid.UUID(int=n)), "UPDATE", EVENT_AT)
                for n in range(3)
            ]
        )
        inbox.begin({tenants[0]: 1})
    for gone in (*folder.glob("*.lock"), *folder.glob("*.calls")):
        gone.unlink()


if __name__ == "__main__":
    write_target(Path(sys.argv[1]))
    write_tap(Path(sys.argv[1]))
