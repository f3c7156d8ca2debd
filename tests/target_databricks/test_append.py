"""Streams without keys: appended exactly once, also when runs die and taps send rows again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from deltalake import DeltaTable
from target_databricks.lakehouse.spool import Spool
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.appending import KEPT_DAYS
from target_databricks.loading.load import Load

INTEGER = {"type": "integer"}


class Crash(BaseException):
    """Stands for the end of the process: no handler of the target's catches it."""


def logs(singer, *values):
    return [
        singer.schema("logs", {"x": INTEGER}, []),
        *singer.records("logs", *({"x": v} for v in values)),
    ]


def values(place):
    return place.rows("logs", "x", by="x")


@contextmanager
def dying(monkeypatch, owner, method, *, after=False, times=1) -> Iterator[None]:
    """Let the process end just before, or after, the n-th call of a method.

    What the dead process would not have done (writing the ledger, tidying the spool) is left out.
    """
    real = getattr(owner, method)
    calls = []

    def fatal(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == times and not after:
            raise Crash
        result = real(self, *args, **kwargs)
        if len(calls) == times:
            raise Crash
        return result

    with monkeypatch.context() as patched:
        patched.setattr(owner, method, fatal)
        patched.setattr(Load, "close", lambda self, *, failed: self._backend.release())
        with suppress(Crash):
            yield
    assert len(calls) >= times, "the process was to die, and lived"


def test_rows_without_a_key_are_appended(place, singer):
    place.run(logs(singer, 1, 1, 2))
    place.run(logs(singer, 2, 3))
    assert values(place) == [1, 1, 2, 2, 3]


def test_equal_batches_of_one_run_are_all_appended(place, singer):
    place.run(logs(singer, 1, 1, 1, 1), batch_size_rows=1)
    assert values(place) == [1, 1, 1, 1]


def test_rows_the_last_state_covers_are_not_expected_again(place, singer):
    place.run(logs(singer, 1, 2), singer.state({"n": 2}))
    place.run(logs(singer, 1, 2), singer.state({"n": 4}))
    assert values(place) == [1, 1, 2, 2]


def test_rows_after_the_last_state_of_a_tap_that_died_are_not_appended_twice(place, singer):
    first = logs(singer, 1, 2)
    place.run(first, singer.state({"n": 2}), logs(singer, 3, 3)[1:])
    # The tap resumes from its state.
    place.run(logs(singer, 3, 3, 4), singer.state({"n": 5}))
    assert values(place) == [1, 2, 3, 3, 4]
    # And what a state covers is not kept in mind.
    place.run(logs(singer, 3), singer.state({"n": 6}))
    assert values(place) == [1, 2, 3, 3, 3, 4]


def test_a_row_that_a_state_covers_in_the_middle_of_a_batch_is_new_when_it_comes_again(
    place, singer
):
    first = logs(singer, 1, 2)
    place.run(first, singer.state({"n": 2}), logs(singer, 3, 3)[1:])  # and the tap dies
    # Of the next run, too, its state covers what came again only in part.
    place.run(logs(singer, 1, 3), singer.state({"n": 4}), logs(singer, 3)[1:])
    assert values(place) == [1, 1, 2, 3, 3]
    place.run(logs(singer, 3, 3, 2), singer.state({"n": 7}))
    assert values(place) == [1, 1, 2, 2, 3, 3, 3]
    assert place.staged() == []


def test_rows_of_a_tap_that_died_before_its_first_state_are_not_appended_twice(place, singer):
    place.run(logs(singer, 1), singer.state({"n": 1}))
    place.run(logs(singer, 2, 3))
    place.run(logs(singer, 2, 3, 3), singer.state({"n": 4}))
    assert values(place) == [1, 2, 3, 3]
    place.run(logs(singer, 3), singer.state({"n": 5}))
    assert values(place) == [1, 2, 3, 3, 3]


@pytest.mark.rule("what an abandoned stream leaves is in nobody's way")
def test_rows_that_nobody_comes_back_for_are_forgotten_after_a_while(place, singer):
    place.run(logs(singer, 1), singer.state({"n": 1}), logs(singer, 2, 3)[1:])
    before = place.staged()
    assert before
    place.age(KEPT_DAYS - 1)
    if not place.quick:
        place.sandbox.log.clear()
        place.sandbox.warehouse.stop()
    # Another stream's run: the rows are known to be in, nobody is asked.
    place.run(singer.state({"n": 1}))
    assert place.staged() == before
    (line,) = [line for line in place.decide("list") if line.startswith("logs: ")]
    assert "that no state covers: 1." in line
    place.age(2)
    place.run(singer.state({"n": 1}))
    assert place.staged() == []
    if not place.quick:
        assert place.sandbox.log.statements == []
        assert place.sandbox.warehouse.state == "STOPPED"
        place.sandbox.reset()  # Whoever reads next finds a warehouse that is warm.
    assert values(place) == [1, 2, 3]


def test_a_tap_without_state_appends_everything_every_time(place, singer):
    place.run(logs(singer, 1, 2))
    place.run(logs(singer, 1, 2))
    assert values(place) == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("owner", "method", "after"),
    [
        (Spool, "stage", False),
        (Spool, "stage", True),
        (LakehouseTable, "append", False),
        (LakehouseTable, "append", True),
        (Spool, "keep", False),
        (Spool, "keep", True),
    ],
    ids=lambda v: getattr(v, "__name__", {True: "after", False: "before"}.get(v, v)),
)
def test_invariant_3_a_crash_anywhere_loses_and_doubles_nothing(
    folder, singer, monkeypatch, owner, method, after
):
    messages = [*logs(singer, 1, 2, 2), singer.state({"n": 3})]
    folder.run(logs(singer, 0), singer.state({"n": 0}))
    with dying(monkeypatch, owner, method, after=after):
        folder.run(messages)
    assert folder.last.states == []
    folder.run(messages)
    assert values(folder) == [0, 1, 2, 2]
    assert folder.staged() == []


