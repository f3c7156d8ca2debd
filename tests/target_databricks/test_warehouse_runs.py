"""Several runs at once in one schema of a warehouse: none fails, no row is lost or doubled."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from contextlib import contextmanager

import pytest
from databricks_sandbox.faults import Fault
from target_databricks.errors import LoadError
from target_databricks.warehouse.client.connection import Connections
from target_databricks.warehouse.staging import leases
from target_databricks.warehouse.staging.leases import Leases

# Spark takes its time: one of a kind runs by default, `pytest -m stress` runs the others too.
SLOW = pytest.mark.stress

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}


def docs(singer, *ids, v="a"):
    schema = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    return [schema, *singer.records("docs", *({"id": i, "v": v} for i in ids))]


def logs(singer, x):
    return [singer.schema("logs", {"x": TEXT}, []), *singer.records("logs", {"x": x}, {"x": x})]


def others(singer, *ids):
    schema = singer.schema("others", {"id": INTEGER})
    return [schema, *singer.records("others", *({"id": i} for i in ids))]


def folder_of(warehouse):
    return f"/Volumes/main/{warehouse.schema}/_sdc_staging/{warehouse.name}"


@pytest.fixture
def in_flight(warehouse, command, tmp_path):
    """Another process that loads, held where a batch is staged and not yet in its table."""

    @contextmanager
    def run(table, text):
        reached, go_on = threading.Event(), threading.Event()
        loads = re.compile(rf"(MERGE|INSERT) INTO \S*`{table}`")
        real = warehouse.sandbox.executor.execute

        def execute(session, statement, *rest):
            if loads.match(statement) and not go_on.is_set():
                reached.set()
                go_on.wait(120)
            return real(session, statement, *rest)

        config, log = tmp_path / "config.json", tmp_path / "stderr"
        config.write_text(json.dumps(warehouse.config()))
        warehouse.sandbox.executor.execute = execute
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [command, "--config", str(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        try:
            process.stdin.write(text)
            process.stdin.close()
            assert reached.wait(60), log.read_text()
            yield go_on
            go_on.set()
            assert process.wait(60) == 0, log.read_text()
        finally:
            go_on.set()
            process.kill()
            process.wait()
            warehouse.sandbox.executor.execute = real

    return run


@pytest.fixture
def on_meeting(monkeypatch):
    """Call something once a run of this process meets the lease of another run."""
    create, planned = Leases._create, []

    def watched(self, path, mine):
        taken = create(self, path, mine)
        if not taken and planned:
            planned.pop()()
        return taken

    monkeypatch.setattr(Leases, "_create", watched)
    return planned.append


def test_a_run_begins_and_loads_while_another_has_a_batch_in_flight(
    warehouse, singer, in_flight, on_meeting
):
    with in_flight("docs", singer.text(docs(singer, 1, 2, v="first"))) as go_on:
        # Another stream needs nothing of what is held, and waits for nobody.
        warehouse.run(others(singer, 1), lock_timeout=1)
        assert not go_on.is_set()
        assert warehouse.rows("others", "id") == [1]
        # The same stream finds the file before the first run is done with it, and then waits.
        on_meeting(go_on.set)
        warehouse.run(docs(singer, 2, 3, v="second"))
        assert go_on.is_set()
    assert warehouse.rows("docs", "id", "v") == [
        {"id": 1, "v": "first"},
        {"id": 2, "v": "second"},
        {"id": 3, "v": "second"},
    ]
    assert warehouse.staged() == []


@SLOW
@pytest.mark.parametrize("table", ["docs", "logs"])
def test_a_run_of_the_same_streams_loses_and_doubles_nothing_of_one_in_flight(
    warehouse, singer, in_flight, on_meeting, table
):
    warehouse.run(docs(singer, 1), logs(singer, "old"))
    first = singer.text([*docs(singer, 1, 2, v="first"), *logs(singer, "first")])
    with in_flight(table, first) as go_on:
        on_meeting(go_on.set)
        warehouse.run(docs(singer, 2, 3, v="second"), logs(singer, "second"))
        assert go_on.is_set()
    values = [(row["id"], row["v"]) for row in warehouse.rows("docs", "id", "v")]
    assert values == [(1, "first"), (2, "second"), (3, "second")]
    assert warehouse.rows("logs", "x", by="x") == [
        x for x in ("first", "old", "second") for _ in range(2)
    ]
    assert warehouse.staged() == []


@SLOW
@pytest.mark.parametrize("table", ["logs", "docs"])
def test_a_batch_that_another_run_has_applied_and_removed_is_applied(
    warehouse, singer, monkeypatch, table
):
    """A run that takes the lease for lost replays what lies there while its own run is at it."""
    warehouse.run(docs(singer, 1), logs(singer, "old"))
    once, stolen = Connections._once, []

    def statement(self, connection, text, tags):
        if not stolen and re.match(rf"(MERGE|INSERT) INTO \S*`{table}`", text):
            stolen.append(text)
            warehouse.sandbox.volumes.local(f"{folder_of(warehouse)}/{table}.lease").unlink()
            warehouse.run()
        return once(self, connection, text, tags)

    monkeypatch.setattr(Connections, "_once", statement)
    new = [*docs(singer, 1, 2, v="b"), *logs(singer, "new"), *logs(singer, "new")]
    warehouse.run(new, singer.state({"n": 1}), parallel_streams=1, batch_size_rows=2)
    assert len(stolen) == 1
    assert warehouse.rows("docs", "id", "v") == [{"id": 1, "v": "b"}, {"id": 2, "v": "b"}]
    assert warehouse.rows("logs", "x", by="x") == ["new"] * 4 + ["old"] * 2
    assert warehouse.staged() == []


@SLOW
def test_a_staged_file_that_vanished_for_no_good_reason_costs_no_row(
    warehouse, singer, monkeypatch
):
    warehouse.run(docs(singer, 1), logs(singer, "old"))
    once, lost = Connections._once, []

    def statement(self, connection, text, tags):
        found = re.match(r"(?:MERGE|INSERT) INTO \S*`(docs|logs)`", text)
        if found and found[1] not in lost:
            lost.append(found[1])
            for name in [n for n in warehouse.staged() if n.startswith(found[1])]:
                warehouse.sandbox.volumes.local(f"{folder_of(warehouse)}/{name}").unlink()
        return once(self, connection, text, tags)

    monkeypatch.setattr(Connections, "_once", statement)
    warehouse.run(docs(singer, 1, 2, v="b"), logs(singer, "new"), parallel_streams=1)
    assert sorted(lost) == ["docs", "logs"]
    assert warehouse.rows("docs", "id", "v") == [{"id": 1, "v": "b"}, {"id": 2, "v": "b"}]
    assert warehouse.rows("logs", "x", by="x") == ["new", "new", "old", "old"]
    assert warehouse.staged() == []


@SLOW
@pytest.mark.parametrize("method", ["upsert", "overwrite"])
def test_what_a_dead_run_left_with_its_lease_is_applied_by_the_run_that_loads_the_table(
    warehouse, singer, monkeypatch, method
):
    monkeypatch.setattr(leases, "EXPIRY", 0.2)
    monkeypatch.setattr(leases, "SETTLING", 0.0)
    warehouse.run(docs(singer, 1))
    refused = Fault("execute", "error", "MERGE INTO .*docs", condition="INSUFFICIENT_PERMISSIONS")
    warehouse.sandbox.faults.add(refused)
    with pytest.raises(LoadError):
        warehouse.run(docs(singer, 1, 2, v="dead"))
    (left,) = warehouse.staged()
    warehouse.sandbox.volumes.write(f"{folder_of(warehouse)}/docs.lease", b"dead and gone")
    warehouse.run(others(singer, 1), lock_timeout=1)
    assert warehouse.staged() == [left]
    warehouse.run(docs(singer, 2, 3, v="heir"), load_method=method)
    dead = [{"id": 1, "v": "dead"}] if method == "upsert" else []
    assert warehouse.rows("docs", "id", "v") == [
        *dead,
        {"id": 2, "v": "heir"},
        {"id": 3, "v": "heir"},
    ]
    assert warehouse.staged() == []
