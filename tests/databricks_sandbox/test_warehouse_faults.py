"""Bad days on demand: what is planned happens, as often as planned, and then no more."""

from __future__ import annotations

import io
import threading
import time

import pytest
import requests
import urllib3
from databricks import sql
from databricks_sandbox.faults import Fault, concurrent_append, too_many_requests, unavailable


@pytest.fixture
def path(databricks_sandbox, databricks_schema):
    databricks_sandbox.sql(f"CREATE VOLUME main.{databricks_schema}.stage")
    return f"/Volumes/main/{databricks_schema}/stage/file.bin"


def put(cursor, path, content=b"x" * 100_000):
    cursor.execute(
        f"PUT '__input_stream__' INTO '{path}' OVERWRITE", input_stream=io.BytesIO(content)
    )


@pytest.mark.parametrize("make", [unavailable, too_many_requests])
def test_429_and_503_come_with_retry_after_and_pass(connect, databricks_sandbox, make):
    fault = databricks_sandbox.faults.add(make(match="SELECT 1"))
    cursor = connect(_retry_stop_after_attempts_count=3).cursor()
    cursor.execute("SELECT 1 AS a")
    assert cursor.fetchone().a == 1
    assert fault.happened == 1


def test_unavailable_for_ever_ends_after_the_clients_attempts(connect, databricks_sandbox):
    fault = databricks_sandbox.faults.add(unavailable(at="open_session", times=None))
    with pytest.raises((sql.exc.Error, urllib3.exceptions.HTTPError), match="503"):
        connect()
    assert fault.happened == 2


def test_a_fault_can_wait_for_its_turn(cursor, databricks_sandbox):
    databricks_sandbox.faults.add(concurrent_append(match="SELECT 7", times=1))
    databricks_sandbox.faults.add(
        Fault("execute", "error", "SELECT 8", skip=1, condition="FORCED", sqlstate="XX000")
    )
    with pytest.raises(sql.exc.ServerOperationError, match=r"DELTA_CONCURRENT_APPEND.*2D521"):
        cursor.execute("SELECT 7")
    cursor.execute("SELECT 7")
    cursor.execute("SELECT 8")
    with pytest.raises(sql.exc.ServerOperationError, match="FORCED"):
        cursor.execute("SELECT 8")
    cursor.execute("SELECT 8")


def test_real_conflicts_are_deltas_own(connect, databricks_sandbox, databricks_schema):
    table = f"main.{databricks_schema}.t"
    databricks_sandbox.sql(f"CREATE TABLE {table} AS SELECT id, 0 AS n FROM range(10)")
    outcomes = []

    def change(cursor, statement: str) -> None:
        try:
            cursor.execute(statement)
            outcomes.append("committed")
        except sql.exc.ServerOperationError as error:
            outcomes.append(str(error))

    # The first takes its time with the source, having looked at the table already.
    slow = (
        f"MERGE INTO {table} t USING (SELECT id, 1 AS n FROM range(10) "
        "WHERE reflect('java.lang.Thread', 'sleep', 400L) IS NULL OR true) s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET *"
    )
    first, second = connect().cursor(), connect().cursor()
    thread = threading.Thread(target=change, args=(first, slow))
    thread.start()
    jobs = databricks_sandbox.engine.spark().sparkContext.statusTracker()
    while thread.is_alive() and not jobs.getActiveJobsIds():
        time.sleep(0.05)
    change(second, f"UPDATE {table} SET n = 2")
    thread.join()
    assert outcomes.count("committed") == 1
    lost = next(outcome for outcome in outcomes if outcome != "committed")
    assert "DELTA_CONCURRENT" in lost
    assert "SQLSTATE: 2D521" in lost


def test_dropped_sessions_say_so_and_a_new_one_works(connect, databricks_sandbox):
    connection = connect()
    databricks_sandbox.sessions.close_all()
    with pytest.raises(sql.exc.DatabaseError, match="Invalid SessionHandle"):
        connection.cursor().execute("SELECT 1")
    connect().cursor().execute("SELECT 1")


