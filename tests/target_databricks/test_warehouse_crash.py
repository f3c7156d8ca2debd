"""Invariant 3 in a warehouse: killed between two steps and run again, nothing is lost or double.

A driver that records what the target asks of the outside world (statements, and files moved to and
from the volume) passes everything on to the real connector and SDK, and dies where it is told to.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from target_databricks.errors import BusyError, LoadError
from target_databricks.warehouse.client.connection import Connections
from target_databricks.warehouse.staging import leases
from target_databricks.warehouse.staging.files import VolumeFiles
from target_databricks.warehouse.staging.volume import StagingVolume

# Spark takes its time: one of a kind runs by default, `pytest -m stress` runs the others too.
SLOW = pytest.mark.stress

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "v": TEXT}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}


class Crash(BaseException):
    """Stands for the end of the process."""


@dataclass
class Driver:
    """Everything the target asked for, in order, and where it is to die."""

    fatal: str = ""
    after: bool = True
    asked: list[str] = field(default_factory=list)
    dead: bool = False

    def step(self, name, work):
        if self.dead:
            raise Crash
        self.asked.append(name)
        last = bool(self.fatal) and self.fatal in name
        if last and not self.after:
            self.dead = True
            raise Crash
        result = work()
        if last:
            self.dead = True
            raise Crash
        return result


@pytest.fixture
def driver(monkeypatch):
    """A recording driver between the target and its clients; whoever waits for a lease is quick."""
    recorder = Driver()
    once, write, remove = Connections._once, VolumeFiles.write, VolumeFiles.remove

    def statement(self, connection, text, tags):
        return recorder.step(
            " ".join(text.split())[:200], lambda: once(self, connection, text, tags)
        )

    def upload(self, name, content):
        return recorder.step(f"upload {name}", lambda: write(self, name, content))

    def delete(self, path):
        return recorder.step(f"remove {path}", lambda: remove(self, path))

    monkeypatch.setattr(Connections, "_once", statement)
    monkeypatch.setattr(VolumeFiles, "write", upload)
    monkeypatch.setattr(VolumeFiles, "remove", delete)
    monkeypatch.setattr(leases, "EXPIRY", 0.2)
    monkeypatch.setattr(leases, "SETTLING", 0.0)
    return recorder


def story(singer, tag, count=4):
    """Keyed rows with lines, rows without keys, and a state in between and at the end."""
    yield singer.schema("docs", {"id": INTEGER, "v": TEXT, "lines": LINES})
    yield singer.schema("logs", {"x": INTEGER}, [])
    for i in range(count):
        lines = [{"n": n, "v": f"{tag}{i}.{n}"} for n in range(1 + i % 2)]
        yield singer.record("docs", {"id": i, "v": f"{tag}{i}", "lines": lines})
        yield singer.record("logs", {"x": i // 2})
        if i % 2:
            yield singer.state({"through": i})


def resumed(messages, states):
    """What the tap sends when it resumes from the last state that came out."""
    messages = list(messages)
    if not states:
        return messages
    schemas = [m for m in messages if m["type"] == "SCHEMA"]
    return schemas + messages[messages.index({"type": "STATE", "value": states[-1]}) + 1 :]


def told(count=4, tag="new"):
    """What the tables hold after the story."""
    lines = [
        {"id": i, "n": n, "v": f"{tag}{i}.{n}"} for i in range(count) for n in range(1 + i % 2)
    ]
    docs = [{"id": i, "v": f"{tag}{i}"} for i in range(count)]
    return {"docs": docs, "lines": lines, "logs": [i // 2 for i in range(count)]}


def found(place):
    """What the tables hold."""
    return {
        "docs": place.rows("docs", "id", "v"),
        "lines": place.rows("lines", "id", "n", "v", by=["id", "n"]),
        "logs": place.rows("logs", "x", by="x"),
    }


# A batch is uploaded, its lines are merged, then its documents, the file goes, the state comes out;
# rows without keys are uploaded, appended, and kept until the state is out. In between lies nothing
# that lasts, so that "after" one step is "before" the next.
STEPS = [
    pytest.param("upload docs-", False, marks=SLOW),
    pytest.param("upload docs-", True, marks=SLOW),
    ("MERGE INTO `main`.`SCHEMA`.`lines`", True),
    pytest.param("MERGE INTO `main`.`SCHEMA`.`docs`", True, marks=SLOW),
    pytest.param("remove /Volumes/main/SCHEMA/_sdc_staging/main.SCHEMA/docs-", True, marks=SLOW),
    pytest.param("upload logs-", True, marks=SLOW),
    pytest.param("INSERT INTO `main`.`SCHEMA`.`logs`", True, marks=SLOW),
    pytest.param("remove /Volumes/main/SCHEMA/_sdc_staging/main.SCHEMA/logs-", True, marks=SLOW),
    pytest.param("INSERT INTO `main`.`SCHEMA`.`_sdc_loads`", False, marks=SLOW),
]


@pytest.mark.parametrize(("step", "after"), STEPS)
def test_invariant_3_a_crash_between_any_two_steps(warehouse, singer, driver, step, after):
    warehouse.sandbox.session_settings.clear()  # with deletion vectors
    warehouse.run(story(singer, "old", count=2))
    messages = list(story(singer, "new"))
    driver.fatal, driver.after = step.replace("SCHEMA", warehouse.schema), after
    with suppress(Crash):
        warehouse.run(messages)
    assert driver.dead, driver.asked
    driver.dead, driver.fatal = False, ""
    warehouse.run(resumed(messages, warehouse.last.states))
    # What the first story appended stands before what the second did.
    expected = told()
    expected["logs"] = sorted([0, 0, *expected["logs"]])
    assert found(warehouse) == expected
    # Appended rows are kept in mind until a state covers them that came after they were recalled.
    assert [name for name in warehouse.staged() if not name.startswith("logs-")] == []


@SLOW
def test_a_batch_is_uploaded_merged_children_first_and_removed(warehouse, singer, driver):
    schema = singer.schema("docs", {"id": INTEGER, "v": TEXT, "lines": LINES})
    row = {"id": 1, "v": "a", "lines": [{"n": 1, "v": "x"}]}
    warehouse.run(schema, singer.record("docs", row))
    driver.asked.clear()
    warehouse.run(schema, singer.record("docs", {**row, "v": "b"}))
    work = [
        " ".join(asked.split("`")[0:6]).removesuffix(warehouse.schema).strip()
        for asked in driver.asked
        if asked.startswith(("upload docs-", "MERGE", "remove")) and ".lease" not in asked
    ]
    assert [entry.split()[0] for entry in work] == ["upload", "MERGE", "MERGE", "remove"]
    assert [entry.split()[-1] for entry in work[1:3]] == ["lines", "docs"]


@SLOW
def test_a_staged_file_is_applied_by_a_run_that_sends_nothing(warehouse, singer, driver):
    driver.fatal = "upload docs-"
    with suppress(Crash):
        # Whether rows without keys are staged meanwhile, side by side, would be a matter of luck.
        warehouse.run([m for m in story(singer, "new") if m.get("stream") != "logs"])
    driver.dead, driver.fatal = False, ""
    assert len(warehouse.staged()) == 1
    warehouse.run()
    assert warehouse.rows("docs", "id") == [0, 1, 2, 3]
    assert warehouse.staged() == []


@SLOW
@pytest.mark.parametrize("size", [100, 2], ids=["one batch", "several batches"])
def test_invariant_3_what_a_killed_run_appended_that_seems_to_be_at_work_still_is_not_doubled(
    warehouse, singer, driver, monkeypatch, size
):
    """The next run has staged the same rows already when it may look at what the dead one left."""
    schema = singer.schema("logs", {"x": INTEGER}, [])
    rows = [singer.record("logs", {"x": x}) for x in (2, 3, 3)]
    warehouse.run(schema, singer.record("logs", {"x": 1}), singer.state({"n": 1}))
    driver.fatal, driver.after = f"INSERT INTO `main`.`{warehouse.schema}`.`logs`", True
    with suppress(Crash):
        warehouse.run(schema, rows, batch_size_rows=size)
    driver.dead, driver.fatal = False, ""
    lease, refused = StagingVolume.lease, []

    def busy(self, table, *, wait=True):
        if not wait and not refused:
            refused.append(table)
            raise BusyError("It is at work.")
        return lease(self, table, wait=wait)

    monkeypatch.setattr(StagingVolume, "lease", busy)
    again = [schema, rows, singer.state({"n": 4}), singer.record("logs", {"x": 3})]
    warehouse.run(*again, batch_size_rows=size)
    assert refused == ["logs"]
    assert warehouse.rows("logs", "x", by="x") == [1, 2, 3, 3, 3]


@SLOW
def test_a_damaged_staged_file_is_left_alone_and_named(warehouse, singer):
    schema = singer.schema("docs", {"id": INTEGER})
    warehouse.run(schema, singer.record("docs", {"id": 1}))
    folder = f"/Volumes/main/{warehouse.schema}/_sdc_staging/{warehouse.name}"
    warehouse.sandbox.volumes.write(f"{folder}/docs-0123.parquet", b"PAR1 cut short")
    with pytest.raises(LoadError, match=r"docs-0123.*quarantined.*damaged"):
        warehouse.run()
    assert {name.partition(".")[0] for name in warehouse.staged()} == {"docs-0123"}
    assert warehouse.rows("docs", "id") == [1]


# The real process, really killed


def killed(command, config, text, delay):
    """Run the command and kill it a while after its first batch; gives the states that came out."""
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
    assert process.stdout
    with suppress(BrokenPipeError):
        process.stdin.write(text)
        process.stdin.close()
    for line in process.stderr:
        if b" read, " in line:
            break
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    out = process.stdout.read()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    return [json.loads(x) for x in out.split(b"\n") if x.endswith(b"}")]


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=SLOW) for n in range(2, 12))])
def test_invariant_3_kill_9_at_random(warehouse, singer, command, tmp_path, monkeypatch, seed):
    # Only the run after the kill is in this process, and it need not wait for the dead one's lease.
    monkeypatch.setattr(leases, "EXPIRY", 1.0)
    messages = list(story(singer, "new", count=24))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(warehouse.config(batch_size_rows=6)))
    delay = random.Random(seed).uniform(0, 4)
    states = killed(command, config, singer.text(messages), delay)
    warehouse.run(resumed(messages, states), batch_size_rows=12)
    assert found(warehouse) == told(count=24)
    assert warehouse.staged() == []
