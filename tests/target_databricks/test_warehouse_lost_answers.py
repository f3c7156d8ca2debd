"""A statement whose answer was lost takes effect once, on a warehouse where two copies of it could.

The table here lets two transactions that only add rows both commit, as one with row-level
concurrency may; a change of its metadata fails all that began before it, as Databricks documents.
A copy of a statement goes on after its answer was lost, as slowly as it likes.
"""

from __future__ import annotations

import itertools
import re
import time

import pytest
from databricks_sandbox.errors import SqlError
from databricks_sandbox.faults import ConnectionCutError, Fault, HttpError, InvalidSessionError
from quick_warehouse import Time, connections_of, one_row, quick_workspace, staging_of
from target_databricks.warehouse.client.connection import StatementError
from target_databricks.warehouse.fence import Fence
from target_databricks.warehouse.staging.files import VolumeFiles

STEPS = ("snapshot", "read", "commit")
EVENTS = ("copied", "removed", "fenced", "snapshot", "read", "commit", "end")
"""What happens after an answer was lost, after each of which the lost copy may go on."""


class Table:
    """A table, and the statements that are at work on it.

    Attributes:
        rows: Rows that it has, by commit; None is a change of its metadata.
        answer: Raised instead of the answer to the first INSERT.
        before: Steps that the first INSERT has done when that happens.
        plan: After which event each of its other steps is done.
        is_due: Whether statements run now, or wait for their turn.
    """

    def __init__(self, sandbox_of):
        self._sandbox_of = sandbox_of
        self.begin(None, 3, ())

    def begin(self, answer, before, plan):
        self.rows, self.lost, self.ended = [], None, None
        self.answer, self.before, self.plan = answer, before, list(plan)
        self.is_due = lambda: True

    def execute(self, text):
        if text.startswith("ALTER"):
            self.rows.append(None)
            self.happened("fenced")
            return one_row()
        while not self.is_due():
            time.sleep(0.001)
        copy = self.steps(text)
        if self.answer is not None:
            answer, self.answer, self.lost = self.answer, None, copy
            for _ in range(self.before):
                self.go_on()
            raise answer
        for event in copy:
            self.happened(event)
        return one_row(1)

    def steps(self, text):
        """INSERT … SELECT … FROM a file WHERE the table is empty."""
        began = len(self.rows)
        due = not any(self.rows)
        yield "snapshot"
        path = re.search(r"parquet\.`([^`]+)`", text)[1]
        content = self._sandbox_of().volumes.local(path)
        if not content.exists():
            raise SqlError("PATH_NOT_FOUND", f"Path does not exist: {path}.", "42K03")
        yield "read"
        if due:
            if None in self.rows[began:]:
                raise SqlError("DELTA_METADATA_CHANGED", "The metadata has changed.", "2D521")
            self.rows.append("row")
        yield "commit"

    def happened(self, event):
        """Let the lost copy do what it has put off until now."""
        while self.lost is not None and event in self.plan:
            self.plan.remove(event)
            self.go_on()

    def go_on(self):
        try:
            next(self.lost)
        except SqlError as error:
            self.ended = error.condition
            self.plan = []


@pytest.fixture(scope="module")
def bench():
    """The table, and what reaches it."""
    sandboxes = []
    table = Table(lambda: sandboxes[0])
    with quick_workspace(table.execute) as sandbox, pytest.MonkeyPatch.context() as patch:
        sandboxes.append(sandbox)
        connections = connections_of(sandbox, Time().backoff(600))
        staging = staging_of(sandbox, connections)
        overwrite, remove = VolumeFiles.overwrite, VolumeFiles._remove
        patch.setattr(
            VolumeFiles, "overwrite", lambda *a: (overwrite(*a), table.happened("copied"))
        )
        patch.setattr(VolumeFiles, "_remove", lambda *a: (remove(*a), table.happened("removed")))
        table.sandbox, table.connections, table.staging = sandbox, connections, staging
        yield table
        connections.close()


def insert(bench, fence):
    """Stage a row and insert it. Returns how often it is in."""
    path = f"{bench.staging.folder}/t-0.parquet"
    bench.staging.write_file("t-0.parquet", b"row")
    fence.run(f"INSERT INTO t SELECT * FROM parquet.`{path}` WHERE empty", "t", {}, [path])
    bench.happened("end")
    bench.staging.remove_file("t-0.parquet")
    return sum(row is not None for row in bench.rows)


LOSSES = {
    "the connection is cut": ConnectionCutError(),
    "a gateway answers 503": HttpError(503, "TEMPORARILY_UNAVAILABLE", "later", 1),
    "a gateway answers 502": HttpError(502, "BAD_GATEWAY", "Bad Gateway"),
    "the session is lost": InvalidSessionError(),
    "the handle is lost": SqlError("X", "Command 1 unexpectedly closed server side", "HY000"),
}


def schedules():
    """How many steps the first copy has done, and after which event it does each other one."""
    for before in range(len(STEPS) + 1):
        rest = len(STEPS) - before
        for plan in itertools.combinations_with_replacement(EVENTS, rest):
            yield before, plan


ALL = list(schedules())
SOME = ALL[::10]


