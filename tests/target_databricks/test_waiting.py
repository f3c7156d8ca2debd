"""Batches that wait to be applied together, as a warehouse has them do.

Shown on a folder that is told to wait, since the rule is one for all places and Spark is slow;
`test_warehouse_cost.py` shows the same on the warehouse.
"""

from __future__ import annotations

import io
import json
import threading
from contextlib import redirect_stdout

import pytest
from target_databricks.lakehouse.folder import LakehouseFolder
from target_databricks.lakehouse.spool import Spool
from target_databricks.loading.loader import Loader
from target_databricks.target import TargetDatabricks

INTEGER, TEXT = {"type": "integer"}, {"type": ["null", "string"]}
DOCS = {"id": INTEGER, "v": TEXT}


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    monkeypatch.setattr(LakehouseFolder, "merge_every", 900.0)


def docs(singer, *ids, v="a", stream="docs"):
    return singer.records(stream, *({"id": i, "v": f"{v}{i}"} for i in ids))


def loads(folder, stream="docs"):
    """Files of each load of a stream, and what it did."""
    return [
        (row["file"].count(".parquet"), row["rows_inserted"], row["rows_updated"])
        for row in folder.loads()
        if row["stream"] == stream
    ]


def test_batches_that_wait_are_applied_together_and_states_after_them(folder, singer):
    messages = [
        singer.schema("docs", DOCS),
        *docs(singer, 1, 2, 3),
        singer.state({"n": 3}),
        *docs(singer, 4),
    ]
    run = folder.run(messages, singer.state({"n": 4}), batch_size_rows=1)
    assert run.states == [{"n": 4}]
    assert loads(folder) == [(4, 4, 0)]
    assert folder.staged() == []


def test_two_versions_of_a_row_are_never_applied_together(folder, singer):
    messages = [*docs(singer, 1, 2), *docs(singer, 3, 1, v="b"), *docs(singer, 2, v="c")]
    folder.run(singer.schema("docs", DOCS), messages, batch_size_rows=1)
    assert loads(folder) == [(3, 3, 0), (2, 0, 2)]
    assert folder.rows("docs", "v") == ["b1", "c2", "b3"]


def test_what_waits_is_merged_in_time_though_the_tap_falls_silent(folder, singer):
    came = threading.Event()

    class Out(io.StringIO):
        def write(self, text):
            came.set()
            return super().write(text)

    target = TargetDatabricks(config=folder.config(batch_size_rows=1), validate_config=True)
    now = [1_000.0]
    target.clock = lambda: now[0]

    def lines():
        first = [singer.schema("docs", DOCS), *docs(singer, 1), singer.state({"n": 1})]
        yield from singer.text(first).splitlines()
        assert not came.is_set()
        now[0] += 901
        other = [singer.schema("others", DOCS), *docs(singer, 1, stream="others")]
        yield from singer.text(other).splitlines()
        assert came.wait(60)

    out = Out()
    with redirect_stdout(out):
        target.listen(lines())
    assert json.loads(out.getvalue()) == {"n": 1}
    assert folder.rows("others", "id") == [1]


def test_a_batch_that_is_refused_leaves_those_it_waited_with_alone(folder, singer):
    folder.run(singer.schema("docs", DOCS), docs(singer, 0))
    folder.forbid("docs", "v <> 'a3'")
    with pytest.raises(Exception, match="1 row of stream 'docs'"):
        folder.run(
            singer.schema("docs", DOCS),
            docs(singer, 1, 2, 3, 4, 5),
            singer.state({"n": 5}),
            batch_size_rows=2,
        )
    assert folder.rows("docs", "id") == [0, 1, 2, 4, 5]
    assert folder.last.states == []
    # Tried together, then one by one, and only the one at fault by halves.
    tries = [row for row in folder.loads() if row["rows_read"] and row["rows_inserted"]]
    assert sum(row["rows_inserted"] for row in tries) == 5
    folder.allow("docs")
    assert folder.run().states == []
    assert folder.rows("docs", "id") == [0, 1, 2, 3, 4, 5]


def test_invariant_3_a_run_that_dies_while_batches_wait_loses_nothing(folder, singer, monkeypatch):
    class Crash(BaseException):
        pass

    def die(*_: object) -> None:
        raise Crash

    messages = [singer.schema("docs", DOCS), *docs(singer, 1, 2, 3), singer.state({"n": 3})]
    with monkeypatch.context() as dying:
        dying.setattr(Loader, "_merge", die)
        with pytest.raises(Crash):
            folder.run(messages, batch_size_rows=1)
    assert folder.last.states == []
    assert len(folder.staged()) == 3
    folder.run()
    assert folder.rows("docs", "v") == ["a1", "a2", "a3"]
    assert folder.staged() == []


def test_a_new_schema_first_loads_what_came_under_the_old_one(folder, singer):
    more = {**DOCS, "w": INTEGER}
    run = folder.run(
        singer.schema("docs", DOCS),
        docs(singer, 1, 2),
        singer.state({"n": 2}),
        singer.schema("docs", more),
        singer.record("docs", {"id": 2, "v": "b", "w": 7}),
        singer.state({"n": 3}),
        batch_size_rows=1,
    )
    assert loads(folder) == [(2, 2, 0), (1, 0, 1)]
    assert run.states[-1] == {"n": 3}
    assert folder.rows("docs", "id", "v", "w") == [
        {"id": 1, "v": "a1", "w": None},
        {"id": 2, "v": "b", "w": 7},
    ]


def test_a_file_that_somebody_else_applied_is_no_loss(folder, singer, monkeypatch):
    real = Spool.stage

    def stage(self, batch):
        path = real(self, batch)
        if batch.rows.column("id").to_pylist() == [2]:
            path.unlink()
        return path

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Spool, "stage", stage)
        folder.run(singer.schema("docs", DOCS), docs(singer, 1, 2, 3), batch_size_rows=1)
    assert folder.rows("docs", "id") == [1, 2, 3]