@pytest.mark.parametrize("times", [1, 2, 3, 4])
@pytest.mark.parametrize("method", ["stage", "keep"])
def test_invariant_3_equal_batches_survive_a_crash_too(folder, singer, monkeypatch, method, times):
    messages = [*logs(singer, 7, 7, 7, 7), singer.state({"n": 4})]
    with dying(monkeypatch, Spool, method, after=True, times=times):
        folder.run(messages, batch_size_rows=1)
    folder.run(messages, batch_size_rows=1)
    assert values(folder) == [7, 7, 7, 7]


def test_invariant_3_crash_after_crash_after_crash(folder, singer, monkeypatch):
    messages = [*logs(singer, 1, 2, 3, 3), singer.state({"n": 4})]
    for owner, method, times in (
        (Spool, "stage", 2),
        (Spool, "keep", 1),
        (LakehouseTable, "append", 1),
        (Spool, "keep", 3),
        (Spool, "stage", 4),
    ):
        with dying(monkeypatch, owner, method, after=True, times=times):
            folder.run(messages, batch_size_rows=1)
    folder.run(messages, batch_size_rows=3)
    assert values(folder) == [1, 2, 3, 3]
    # A new row that equals an old one is a new row.
    folder.run(logs(singer, 3), singer.state({"n": 5}))
    assert values(folder) == [1, 2, 3, 3, 3]


def test_a_crash_while_the_state_goes_out_counts_as_not_gone_out(folder, singer, monkeypatch):
    from target_databricks.loading.appending import AppendMemory

    messages = [*logs(singer, 1, 2), singer.state({"n": 2})]
    with dying(monkeypatch, AppendMemory, "confirm"):
        folder.run(messages)
    folder.run(messages)
    assert values(folder) == [1, 2]


def test_append_only_keeps_every_version_of_every_record(place, singer):
    schema = singer.schema("items", {"id": INTEGER, "v": INTEGER}, ["id"])
    records = singer.records("items", {"id": 1, "v": 1}, {"id": 1, "v": 2}, {"id": 1, "v": 2})
    place.run(schema, records, load_method="append-only")
    place.run(schema, records[:1], load_method="append-only")
    assert place.rows("items", "v", by="v") == [1, 1, 2, 2]


@pytest.mark.parametrize("times", [1, 2])
def test_invariant_3_append_only_children_are_not_doubled_by_a_crash(
    folder, singer, monkeypatch, times
):
    line = {"type": "object", "properties": {"n": INTEGER}}
    lines = {"type": "array", "items": line, "x-child-table": {"name": "lines", "key": ["n"]}}
    schema = singer.schema("items", {"id": INTEGER, "lines": lines}, ["id"])
    record = singer.record("items", {"id": 1, "lines": [{"n": 1}, {"n": 2}]})
    messages = [schema, record, singer.state({"n": 1})]
    with dying(monkeypatch, LakehouseTable, "append", after=True, times=times):
        folder.run(messages, load_method="append-only")
    folder.run(messages, load_method="append-only")
    assert folder.rows("items", "id") == [1]
    assert folder.rows("lines", "n", by="n") == [1, 2]


def test_rows_are_appended_again_where_the_table_was_emptied_after_a_crash(place, singer):
    place.run(logs(singer, 1), singer.state({"n": 1}))
    place.run(logs(singer, 2, 3))  # and the tap dies before its next state
    place.run(logs(singer, 2, 3), singer.state({"n": 3}), load_method="overwrite")
    assert values(place) == [2, 3]


def test_rows_are_appended_again_where_the_table_was_dropped_after_a_crash(folder, singer):
    folder.run(logs(singer, 1), singer.state({"n": 1}))
    folder.run(logs(singer, 2, 3))
    shutil.rmtree(folder.schema_folder / "logs")
    folder.run(logs(singer, 2, 3), singer.state({"n": 3}))
    assert values(folder) == [2, 3]
    # And what a state covers is forgotten.
    folder.run(logs(singer, 3), singer.state({"n": 4}))
    assert values(folder) == [2, 3, 3]


def test_of_rows_that_were_deleted_after_a_crash_only_those_are_appended_again(folder, singer):
    folder.run(logs(singer, 1), singer.state({"n": 1}))
    folder.run(logs(singer, 2, 3, 3))
    DeltaTable(folder.schema_folder / "logs").delete("x = 2")
    folder.run(logs(singer, 2, 3, 3), singer.state({"n": 4}))
    assert values(folder) == [1, 2, 3, 3]
