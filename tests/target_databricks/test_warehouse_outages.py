"""Outages of five minutes at any call are waited out; what will not get better ends in seconds."""

from __future__ import annotations

import threading
import time
from itertools import count

import pytest
from databricks.sdk.clock import RealClock
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks_sandbox.clock import ManualClock
from databricks_sandbox.faults import Fault, already_there, not_ready, outage, unavailable
from databricks_sandbox.protocol import service
from quick_warehouse import (
    Time,
    config,
    connections_of,
    free_port,
    one_row,
    quick_workspace,
    staging_of,
)
from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.catalog import Catalog
from target_databricks.warehouse.client import access
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import StatementError
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.client.start import start
from target_databricks.warehouse.schemas import ensure_schema
from target_databricks.warehouse.sql.names import Schema


@pytest.fixture(scope="module")
def sandbox():
    def answer(_):
        while not sandbox.is_due():
            time.sleep(0.001)
        return one_row(1)

    with quick_workspace(answer, clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def passing(sandbox, monkeypatch):
    """Time that passes when somebody waits: ours, the workspace's and that of Databricks' SDK."""
    passing = Time(sandbox)
    sandbox.is_due = lambda: True
    monkeypatch.setattr(RealClock, "time", lambda _: passing.now)
    monkeypatch.setattr(RealClock, "sleep", lambda _, seconds: passing.sleep(seconds))
    yield passing
    sandbox.reset()


@pytest.fixture
def connections(sandbox, passing):
    made = connections_of(sandbox, passing.backoff(600))
    yield made
    made.close()


def outlasted(passing):
    return 300 <= passing.now <= 400


SLOW = pytest.mark.stress


@pytest.mark.parametrize(("at", "effect"), [
    ("open_session", "http"), pytest.param("open_session", "cut", marks=SLOW),
    ("execute", "cut"), pytest.param("execute", "http", marks=SLOW),
    ("after_execute", "cut"),
    ("fetch", "http"), pytest.param("fetch", "cut", marks=SLOW),
])  # fmt: skip
def test_an_outage_at_a_statement_is_survived(
    sandbox, passing, connections, at, effect, quick_open
):
    if at == "fetch":
        # Rows are fetched for themselves only where the answer was late.
        sandbox.switches.answer_seconds = 0
        asked = sandbox.faults.add(Fault("status", "delay", times=None))
        sandbox.is_due = lambda: asked.happened >= len(sandbox.log.texts("INSERT"))
    sandbox.faults.add(outage(at, effect=effect))
    assert connections.run("INSERT INTO t").to_pylist() == [{"num_affected_rows": 1}]
    assert outlasted(passing), passing.now


@pytest.fixture
def quick_open(monkeypatch):
    """Opening a session has one retry of the connector's own, after five real seconds."""
    from databricks.sql.auth import retry

    monkeypatch.setattr(retry.time, "sleep", lambda _: None)


def test_an_outage_at_polls_is_survived_by_the_statement_that_was_sent(
    sandbox, passing, connections
):
    sandbox.switches.answer_seconds = 0
    sandbox.is_due = lambda: passing.now >= 300
    fault = sandbox.faults.add(outage("status"))
    assert connections.run("INSERT INTO t").num_rows == 1
    assert outlasted(passing), passing.now
    assert fault.happened > 30
    assert len(sandbox.log.texts("INSERT")) == 1


@pytest.mark.parametrize("lost", [False, True])
def test_a_statement_that_the_warehouse_never_ends_is_ended_from_here(
    sandbox, passing, lost, monkeypatch
):
    sandbox.switches.answer_seconds = 0
    monkeypatch.setattr(service, "POLL_SECONDS", 0.0)
    over = threading.Event()
    sandbox.is_due = over.is_set
    # Each look at the clock takes five minutes.
    ticks = count(step=300)
    backoff = Backoff(6000.0, lambda: float(next(ticks)), passing.sleep)
    connections = connections_of(sandbox, backoff, {"statement_timeout": "900"})
    if lost:
        # Nor does it say how the statement is doing.
        sandbox.faults.add(outage("status", effect="cut"))
    try:
        with pytest.raises(StatementError) as raised:
            connections.run("INSERT INTO t")
    finally:
        over.set()
        connections.close()
    (statement,) = sandbox.log.statements
    if lost:
        assert "does not say how a statement is doing" in str(raised.value)
    else:
        assert str(raised.value).startswith("The statement ran for more than 900 s")
        assert "Raise the setting 'statement_timeout'" in str(raised.value)
        assert raised.value.problem.kind is Kind.TABLE
        assert statement.state == "canceled"
    assert next(ticks) < 6000


def test_a_statement_within_its_time_is_answered(sandbox, passing):
    connections = connections_of(sandbox, passing.backoff(600), {"statement_timeout": "900"})
    assert connections.run("INSERT INTO t").to_pylist() == [{"num_affected_rows": 1}]
    connections.close()


CALLS = {
    "upload": lambda files, _: files.write("a-1.parquet", b"x"),
    "uploaded": lambda files, _: files.write("a-1.parquet", b"x"),
    "download": lambda files, path: files.read(path),
    "remove": lambda files, path: files.remove(path),
}


@pytest.mark.parametrize("effect", ["http", pytest.param("cut", marks=SLOW)])
@pytest.mark.parametrize("at", CALLS)
def test_an_outage_at_a_file_is_survived(sandbox, passing, connections, at, effect):
    files = staging_of(sandbox, connections)._files
    path = files.write("a-1.parquet", b"x")
    sandbox.faults.add(outage(at, effect=effect))
    CALLS[at](files, path)
    assert outlasted(passing), passing.now
    assert files.read(path) == (None if at == "remove" else b"x")


@pytest.mark.parametrize("call", [
    ("GET .*directories", lambda files: files.list(".parquet")),
    ("PUT .*directories", lambda files: files.make_folder()),
    ("HEAD .*files", lambda files: files.is_gone(f"{files.folder}/a-1.parquet")),
])  # fmt: skip
def test_an_outage_at_a_folder_is_survived(sandbox, passing, connections, call):
    match, make = call
    files = staging_of(sandbox, connections)._files
    files.write("a-1.parquet", b"x")
    sandbox.faults.add(outage("api", match))
    make(files)
    assert outlasted(passing), passing.now
    assert files.list(".parquet") == [f"{files.folder}/a-1.parquet"]


def test_an_outage_when_the_warehouse_is_looked_at_is_survived(sandbox, passing):
    way = make_access(config(sandbox))
    sandbox.faults.add(outage("api", "GET .*warehouses"))
    start(way, passing.backoff(600))
    assert outlasted(passing), passing.now


def test_an_outage_at_the_token_service_is_survived(sandbox, passing, quick_open):
    settings = {
        "access_token": None,
        "client_id": sandbox.admin.client_id,
        "client_secret": sandbox.admin.client_secret,
    }
    connections = connections_of(sandbox, passing.backoff(600), **settings)
    sandbox.faults.add(outage("token"))
    assert connections.run("SELECT 1").num_rows == 1
    assert outlasted(passing), passing.now
    connections.close()


def test_a_host_that_does_not_answer_for_minutes_is_waited_for(sandbox, passing, monkeypatch):
    connect = access.socket.create_connection

    def refuse(*arguments, **more):
        if passing.now < 300:
            raise ConnectionRefusedError(111, "Connection refused")
        return connect(*arguments, **more)

    monkeypatch.setattr(access.socket, "create_connection", refuse)
    monkeypatch.setattr(access, "Backoff", passing.backoff)
    make_access(config(sandbox))
    assert outlasted(passing), passing.now


def test_a_warehouse_that_runs_and_is_not_ready_is_waited_for(sandbox, passing, connections):
    fault = sandbox.faults.add(not_ready(times=5))
    assert connections.run("SELECT 1").num_rows == 1
    assert fault.happened == 5
    assert passing.now < 60


def test_an_expired_token_is_renewed_once(sandbox, passing, connections):
    """A workspace answers 403 then, as if a privilege were missing."""
    expired = Fault("execute", "http", status=403, condition="PERMISSION_DENIED",
                    message="Token is expiring within 30 seconds. (token expired)")  # fmt: skip
    connections.run("SELECT 1")
    sandbox.faults.add(expired)
    assert connections.run("SELECT 1").num_rows == 1
    assert passing.now < 5


# What somebody else was faster with


def test_what_another_run_has_just_made_is_there(sandbox, passing, connections):
    missing = Fault(
        "execute", "error", "DESCRIBE SCHEMA", condition="SCHEMA_NOT_FOUND", message="no"
    )
    makes = [f"CREATE {kind}" for kind in ("SCHEMA", "VOLUME", "TABLE")]
    races = [already_there(start, start.split()[-1]) for start in makes]
    for fault in (missing, *races):
        sandbox.faults.add(fault)
    catalog = Catalog(make_access(config(sandbox)).client, Schema("main", "books"))
    assert ensure_schema(connections, catalog)
    staging_of(sandbox, connections)._create()
    connections.make("CREATE TABLE IF NOT EXISTS `main`.`books`.`docs` (`id` BIGINT)")
    assert [fault.happened for fault in races] == [1, 1, 1]
    assert [len(sandbox.log.texts(start)) for start in makes] == [1, 1, 1]


# Final errors


@pytest.mark.parametrize(("fault", "words"), [
    (Fault("execute", "error", condition="INSUFFICIENT_PERMISSIONS", times=None), "grants"),
    (Fault("execute", "http", status=403, condition="X", message="no", times=None), "privilege"),
    (
        Fault("open_session", "http", status=403, condition="X", times=None,
              message="Source IP address: 192.0.2.1 is blocked by Databricks IP ACL"),
        "IP access list",
    ),
])  # fmt: skip
def test_a_final_error_ends_a_statement_in_seconds(sandbox, passing, connections, fault, words):
    sandbox.faults.add(fault)
    with pytest.raises(StatementError, match=words):
        connections.run("SELECT 1")
    assert passing.now < 5


def test_a_final_error_ends_a_call_for_a_file_in_seconds(sandbox, passing, connections):
    files = staging_of(sandbox, connections)._files
    sandbox.volumes.set_read_only("main.books.staging")
    with pytest.raises(PermissionDenied):
        files.write("a-2.parquet", b"x")
    sandbox.volumes.set_read_only("main.books.staging", False)
    sandbox.faults.add(Fault("api", "http", status=404, condition="NOT_FOUND", message="no"))
    with pytest.raises(NotFound):
        files.make_folder()
    assert passing.now < 5


def test_a_name_that_no_host_has_is_not_waited_for(sandbox):
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match="'server_hostname'"):
        make_access({**config(sandbox), "server_hostname": "no-such-workspace.invalid"})
    assert time.monotonic() - began < 30


def test_a_host_where_nobody_listens_ends_in_the_time_that_is_set(sandbox, passing, monkeypatch):
    monkeypatch.setattr(access, "Backoff", passing.backoff)
    with pytest.raises(ConfigurationError, match="'server_hostname'"):
        make_access({**config(sandbox), "server_hostname": f"http://127.0.0.1:{free_port()}"})
    assert 600 <= passing.now < 700


def test_an_outage_that_does_not_end_ends_the_run(sandbox, passing, connections, quick_open):
    sandbox.faults.add(unavailable("execute", times=None))
    with pytest.raises(StatementError):
        connections.run("SELECT 1")
    assert 600 <= passing.now < 700


def test_a_run_that_has_failed_waits_for_nobody_any_more(sandbox, passing, connections):
    staging = staging_of(sandbox, connections)
    connections.backoff = Backoff(0.0, lambda: passing.now, passing.sleep)
    sandbox.faults.add(outage("api", "files"))
    with pytest.raises(Exception, match=r"(?i)unavailable|timed out"):
        staging.write_file("a-3.parquet", b"x")
    assert passing.now <= 70
