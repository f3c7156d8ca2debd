"""Invariant 9 and kind 19: every stream and row that the tap sends is what other targets have."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import foreign_targets as foreign
import pytest
from foreign_targets import BIN, Target
from tap_xero.models.schema import with_steps

SETTINGS = {
    "sandbox": {"organisations": 2, "invoices": 20},
    "history": ["quotes"],
    "attachments": ["invoices", "contacts"],
    "stream_counts": True,
}
TARGETS = (foreign.JSONL, foreign.DUCKDB)


@dataclass
class Messages:
    """What the tap wrote of two organisations, in all of its streams but the reports."""

    path: Path

    def __post_init__(self) -> None:
        self.records = defaultdict(list)
        self.keys = {}
        for line in self.path.read_text().splitlines():
            message = json.loads(line)
            if message["type"] == "SCHEMA":
                self.keys[message["stream"]] = message["key_properties"]
            elif message["type"] == "RECORD":
                self.records[message["stream"]].append(message["record"])

    def with_multiples(self, path: Path) -> Path:
        """The same as `amount_scale: multipleOf` has it."""
        lines = []
        for line in self.path.read_text().splitlines():
            message = json.loads(line)
            if message["type"] == "SCHEMA":
                message["schema"] = with_steps(message["schema"])
            lines.append(json.dumps(message, default=float))
        path.write_text("\n".join(lines) + "\n")
        return path


@pytest.fixture(scope="session")
def messages_of_two(tmp_path_factory: pytest.TempPathFactory) -> Messages:
    folder = tmp_path_factory.mktemp("messages")
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    written = folder / "messages.jsonl"
    with written.open("wb") as output:
        subprocess.run(
            [BIN / "tap-xero", "--config", folder / "config.json"],
            stdout=output,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    return Messages(written)


@pytest.fixture(scope="session")
def environments(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.cache.mkdir("foreign_targets")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_invariant_9_every_row_of_every_stream_is_there(
    target: Target, messages_of_two: Messages, environments: Path, tmp_path: Path
) -> None:
    done = target.load(environments, messages_of_two.path, tmp_path)
    assert done.returncode == 0, done.stderr[-2_000:]
    sent, keys = messages_of_two.records, messages_of_two.keys
    assert len(sent) == len(keys) == 32, "all streams have rows"
    assert list(foreign.differences(sent, keys, target.rows(tmp_path))) == []


@pytest.mark.parametrize(
    "target", [foreign.CSV, foreign.SINGER_JSONL], ids=lambda target: target.name
)
def test_kind_19_targets_that_validate_floats_take_all_rows(
    target: Target, messages_of_two: Messages, environments: Path, tmp_path: Path
) -> None:
    """The same that they refuse when a schema says `multipleOf`, as no float is one.

    target-csv puts the columns of each record in an order of its own, so only rows are counted.
    """
    steps = messages_of_two.with_multiples(tmp_path / "steps.jsonl")
    done = target.load(environments, steps, tmp_path)
    assert done.returncode != 0
    assert "is not a multiple of 0.0001" in done.stderr
    folder = tmp_path / "whole"
    folder.mkdir()
    done = target.load(environments, messages_of_two.path, folder)
    assert done.returncode == 0, done.stderr[-2_000:]
    counts = {stream: len(rows) for stream, rows in target.rows(folder).items()}
    assert counts == {stream: len(rows) for stream, rows in messages_of_two.records.items()}


@pytest.mark.stress
def test_target_duckdb_with_a_later_duckdb_loses_a_row_of_most_streams(
    messages_of_two: Messages, environments: Path, tmp_path: Path
) -> None:
    """Why the README says which DuckDB to install; when this fails, it need not any more."""
    target = foreign.DUCKDB_OF_TODAY
    done = target.load(environments, messages_of_two.path, tmp_path)
    assert done.returncode == 0, done.stderr[-2_000:]
    rows = target.rows(tmp_path)
    short = [name for name, sent in messages_of_two.records.items() if len(rows[name]) < len(sent)]
    assert len(short) > 10