def test_idle_sessions_are_dropped_after_a_quarter_of_an_hour(connect, databricks_sandbox):
    cursor = connect().cursor()
    databricks_sandbox.clock.advance(900)
    cursor.execute("SELECT 1")
    databricks_sandbox.clock.advance(901)
    with pytest.raises(sql.exc.DatabaseError, match="Invalid SessionHandle"):
        cursor.execute("SELECT 1")


def test_a_session_can_be_lost_at_a_statement(cursor, databricks_sandbox):
    databricks_sandbox.faults.add(Fault("execute", "invalid_session", "SELECT 2"))
    cursor.execute("SELECT 1")
    with pytest.raises(sql.exc.DatabaseError, match="Invalid SessionHandle"):
        cursor.execute("SELECT 2")


def test_an_answer_can_get_lost_after_the_work_is_done(connect, rows, databricks_sandbox,
                                                       databricks_schema):  # fmt: skip
    table = f"main.{databricks_schema}.t"
    databricks_sandbox.sql(f"CREATE TABLE {table} (a INT)")
    databricks_sandbox.faults.add(
        Fault("after_execute", "error", "INSERT", condition="LOST", sqlstate="08S01")
    )
    with pytest.raises(sql.exc.ServerOperationError, match="LOST"):
        connect().cursor().execute(f"INSERT INTO {table} VALUES (1)")
    assert rows(f"SELECT a FROM {table}") == [{"a": 1}]


def test_a_statement_that_is_polled_can_lose_its_polls_and_goes_on(connect, databricks_sandbox):
    databricks_sandbox.answer_seconds = 0
    cursor = connect().cursor()
    fault = databricks_sandbox.faults.add(Fault("status", "cut", "SELECT 9", times=2))
    with pytest.raises(sql.exc.RequestError, match="Error during request to server"):
        cursor.execute("SELECT 9 AS a")
    assert fault.happened == 2
    assert cursor.get_async_execution_result().fetchone().a == 9
    assert databricks_sandbox.log.texts("SELECT 9") == ["SELECT 9 AS a"]


def test_a_session_or_a_statement_can_be_lost_at_a_poll(connect, databricks_sandbox):
    databricks_sandbox.answer_seconds = 0
    databricks_sandbox.faults.add(Fault("status", "invalid_session", "SELECT 10"))
    databricks_sandbox.faults.add(Fault("status", "error", "SELECT 11", condition="INTERNAL_ERROR"))
    with pytest.raises(sql.exc.DatabaseError, match="Invalid OperationHandle"):
        connect().cursor().execute("SELECT 10")
    with pytest.raises(sql.exc.DatabaseError, match="INTERNAL_ERROR"):
        connect().cursor().execute("SELECT 11")


@pytest.mark.parametrize("at", ["execute", "after_execute"])
def test_a_cut_connection_is_no_answer(connect, databricks_sandbox, over, at):
    cursor = connect(**over).cursor()
    fault = databricks_sandbox.faults.add(Fault(at, "cut", "SELECT 3", times=None))
    with pytest.raises((sql.exc.Error, urllib3.exceptions.HTTPError, OSError)):
        cursor.execute("SELECT 3")
    assert fault.happened >= 1
    ran = [line for line in databricks_sandbox.log.statements if line.engine_seconds > 0]
    assert bool(ran) == (at == "after_execute")
    databricks_sandbox.faults.clear()
    cursor.execute("SELECT 3 AS a")
    assert cursor.fetchone().a == 3


def test_an_upload_cut_in_the_middle_leaves_nothing(connect, cursor, path, databricks_sandbox):
    databricks_sandbox.faults.add(Fault("upload", "cut", after_bytes=50_000))
    with pytest.raises(Exception, match=r"(?i)connection|reset|aborted|broken"):
        put(connect().cursor(), path)
    assert databricks_sandbox.volumes.files(path.rsplit("/", 1)[0]) == []
    assert [s.operation for s in databricks_sandbox.log.stagings] == ["PUT failed"]
    put(cursor, path)
    assert databricks_sandbox.volumes.local(path).stat().st_size == 100_000


