"""Targets of other people, each in an environment of its own that is kept between runs of tests."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

BIN = Path(sys.executable).parent
Rows = dict[str, list[dict[str, Any]]]

# What was written for Python 3.9 finds there what later ones have elsewhere.
_OLD = "import collections, collections.abc as abc; collections.MutableMapping = abc.MutableMapping"


@dataclass(frozen=True, eq=False)
class Target:
    """A target, and what makes it work.

    Attributes:
        name: Its package and command.
        requirements: What is installed.
        config: Its settings, FOLDER being where it may write.
        rows: What it wrote there.
        module: Run instead of the command, where that needs help to start.
    """

    name: str
    requirements: tuple[str, ...]
    config: dict[str, Any]
    rows: Callable[[Path], Rows]
    module: str | None = None

    def command(self, environments: Path) -> list[str]:
        """The command, installed when it is not there yet."""
        place = environments / "-".join((*self.requirements, sys.version.split()[0]))
        python = place / "bin" / "python"
        if not (place / "ready").exists():
            uv, env = str(BIN / "uv"), {**os.environ, "VIRTUAL_ENV": str(place)}
            # Not with the versions that this repository pins.
            subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, place], check=True)
            subprocess.run(
                [uv, "pip", "install", "--no-config", "-q", *self.requirements], env=env, check=True
            )
            (place / "ready").touch()
        if self.module is None:
            return [str(place / "bin" / self.name)]
        return [str(python), "-c", f"{_OLD}; import {self.module} as m; m.main()"]

    def load(
        self, environments: Path, messages: Path, folder: Path
    ) -> subprocess.CompletedProcess[str]:
        """Feed it messages."""
        settings = folder / "config.json"
        config = {name: _in(folder, value) for name, value in self.config.items()}
        settings.write_text(json.dumps(config))
        with messages.open() as lines:
            return subprocess.run(
                [*self.command(environments), "--config", str(settings)],
                stdin=lines,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )


def _in(folder: Path, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in(folder, each) for name, each in value.items()}
    return value.replace("FOLDER", str(folder)) if isinstance(value, str) else value


def jsonl_rows(folder: Path) -> Rows:
    """What target-jsonl wrote."""
    return {
        path.stem: [json.loads(line) for line in path.read_text().splitlines()]
        for path in folder.glob("*.jsonl")
    }


def singer_jsonl_rows(folder: Path) -> Rows:
    """What target-singer-jsonl wrote: messages, a folder for each stream."""
    made: Rows = {}
    for path in folder.glob("*/*.singer.gz"):
        messages = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
        records = [each["record"] for each in messages if each.get("type") == "RECORD"]
        made.setdefault(path.parent.name, []).extend(records)
    return made


def csv_rows(folder: Path) -> Rows:
    """What target-csv wrote."""
    made: Rows = {}
    for path in folder.glob("*.csv"):
        with path.open(newline="") as lines:
            made[path.stem.rpartition("-")[0]] = list(csv.DictReader(lines))
    return made


def duckdb_rows(folder: Path) -> Rows:
    """What target-duckdb wrote."""
    with duckdb.connect(str(folder / "books.duckdb"), read_only=True) as connection:
        listed = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'xero'"
        ).fetchall()
        made: Rows = {}
        for (name,) in listed:
            found = connection.execute(f'SELECT * FROM xero."{name}"')
            columns = [each[0] for each in found.description]
            made[name] = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    return made


JSONL = Target(
    "target-jsonl",
    ("target-jsonl==0.1.4",),
    {"destination_path": "FOLDER", "do_timestamp_file": False},
    jsonl_rows,
)
SINGER_JSONL = Target(
    "target-singer-jsonl",
    ("target-singer-jsonl==0.1.0",),
    {"destination": "local", "local": {"folder": "FOLDER"}, "add_record_metadata": False},
    singer_jsonl_rows,
)
CSV = Target(
    "target-csv",
    ("target-csv==0.3.0", "setuptools<81"),
    {"destination_path": "FOLDER", "disable_collection": True},
    csv_rows,
    module="target_csv",
)
DUCKDB = Target(
    "target-duckdb",
    # It writes CSV without a head, of which later DuckDBs take the first row for one.
    ("target-duckdb==0.8.0", "duckdb==1.0.0"),
    {"path": "FOLDER/books.duckdb", "default_target_schema": "xero"},
    duckdb_rows,
)
DUCKDB_OF_TODAY = replace(DUCKDB, requirements=("target-duckdb==0.8.0", "duckdb==2.0.0"))


def differences(sent: Rows, keys: dict[str, list[str]], received: Rows) -> Iterator[str]:
    """What of the records that were sent is not what a target has, value by value.

    Names are compared in small letters, numbers as floats, times to the microsecond; an empty text
    may be null. Objects and lists are left out, as each target has its own way with them.

    Args:
        sent: Records by stream.
        keys: Their keys.
        received: Rows by stream.
    """
    for stream, records in sent.items():
        key = [name.lower() for name in keys[stream]]
        rows = [_lower(row) for row in received.get(stream, [])]
        by_key = {tuple(str(row[name]) for name in key): row for row in rows}
        if (len(rows), len(by_key)) != (len(records), len(records)):
            yield f"{stream}: {len(records)} rows sent, {len(rows)} there, {len(by_key)} different"
        for record in map(_lower, records):
            row = by_key.get(tuple(str(record[name]) for name in key))
            if row is None:
                yield f"{stream}: {[record[name] for name in key]} is not there"
                continue
            for name, value in record.items():
                if not isinstance(value, (dict, list)) and not _same(value, row.get(name)):
                    yield f"{stream}: {name} was {value!r} and is {row.get(name)!r}"


def _lower(row: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in row.items()}


def _same(sent: Any, received: Any) -> bool:
    if sent is None or sent == "":
        return received in (None, "")
    if isinstance(sent, bool):
        return str(received).lower() == str(sent).lower()
    if isinstance(sent, (int, float, Decimal)):
        return float(received) == float(sent)
    if isinstance(received, (date, datetime)):
        return _moment(sent) == _moment(received.isoformat())
    return bool(sent == received)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
