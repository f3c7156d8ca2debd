"""Invariant 3: killed at any instant and run again, the tables are those of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import nullcontext, suppress

import pytest
from deltalake import DeltaTable
from target_databricks.errors import LoadError
from target_databricks.lakehouse.spool import Spool
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.lakehouse.writing import BatchWriter
from target_databricks.loading.ledger import Ledger
from target_databricks.loading.load import Load

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "v": TEXT}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}


class Crash(BaseException):
    """Stands for the end of the process."""


def story(singer, tag, *, first=0, count=12):
    """Keyed rows with lines, rows without keys and states, one after the other."""
    yield singer.schema("docs", {"id": INTEGER, "v": TEXT, "lines": LINES})
    yield singer.schema("logs", {"x": INTEGER}, [])
    for i in range(first, first + count):
        lines = [{"n": n, "v": f"{tag}{i}.{n}"} for n in range(i % 3)]
        yield singer.record("docs", {"id": i, "v": f"{tag}{i}", "lines": lines})
        yield singer.record("logs", {"x": i // 2})
        if i % 3 == 2:
            yield singer.state({"through": i})


def resumed(messages, states):
    """What the tap sends when it resumes from the last state that came out."""
    messages = list(messages)
    reached = states[-1]["through"] if states else None
    schemas = [m for m in messages if m["type"] == "SCHEMA"]
    if reached is None:
        return messages
    position = messages.index({"type": "STATE", "value": {"through": reached}})
    return schemas + messages[position + 1 :]


# Calls after or before which a process may die: one batch stages, writes lines, writes documents,
# leaves the spool, lets its state out, and in the end comes the ledger.
INSTANTS = [
    (owner, method, after)
    for owner, method in (
        (Spool, "stage"),
        (LakehouseTable, "append"),
        (LakehouseTable, "replace"),
        (BatchWriter, "_merge_children"),
        (BatchWriter, "_merge_parents"),
        (Spool, "done"),
        (Spool, "keep"),
        (Load, "confirm"),
    )
    for after in (False, True)
]


def name(value):
    return getattr(value, "__name__", {True: "after", False: "before"}.get(value, value))


def die_at(monkeypatch, owner, method, after, call):
    """Arm a crash at one call of a method. Gives a list that fills when it went off."""
    real = getattr(owner, method)
    calls, gone = [], []

    def fatal(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == call and not after:
            gone.append(1)
            raise Crash
        result = real(self, *args, **kwargs)
        if len(calls) == call:
            gone.append(1)
            raise Crash
        return result

    monkeypatch.setattr(owner, method, fatal)
    # A dead process neither writes its ledger nor tidies; the system takes its lock away.
    monkeypatch.setattr(Load, "close", lambda self, *, failed: self._backend.release())
    return gone


@pytest.fixture(scope="module")
def half_told(tmp_path_factory, singer, lakehouse):
    """A lakehouse that holds the first half of the story."""
    place = lakehouse(tmp_path_factory.mktemp("half") / "lake")
    place.run(story(singer, "old", count=6), batch_size_rows=4)
    return place


@pytest.fixture(scope="module")
def whole_story(tmp_path_factory, singer, lakehouse, half_told):
    """What the tables hold after the whole story, undisturbed."""
    place = lakehouse(tmp_path_factory.mktemp("whole") / "lake")
    shutil.copytree(half_told.folder, place.folder)
    place.run(story(singer, "new"), batch_size_rows=4)
    return place.books()


@pytest.mark.parametrize(
    ("owner", "method", "after", "call"),
    [(*instant, 1) for instant in INSTANTS]
    + [
        pytest.param(*instant, 3, marks=pytest.mark.stress)
        for instant in INSTANTS
        if instant[0] is Spool
    ],
    ids=name,
)
def test_invariant_3_a_crash_at_a_chosen_instant(
    folder, half_told, whole_story, singer, monkeypatch, owner, method, after, call
):
    shutil.copytree(half_told.folder, folder.folder)
    messages = list(story(singer, "new"))
    with monkeypatch.context() as patched:
        gone = die_at(patched, owner, method, after, call)
        with suppress(Crash):
            folder.run(messages, batch_size_rows=4)
    assert gone
    folder.run(resumed(messages, folder.last.states), batch_size_rows=4)
    assert folder.books() == whole_story
    assert folder.staged() == []


def test_invariant_3_crash_upon_crash(folder, new_place, singer, monkeypatch):
    """Recovery itself is interrupted, too, at every step in turn."""
    undisturbed = new_place("undisturbed")
    messages = list(story(singer, "a"))
    undisturbed.run(messages)
    states = []
    for owner, method, after in INSTANTS:
        with monkeypatch.context() as patched:
            die_at(patched, owner, method, after, 1)
            with suppress(Crash):
                folder.run(resumed(messages, states), batch_size_rows=5)
        states += folder.last.states
    folder.run(resumed(messages, states), batch_size_rows=5)
    assert folder.books() == undisturbed.books()


@pytest.mark.parametrize("method", ["flush", "add"])
def test_invariant_3_a_crash_at_the_ledger(
    folder, whole_story, half_told, singer, monkeypatch, method
):
    shutil.copytree(half_told.folder, folder.folder)
    messages = list(story(singer, "new"))

    def fatal(self, *args):
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, method, fatal)
        with pytest.raises(Crash):
            folder.run(messages, batch_size_rows=4)
    folder.run(resumed(messages, folder.last.states), batch_size_rows=4)
    assert folder.books() == whole_story
    assert folder.staged() == []


def test_a_staged_file_is_applied_by_a_run_that_sends_nothing(folder, singer, monkeypatch):
    with monkeypatch.context() as patched:
        die_at(patched, LakehouseTable, "append", False, 1)
        with suppress(Crash):
            folder.run(story(singer, "a"))
    assert len(folder.staged()) == 1
    folder.run()
    assert folder.rows("docs", "id") == list(range(12))
    assert folder.staged() == []
    assert [r["rows_inserted"] for r in folder.loads()] == [12]


def test_a_staged_file_finds_a_table_that_has_changed_since(folder, singer, monkeypatch):
    schema = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    folder.run(schema, singer.record("docs", {"id": 1, "v": "old"}))
    with monkeypatch.context() as patched:
        die_at(patched, LakehouseTable, "append", False, 1)
        with suppress(Crash):
            folder.run(schema, singer.records("docs", {"id": 1, "v": "new"}, {"id": 2, "v": "n"}))
    spool = folder.schema_folder / "_spool"
    (staged,) = spool.glob("*.parquet")
    kept = staged.read_bytes()
    staged.unlink()
    wide = singer.schema("docs", {"id": INTEGER, "v": TEXT, "w": INTEGER})
    folder.run(wide, singer.record("docs", {"id": 1, "v": "other", "w": 5}))
    staged.write_bytes(kept)
    folder.run()
    assert folder.rows("docs", "v") == ["new", "n"]
    assert folder.rows("docs", "w") == [5, None]


def test_a_spool_that_was_lost_doubles_no_line(folder, singer, monkeypatch):
    """A machine that vanishes takes its local disk along, and the object store keeps the rows."""
    folder.run(story(singer, "old", count=3))
    messages = list(story(singer, "new", first=3))
    with monkeypatch.context() as patched:
        die_at(patched, BatchWriter, "_merge_children", True, 1)
        with suppress(Crash):
            folder.run(messages)
    shutil.rmtree(folder.schema_folder / "_spool")
    folder.run(messages)
    kept = [(i, n) for i in range(15) for n in range(i % 3)]
    lines = folder.rows("lines", "id", "n", by=["id", "n"])
    assert [tuple(r.values()) for r in lines] == kept
    # The doubt is over: new parents are appended again.
    folder.run(story(singer, "newer", first=15, count=3))
    assert len(folder.rows("lines")) == len(kept) + 3


# The real process, really killed


def many(singer, rows):
    yield singer.schema("docs", {"id": INTEGER, "v": TEXT, "lines": LINES})
    yield singer.schema("logs", {"x": INTEGER}, [])
    for i in range(rows):
        lines = [{"n": n, "v": f"{i}.{n}"} for n in range(i % 4)]
        yield singer.record("docs", {"id": i % (rows // 2), "v": str(i), "lines": lines})
        yield singer.record("logs", {"x": i // 5})
        if i % 50 == 49:
            yield singer.state({"through": i})


def killed(command, config, text, delay):
    """Run the command and kill it after a while; gives the states that came out."""
    process = subprocess.Popen(
        [command, "--config", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A line for each batch.
        env={**os.environ, "LOGLEVEL": "DEBUG"},
    )
    assert process.stdin
    assert process.stderr
    with suppress(BrokenPipeError):
        process.stdin.write(text)
        process.stdin.close()
    # Time counts from the first batch that was loaded, not from Python's start.
    for line in process.stderr:
        if b" read, " in line:
            break
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    assert process.stdout
    out = process.stdout.read()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    states = [json.loads(x) for x in out.split(b"\n") if x.endswith(b"}")]
    return states, process.returncode


@pytest.mark.parametrize("seed", [1, 2])
def test_invariant_3_kill_9_at_random(folder, new_place, singer, command, tmp_path, seed):
    messages = list(many(singer, 600))
    undisturbed = new_place("undisturbed")
    undisturbed.run(messages)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(folder.config(batch_size_rows=40)))
    chance = random.Random(seed)
    states, codes = [], []
    for _ in range(2):
        text = singer.text(resumed(messages, states))
        new, code = killed(command, config, text, chance.uniform(0, 0.4))
        states += new
        codes.append(code)
    assert -signal.SIGKILL in codes
    folder.run(resumed(messages, states))
    assert folder.books() == undisturbed.books()
    assert folder.staged() == []


def test_told_to_stop_the_command_finishes_its_batch_and_lets_go(folder, singer, command, tmp_path):
    messages = list(many(singer, 200))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(folder.config(batch_size_rows=40)))
    process = subprocess.Popen(
        [command, "--config", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A line for each batch.
        env={**os.environ, "LOGLEVEL": "DEBUG"},
    )
    assert process.stdin
    assert process.stderr
    process.stdin.write(singer.text(messages))
    process.stdin.flush()
    for line in process.stderr:
        if b" read, " in line:
            break
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"Traceback" not in err
    states = [json.loads(x) for x in out.split(b"\n") if x]
    undisturbed = type(folder)(tmp_path / "undisturbed")
    undisturbed.run(messages)
    folder.run(resumed(messages, states))
    assert folder.books() == undisturbed.books()


def test_rows_of_a_tap_without_states_are_appended_though_another_stream_fails(folder, singer):
    docs = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    folder.run(docs, singer.record("docs", {"id": 1, "v": "a"}))
    DeltaTable(folder.schema_folder / "docs").alter.add_constraint({"not_bad": "v <> 'bad'"})
    with pytest.raises(LoadError):
        folder.run(docs, singer.record("docs", {"id": 2, "v": "bad"}))
    for tries in range(3):
        with pytest.raises(LoadError) if tries < 2 else nullcontext():
            folder.run(singer.schema("logs", {"x": INTEGER}, []), singer.record("logs", {"x": 7}))
    assert folder.rows("logs", "x") == [7, 7, 7]