def test_a_full_disk(cursor, path, databricks_sandbox):
    databricks_sandbox.faults.add(Fault("upload", "disk_full", "file.bin"))
    with pytest.raises(sql.exc.OperationalError, match=r"507.*No space left on device"):
        put(cursor, path)
    put(cursor, path)


def test_a_read_only_volume(cursor, path, databricks_sandbox):
    volume = ".".join(path.split("/")[2:5])
    put(cursor, path)
    databricks_sandbox.volumes.set_read_only(volume)
    with pytest.raises(sql.exc.OperationalError, match=r"403.*read-only"):
        put(cursor, path)
    with pytest.raises(sql.exc.OperationalError, match=r"403.*read-only"):
        cursor.execute(f"REMOVE '{path}'")
    databricks_sandbox.volumes.set_read_only(volume, False)
    put(cursor, path)


def test_slow_answers(cursor, databricks_sandbox):
    databricks_sandbox.faults.add(Fault("execute", "delay", "SELECT 4", seconds=0.3))
    cursor.execute("SELECT 4")
    cursor.execute("SELECT 5")
    assert [s.text for s in databricks_sandbox.log.statements] == ["SELECT 4", "SELECT 5"]
    assert databricks_sandbox.faults.planned()[0]["happened"] == 1


def test_a_stopped_warehouse_wakes_on_the_first_call(connect, databricks_sandbox):
    connection = connect()
    databricks_sandbox.warehouse.start_seconds = 60
    databricks_sandbox.warehouse.stop()
    with pytest.raises((sql.exc.Error, urllib3.exceptions.HTTPError), match="503"):
        connect()
    assert databricks_sandbox.warehouse.state == "STARTING"
    databricks_sandbox.clock.advance(60)
    with pytest.raises(sql.exc.DatabaseError, match="Invalid SessionHandle"):
        connection.cursor().execute("SELECT 1")
    connect().cursor().execute("SELECT 1")
    assert databricks_sandbox.warehouse.starts == 1


def test_the_oauth_endpoint_can_fail_too(databricks_sandbox):
    databricks_sandbox.faults.add(Fault("token", "http", status=429, retry_after=2))
    answer = requests.post(
        f"{databricks_sandbox.url}/oidc/v1/token",
        data={"grant_type": "client_credentials"},
        timeout=10,
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")


def test_everything_over_http(databricks_sandbox, connect):
    control = f"{databricks_sandbox.url}/sandbox"
    planned = requests.post(
        f"{control}/faults",
        json={"at": "execute", "effect": "error", "match": "SELECT 6", "condition": "TOLD",
              "sqlstate": "XX000"},
        timeout=10,
    )  # fmt: skip
    assert planned.json()[0]["match"] == "SELECT 6"
    with pytest.raises(sql.exc.ServerOperationError, match="TOLD"):
        connect().cursor().execute("SELECT 6")
    log = requests.get(f"{control}/log", timeout=10).json()
    assert log["statements"][-1]["state"] == "failed"
    before = databricks_sandbox.clock.now()
    requests.post(f"{control}/clock", json={"seconds": 10}, timeout=10)
    assert databricks_sandbox.clock.now() == before + 10
    switches = {"predictive_optimization": False, "answer_seconds": 0.0}
    answer = requests.post(f"{control}/switches", json=switches, timeout=10).json()
    assert switches.items() <= answer.items()
    assert databricks_sandbox.switches.predictive_optimization is False
    requests.post(f"{control}/warehouse", json={"state": "STOPPED"}, timeout=10)
    assert databricks_sandbox.warehouse.state == "STOPPED"
    wrong = requests.post(f"{control}/faults", json={"at": "nowhere", "effect": "cut"}, timeout=10)
    assert (wrong.status_code, "there are open_session" in wrong.text) == (400, True)
    assert requests.post(f"{control}/reset", timeout=10).json() == {}
    assert databricks_sandbox.warehouse.state == "RUNNING"
