"""`load_method: overwrite`: a table has its old rows until a complete stream replaces them all."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from target_databricks.errors import LoadError
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.load import Load
from target_databricks.sinks import DatabricksSink

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER}},
    "x-child-table": {"name": "lines"},
}
OVER = {"load_method": "overwrite"}


class Crash(BaseException):
    """Stands for the end of the process."""


def items(singer, *ids, v="a", keys=("id",), **properties):
    rows = ({"id": i, "v": v, "lines": [{"n": i}]} for i in ids)
    schema = {"id": INTEGER, "v": TEXT, "lines": LINES, **properties}
    return [singer.schema("items", schema, keys), *singer.records("items", *rows)]


@pytest.fixture
def looks(monkeypatch):
    """What readers see each time a batch has been handed over, by a function that is set."""
    seen = []
    real = DatabricksSink.process_batch

    def process(sink, context):
        real(sink, context)
        sink._target.loader.wait()
        seen.append(seen[0]() if seen else None)

    monkeypatch.setattr(DatabricksSink, "process_batch", process)
    return seen


@pytest.mark.rule("kind 19")
def test_readers_see_the_old_rows_until_all_new_ones_are_there(place, singer, looks):
    place.run(items(singer, 1, 2, 3), singer.state({"n": 1}))
    version = place.version("items")
    looks[:] = [lambda: (place.rows("items", "id"), place.rows("lines", "n", by="n"))]
    new = items(singer, 4, 5, 4, v="b", w=INTEGER)
    place.run(new, singer.state({"n": 2}), batch_size_rows=2, **OVER)
    assert len(looks) > 2
    assert all(look == ([1, 2, 3], [1, 2, 3]) for look in looks[1:])
    assert place.rows("items", "id", "v", "w") == [
        {"id": 4, "v": "b", "w": None},
        {"id": 5, "v": "b", "w": None},
    ]
    assert place.rows("lines", "n", by="n") == [4, 5]
    assert place.last.states == [{"n": 2}]
    assert place.tables() == {"items", "lines"}
    # One commit for the column, one for whose it is, one for the rows.
    assert place.version("items") - version <= 3
    # What the tap does not send again because it is as it was, stays.
    del looks[:]
    unchanged = singer.schema("items", {"id": INTEGER}, **{"x-unchanged": True})
    place.run(unchanged, singer.state({"n": 2}), **OVER)
    assert (place.rows("items", "id"), place.rows("lines", "n", by="n")) == ([4, 5], [4, 5])
    # An empty source leaves an empty table.
    del looks[:]
    place.run(items(singer), singer.state({"n": 3}), **OVER)
    assert place.rows("items") == place.rows("lines", by="n") == []


@pytest.mark.parametrize("through", range(6))
@pytest.mark.parametrize(
    ("keys", "named"),
    [
        pytest.param(("id",), False, id="keys"),
        pytest.param(("id",), True, id="keys, version", marks=pytest.mark.stress),
        pytest.param((), False, id="no keys", marks=pytest.mark.stress),
        pytest.param((), True, id="no keys, version"),
    ],
)
def test_invariant_12_a_tap_that_dies_leaves_the_old_rows(folder, singer, through, named, keys):
    folder.run(items(singer, 1, 2, keys=keys), singer.state({"n": 1}), **OVER)
    schema, *records = items(singer, 2, 3, v="b", keys=keys)
    version = [singer.activate("items", 7)] if named else []
    messages = [schema, *version, *records, singer.state({"n": 2})]
    whole = through >= len(messages)
    cut_short = 0 < through < len(messages)
    with pytest.raises(LoadError, match="was cut short") if cut_short else nullcontext():
        folder.run(messages[:through], batch_size_rows=1, **OVER)
    assert folder.rows("items", "id") == ([2, 3] if whole else [1, 2])
    assert folder.last.states == ([{"n": 2}] if whole else [])
    folder.run(messages, **OVER)
    assert folder.rows("items", "id", "v") == [{"id": 2, "v": "b"}, {"id": 3, "v": "b"}]
    assert folder.last.states == [{"n": 2}]
    assert folder.staged() == []


@pytest.mark.parametrize("keys", [("id",), ()], ids=["keys", "no keys"])
@pytest.mark.parametrize("call", range(1, 6))
def test_invariant_12_a_run_that_is_killed_leaves_the_old_rows_or_has_the_new_ones(
    folder, singer, monkeypatch, call, keys
):
    folder.run(items(singer, 1, 2, keys=keys), singer.state({"n": 1}))
    messages = [*items(singer, 2, 3, v="b", keys=keys), singer.state({"n": 2})]
    real, calls = LakehouseTable._write, []

    def fatal(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == call:
            raise Crash
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(LakehouseTable, "_write", fatal)
        patched.setattr(Load, "close", lambda self, *, failed: self._backend.release())
        with suppress(Crash):
            folder.run(messages, batch_size_rows=1, **OVER)
    assert folder.rows("items", "id") in ([1, 2], [2, 3])
    folder.run(messages, **OVER)
    assert folder.rows("items", "v") == ["b", "b"]
    assert folder.staged() == []


def test_a_broken_input_leaves_the_old_rows(folder, singer):
    folder.run(items(singer, 1, 2))
    with pytest.raises(Exception, match="JSON"):
        folder.run(items(singer, 3, 4), '{"type": "RECORD", ', batch_size_rows=1, **OVER)
    assert folder.rows("items", "id") == [1, 2]


def test_a_tap_without_states_is_complete_at_the_end_of_its_input(folder, singer):
    folder.run(items(singer, 1, 2))
    folder.run(items(singer), **OVER)
    assert folder.rows("items") == []


def test_rows_without_keys_that_an_earlier_run_appended_are_not_left_out(folder, singer):
    folder.run(items(singer, 1, keys=()), singer.state({"n": 1}))
    folder.run(items(singer, 2, 3, keys=()))  # and the tap dies before its next state
    rows = items(singer, 2, 3, keys=())
    folder.run(rows, singer.state({"n": 3}), **OVER)
    assert folder.rows("items", "id") == [2, 3]
    # Nor does anything of before count for what comes after.
    folder.run(rows, singer.state({"n": 4}))
    assert folder.rows("items", "id") == [2, 2, 3, 3]


def test_a_column_of_the_tables_users_stays_and_is_empty(folder, singer):
    folder.run(items(singer, 1))
    folder.edit("items", {"is_deleted": "true"})
    folder.run(items(singer, 1), **OVER)
    assert folder.rows("items", "is_deleted") == [False]


def test_a_schema_that_changes_in_the_middle_fits_what_has_gathered(place, singer):
    rows = [{"id": 1, "n": 1, "v": "a"}, {"id": 2, "n": 1.5, "v": ["b"], "is_deleted": "no"}]
    schemas = [{"n": INTEGER, "v": TEXT}]
    schemas += [{"n": {"type": "number"}, "v": {"type": "array", "items": TEXT}}]
    schemas[1]["is_deleted"] = TEXT
    messages = [
        m
        for schema, row in zip(schemas, rows, strict=True)
        for m in (singer.schema("items", {"id": INTEGER, **schema}), singer.record("items", row))
    ]
    place.run(messages, singer.state({"n": 1}), **OVER)
    (one, two) = place.rows("items")
    assert (one["n"], one["v"], two["n"], two["v"]) == (1, "a", 1.5, '["b"]')
    assert (one["is_deleted"], two["is_deleted"]) == (False, False)
    assert [v for c, v in two.items() if c.startswith("is_deleted_")] == ["no"]


def test_of_two_runs_that_overwrite_a_stream_one_wins_and_the_other_stops(
    place, singer, monkeypatch
):
    """The later one goes on; the other's rows are in no table, nor is a state let through."""
    place.run(items(singer, 1), singer.state({"n": 1}), **OVER)
    real, begun = Load.apply, []

    def apply(load, staged):
        result = real(load, staged)
        if not begun:
            begun.append(True)
            if place.quick:
                load._backend.release()
            place.run(items(singer, 7, 8, v="later"), singer.state({"n": 3}), **OVER)
            if place.quick:
                load._backend.open()
        return result

    monkeypatch.setattr(Load, "apply", apply)
    with pytest.raises(LoadError, match="Another run began to overwrite its table"):
        place.run(items(singer, 4, 5, 6), singer.state({"n": 2}), batch_size_rows=1, **OVER)
    assert place.last.states == []
    assert place.rows("items", "id", "v") == [{"id": 7, "v": "later"}, {"id": 8, "v": "later"}]
    assert place.rows("lines", "n", by="n") == [7, 8]
    assert place.tables() == {"items", "lines"}


