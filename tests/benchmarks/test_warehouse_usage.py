"""What the pipeline asks of a warehouse: statements, seconds awake, bytes staged.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_warehouse_usage.py

Three runs of the demo's books: the first, one without news, and an hour in which 1,000 rows changed
in 20 streams; and a backfill of `INVOICES` (500,000). Each with the tap and the target of every
commit in `YARDSTICKS` and of today, against the sandbox of today. An earlier tap reads the Xero
sandbox of its own commit, since today's refuses what Xero refuses. Messages come from files, so
that a run takes as long as its target does; behind a tap that waits for Xero, versions that keep
the warehouse awake meanwhile do so for longer.

Statements and bytes are counts. Seconds are of the sandbox's clock and this machine: compare them
with each other only, and CPU seconds where other things run.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from measuring import run, script, show
from served_warehouse import Usage, Warehouse
from yardsticks import TODAY, Version

YARDSTICKS = os.environ.get("YARDSTICKS", "ad7ed0c 990f266").split()
INVOICES = int(os.environ.get("INVOICES", "500000"))
DEMO = {"sandbox": {"organisations": 3, "invoices": 400}}
CHANGED, STREAMS = 1000, 20

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with Warehouse(large=False, memory="3g") as served:
        yield served


@pytest.fixture(params=[*YARDSTICKS, TODAY])
def version(request: pytest.FixtureRequest, tmp_path: Path) -> Version:
    return Version(request.param, tmp_path / "sources")


def _usage(warehouse: Warehouse, version: Version, messages: Path, schema: str) -> Usage:
    config = messages.with_name(f"{schema}.json")
    config.write_text(json.dumps(warehouse.config(schema)))
    with warehouse.usage() as usage:
        run(version.load(config), messages, **version.env)
    return usage


def _shown(usage: Usage) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(usage.kinds.items()))
    return (
        f"{usage.count} statements ({kinds or 'none'}), awake {usage.awake:.0f} s in "
        f"{usage.starts} bursts, {usage.cpu:.0f} CPU s, {usage.staged / 1e6:.2f} MB staged, "
        f"{usage.calls} calls"
    )


def test_the_demo_by_the_hour(warehouse: Warehouse, version: Version, tmp_path: Path) -> None:
    tap, state = tmp_path / "tap.json", tmp_path / "state.json"
    files = {name: tmp_path / f"{name}.singer" for name in ("first", "unchanged", "changed")}
    tap.write_text(json.dumps(DEMO))
    first = version.read(tap)
    files["first"].write_bytes(first)
    state.write_text(json.dumps(_messages(first, "STATE")[-1]["value"]))
    files["unchanged"].write_bytes(version.read(tap, state))
    files["changed"].write_text("".join(_an_hour_later(first)))
    usages = {
        name: _usage(warehouse, version, path, f"demo_{version.name}")
        for name, path in files.items()
    }
    show(f"The demo's books, {version.name}", [(n, _shown(u)) for n, u in usages.items()])
    if version.name == TODAY:
        assert [each["text"] for each in usages["unchanged"].statements] == []
        assert usages["unchanged"].starts == 0
        assert (usages["first"].starts, usages["changed"].starts) == (1, 1)
        # That there is no schema yet is found by asking for it.
        errors = [s["error"] for u in usages.values() for s in u.statements if s["error"]]
        assert [error for error in errors if "SCHEMA_NOT_FOUND" not in error] == []
        # Of all foreign keys the one from contacts to contacts.
        assert usages["first"].kinds["ALTER"] <= 1
        assert not usages["first"].kinds["SELECT"]


def test_a_backfill(warehouse: Warehouse, version: Version, tmp_path: Path) -> None:
    messages = tmp_path / "invoices.singer"
    with messages.open("wb") as file:
        subprocess.run([*script("invoice_messages.py"), str(INVOICES)], stdout=file, check=True)
    usage = _usage(warehouse, version, messages, f"backfill_{version.name}")
    title = f"A backfill of {INVOICES:,} invoices with four lines each, {version.name}"
    show(title, [("backfill", _shown(usage))])
    assert usage.staged


def _messages(text: bytes, kind: str) -> list[dict[str, Any]]:
    messages = map(json.loads, text.splitlines())
    return [message for message in messages if message["type"] == kind]


def _an_hour_later(first: bytes) -> Iterator[str]:
    """All schemas, and changed records of the larger streams, as many of each as there are."""
    schemas = {message["stream"]: message for message in _messages(first, "SCHEMA")}
    records: dict[str, dict[str, Any]] = defaultdict(dict)
    for message in _messages(first, "RECORD"):
        text = _text_property(schemas[message["stream"]])
        if text and isinstance(message["record"].get(text), str):
            message["record"][text] += " (changed)"
            keys = schemas[message["stream"]]["key_properties"]
            identity = json.dumps([message["record"][key] for key in keys])
            records[message["stream"]][identity] = message
    largest = sorted(records, key=lambda stream: -len(records[stream]))[:STREAMS]
    rounds = itertools.zip_longest(*(records[stream].values() for stream in largest))
    changed = [m for some in rounds for m in some if m is not None][:CHANGED]
    assert len(changed) == CHANGED
    by_stream = defaultdict(list)
    for message in changed:
        by_stream[message["stream"]].append(message)
    assert len(by_stream) == STREAMS
    for stream, schema in schemas.items():
        yield json.dumps(schema) + "\n"
        yield from (json.dumps(message) + "\n" for message in by_stream[stream])
    yield json.dumps(_messages(first, "STATE")[-1]) + "\n"


def _text_property(schema: dict[str, Any]) -> str | None:
    """A property whose text means nothing to a load: no key, no bookmark, no moment."""
    taken = {*schema["key_properties"], *(schema.get("bookmark_properties") or ())}
    for name, kind in schema["schema"]["properties"].items():
        if "string" in kind.get("type", ()) and "format" not in kind and name not in taken:
            return str(name)
    return None
