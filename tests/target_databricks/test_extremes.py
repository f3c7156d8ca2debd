"""What is long, wide or deep costs in proportion to its bytes."""

from __future__ import annotations

import time

import pytest
from target_databricks.reading.reader import BlockReader
from target_databricks.schema.additions import lacking
from target_databricks.schema.evolution import reconcile
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.planning import make_plan


class Trickle:
    """A pipe that gives little at a time."""

    def __init__(self, text: bytes, step: int = 4096) -> None:
        self._rest, self._step = memoryview(text), step

    def read1(self, size: int) -> bytes:
        piece, self._rest = self._rest[: self._step], self._rest[self._step :]
        return bytes(piece)


@pytest.fixture
def seconds():
    """Runs something and gives the processor's seconds it took."""

    def measure(run):
        started = time.process_time()
        run()
        return time.process_time() - started

    return measure


def test_a_long_line_is_read_in_proportion_to_its_bytes(seconds):
    # 16 MiB in 4,096 pieces: what copies the line for each piece moves 32 GiB.
    text = b'{"type": "STATE", "value": "' + b"x" * (16 << 20) + b'"}\n'
    states = []
    reader = BlockReader()
    spent = seconds(lambda: reader.process_lines(Trickle(text), {"STATE": states.append}))
    assert len(states[0]["value"]) == 16 << 20
    assert spent < 3


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_however_they_arrive(step):
    text = b'{"type": "STATE", "value": 1}\n\n\n{"type": "STATE", "value": 2}\r\n'
    states = []
    reader = BlockReader()
    reader.process_lines(Trickle(text + text.rstrip(), step), {"STATE": states.append})
    assert [s["value"] for s in states] == [1, 2, 1, 2]
    assert reader.line == 8


def test_thousands_of_columns_are_fitted_to_their_table_in_proportion(seconds):
    properties = {f"c{i}": {"type": "string"} for i in range(3000)}
    plan = make_plan("wide", {"properties": properties}, [], mapper=TypeMapper())
    existing = {"wide": plan.table_schema}
    results = []
    # To go through all columns for each column takes ten seconds and more.
    assert seconds(lambda: results.append(reconcile(plan, existing))) < 2
    assert seconds(lambda: results.append(lacking(plan, existing))) < 2
    assert results[0].plan == plan
    assert results[1] == []