def test_rows_of_a_child_table_that_a_later_schema_left_out_are_there(folder, singer):
    rest = singer.schema("items", {"id": INTEGER, "v": TEXT}), singer.record("items", {"id": 2})
    # A run that was cut short has left rows in the tables that gather.
    with suppress(LoadError):
        folder.run(items(singer, 8, 9), singer.state({"currently_syncing": "items"}), **OVER)
    folder.run(rest, items(singer, 1), rest, singer.state({"n": 1}), **OVER)
    assert folder.rows("items", "id") == [1, 2]
    assert folder.rows("lines", "n", by="n") == [1]


def test_the_table_knows_whose_the_columns_of_every_schema_of_the_run_are(folder, singer):
    old = singer.schema("items", {"id": INTEGER, "old": TEXT})
    rest = singer.schema("items", {"id": INTEGER, "new": TEXT})
    folder.run(rest, singer.record("items", {"id": 0, "new": "there"}), singer.state({"n": 0}))
    folder.run(old, singer.record("items", {"id": 1, "old": "a"}), rest, singer.state(1), **OVER)
    folder.run(rest, singer.record("items", {"id": 1, "old": "b", "new": "c"}))
    assert folder.rows("items", "id", "old", "new", "_rescued_data") == [
        {"id": 1, "old": None, "new": "c", "_rescued_data": '{"old":"b"}'}
    ]