@pytest.mark.parametrize(
    ("loss", "plans"),
    [
        ("the connection is cut", SOME),
        *((loss, ALL[i::40]) for i, loss in enumerate(list(LOSSES)[1:])),
        *(pytest.param(loss, ALL, marks=pytest.mark.stress) for loss in LOSSES),
    ],
)
def test_a_lost_statement_takes_effect_once_however_slow_its_copy_is(bench, loss, plans):
    fence = Fence(bench.connections, bench.staging)
    ends = set()
    for before, plan in plans:
        bench.begin(LOSSES[loss], before, plan)
        assert (insert(bench, fence), before, plan) == (1, before, plan)
        ends.add(bench.ended)
    assert ends <= {None, "PATH_NOT_FOUND", "DELTA_METADATA_CHANGED"}


def test_without_a_fence_two_copies_take_effect_and_each_half_of_it_is_needed(bench, monkeypatch):
    """The warehouse of this test would double rows; so would it with half a fence."""

    fence = Fence(bench.connections, bench.staging)

    def count(before, *plan):
        bench.begin(LOSSES["the connection is cut"], before, plan)
        return insert(bench, fence)

    with monkeypatch.context() as patch:
        patch.setattr(Fence, "_commit", lambda *_: None)
        assert count(2, "commit") == 2
    with monkeypatch.context() as patch:
        patch.setattr(type(bench.staging), "renew", lambda _, __, text="": text)
        assert count(0, "snapshot", "snapshot", "commit") == 2
    assert count(2, "commit") == count(0, "snapshot", "snapshot", "commit") == 1


def test_what_a_killed_run_has_at_work_takes_effect_once(bench):
    fence = Fence(bench.connections, bench.staging)
    for before, plan in SOME:
        bench.begin(LOSSES["the connection is cut"], before, plan)
        path = f"{bench.staging.folder}/t-0.parquet"
        bench.staging.write_file("t-0.parquet", b"row")
        text = f"INSERT INTO t SELECT * FROM parquet.`{path}` WHERE empty"
        with pytest.raises(ConnectionCutError):
            bench.execute(text)
        (left,) = bench.staging.files(".parquet")
        assert left == "t-0.parquet"
        fence.put(["t"], [path])
        (place,) = bench.sandbox.volumes.local(bench.staging.folder).glob("t-0~*")
        fence.run(text.replace("t-0.parquet", place.name), "t", {}, [path])
        bench.happened("end")
        bench.staging.remove_file("t-0.parquet")
        assert (sum(row is not None for row in bench.rows), before, plan) == (1, before, plan)


def test_a_statement_that_was_refused_is_neither_sent_again_nor_fenced(bench):
    bench.begin(SqlError("INSUFFICIENT_PERMISSIONS", "no MODIFY"), 0, ())
    with pytest.raises(StatementError, match="MODIFY"):
        insert(bench, Fence(bench.connections, bench.staging))
    assert bench.rows == []
    assert bench.staging.files(".parquet") == ["t-0.parquet"]


def test_an_answer_that_says_it_failed_is_no_lost_one(bench):
    """A conflict ended the first copy: the second needs no fence, which would fail others."""
    bench.begin(SqlError("DELTA_CONCURRENT_APPEND", "Files were added."), 0, ())
    assert insert(bench, Fence(bench.connections, bench.staging)) == 1
    assert bench.rows == ["row"]


def test_a_batch_under_another_name_is_found_by_the_next_run_under_its_own(bench):
    bench.begin(None, 3, ())
    path = f"{bench.staging.folder}/t-0.parquet"
    for name in ("t-0.parquet", "t-1.parquet"):
        bench.staging.write_file(name, name.encode())
        bench.sandbox.clock.advance(1)
    bench.staging.renew([path])
    assert bench.sandbox.volumes.local(path).exists() is False
    heir = staging_of(bench.sandbox, bench.connections)
    assert heir.staged_tables() == ["t"]
    assert heir.files(".parquet") == ["t-0.parquet", "t-1.parquet"]
    assert heir.read_file("t-0.parquet") == b"t-0.parquet"
    heir.restore([path])
    assert bench.sandbox.volumes.local(path).read_bytes() == b"t-0.parquet"
    for name in ("t-0.parquet", "t-1.parquet"):
        heir.remove_file(name)
    assert heir.files(".parquet") == []


def test_the_connector_sends_no_statement_twice_by_itself(bench):
    for loss in ("the connection is cut", "a gateway answers 503"):
        bench.begin(LOSSES[loss], 0, ())
        bench.sandbox.log.clear()
        with pytest.raises(StatementError):
            connections_of(bench.sandbox, Time().backoff(0)).run("INSERT INTO t")
        assert len(bench.sandbox.log.texts("INSERT")) == 1


def test_a_question_after_a_statement_that_fails_thirty_times_costs_nothing(bench):
    bench.begin(None, 3, ())
    bench.sandbox.answer_seconds = 0
    fault = bench.sandbox.faults.add(Fault("status", "http", "INSERT", times=30))
    bench.sandbox.log.clear()
    bench.is_due = lambda: fault.happened == fault.times
    assert insert(bench, Fence(bench.connections, bench.staging)) == 1
    bench.sandbox.answer_seconds = 5
    assert fault.happened == 30
    assert len(bench.sandbox.log.texts("INSERT")) == 1
    assert bench.rows == ["row"]


def test_a_fence_that_may_not_be_put_is_said(bench, caplog):
    bench.begin(LOSSES["the connection is cut"], 0, ())
    denied = Fault("execute", "error", "ALTER", condition="INSUFFICIENT_PERMISSIONS")
    bench.sandbox.faults.add(denied)
    assert insert(bench, Fence(bench.connections, bench.staging)) == 1
    assert "cannot be kept from a copy" in caplog.text