def test_two_properties_that_want_one_column_keep_theirs_when_a_later_schema_turns_round(
    folder, singer
):
    first = singer.schema("items", {"größe": TEXT}, ("größe",))
    second = singer.schema("items", {"Größe": INTEGER, "größe": TEXT}, ("größe",))
    folder.run(
        [first, singer.record("items", {"größe": "a"})],
        [second, singer.record("items", {"größe": "a", "Größe": 5})],
        singer.state(1),
        **OVER,
    )
    row = folder.rows("items", by="größe")[0]
    assert (row["größe"], [v for k, v in row.items() if k.startswith("größe_")]) == ("a", [5])
    assert len(folder.rows("items", "größe", by="größe")) == 1


def test_objects_in_objects_that_a_schema_leaves_out_do_not_end_the_process(folder, singer):
    """delta-rs aborts at a slice of them, which the rows of several batches came as."""
    inner = {"type": "object", "properties": {"a": INTEGER}}
    deep = {"deep": {"type": "object", "properties": {"in": inner}}}
    whole = singer.schema("items", {"id": INTEGER, **deep})
    less = singer.schema("items", {"id": INTEGER})
    folder.run(whole, singer.record("items", {"id": 1, "deep": {"in": {"a": 1}}}))
    records = singer.records("items", *({"id": n} for n in range(2, 7)))
    folder.run(less, records, singer.state(1), load_method="overwrite", batch_size_rows=2)
    assert folder.rows("items", "id") == [2, 3, 4, 5, 6]
    assert folder.rows("items", "deep") == [None] * 5
