"""What can go wrong with a warehouse: the message, the exit code, and the next good run's rows."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
import urllib3
from databricks.sdk import oauth
from databricks.sql.auth import retry
from databricks_sandbox.faults import Fault, concurrent_append, too_many_requests, unavailable
from target_databricks.errors import LoadError
from target_databricks.warehouse.client.connection import Connections

# Spark takes its time: one of a kind runs by default, `pytest -m stress` runs the others too.
SLOW = pytest.mark.stress

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
SECRET = "dose-not-the-right-secret"


def one_by_default(cases, first):
    """The names of some cases; all but one are slow."""
    return [name if name == first else pytest.param(name, marks=SLOW) for name in cases]


def docs(singer, *ids, v="a"):
    return [
        singer.schema("docs", {"id": INTEGER, "v": TEXT}),
        *singer.records("docs", *[{"id": i, "v": v} for i in ids]),
        singer.state({"through": ids[-1]}),
    ]


@pytest.fixture
def meanwhile(monkeypatch):
    """Let something happen in the workspace just before a statement is sent."""
    once = Connections._once
    planned = []

    def statement(self, connection, text, tags):
        for plan in list(planned):
            if plan[0] in text:
                planned.remove(plan)
                plan[1]()
        return once(self, connection, text, tags)

    monkeypatch.setattr(Connections, "_once", statement)
    yield lambda match, action: planned.append((match, action))
    assert planned == [], "it did not come to that"


@pytest.fixture
def no_pause(monkeypatch):
    """The connector does not wait before it tries again, which takes it five seconds each time."""
    stopped = SimpleNamespace(time=time.time, sleep=lambda _: None)
    monkeypatch.setattr(retry, "time", stopped)
    monkeypatch.setattr(urllib3.util.retry, "time", stopped)


# What is wrong before the first row: said by the real command, quickly, with exit code 1


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


WRONG = {
    "host that is not known": (
        lambda _: {"server_hostname": "no-such-workspace.invalid"},
        ["no-such-workspace.invalid", "'server_hostname'"],
    ),
    "host that does not answer": (
        lambda _: {"server_hostname": f"http://127.0.0.1:{free_port()}", "warehouse_timeout": 1},
        ["cannot be reached", "'server_hostname'"],
    ),
    "path of no warehouse": (
        lambda _: {"http_path": "/sql/1.0/warehouses/ffffffffffffffff"},
        ["'http_path'"],
    ),
    "secret that has expired": (
        lambda sandbox: {
            "access_token": None,
            "client_id": sandbox.admin.client_id,
            "client_secret": SECRET,
        },
        ["'client_secret'"],
    ),
    "token that is not known": (
        lambda _: {"access_token": "dapi0123456789abcdef"},
        ["'access_token'"],
    ),
    "catalog that is not there": (lambda _: {"catalog": "finanse"}, ["'catalog'", "finanse"]),
    "user who may not use the warehouse": (
        lambda sandbox: {
            "access_token": sandbox.identity.add_service_principal(
                "stranger", can_use_warehouse=False
            ).access_token
        },
        ["SQL warehouse", "permission"],
    ),
    "user who may not use the schema": (
        lambda sandbox: {"access_token": sandbox.nobody.access_token},
        ["target-databricks-grants"],
    ),
}


@pytest.mark.parametrize("what", one_by_default(WRONG, "secret that has expired"))
def test_a_wrong_setting_ends_the_run_in_seconds_with_the_sentence_that_helps(
    warehouse, singer, cli, what
):
    change, words = WRONG[what]
    settings = warehouse.config(**change(warehouse.sandbox))
    began = time.monotonic()
    done = cli(singer.text(docs(singer, 1)), {k: v for k, v in settings.items() if v is not None})
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert [word for word in words if word not in last] == [], last
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for hidden in (SECRET, "dapi0123456789abcdef", warehouse.sandbox.admin.access_token):
        assert hidden not in done.stderr
    # Not a timed test: only that nobody waits for what will not come.
    assert time.monotonic() - began < 60
    warehouse.run(docs(singer, 1))
    assert warehouse.rows("docs", "id") == [1]


# What goes wrong on the way: the run ends, and the next good one ends with the right rows


BROKEN = {
    "the disk of the volume is full": (
        Fault("upload", "disk_full", r"docs-.*\.parquet", times=None),
        "could not be uploaded",
    ),
    "the volume is read-only": (None, "read-only"),
    "the warehouse refuses to merge": (
        Fault(
            "execute",
            "error",
            "MERGE INTO",
            times=None,
            condition="INSUFFICIENT_PERMISSIONS",
            message="Insufficient privileges: User does not have MODIFY on Table 'docs'.",
        ),
        "target-databricks-grants",
    ),
    "the engine has a bug": (
        Fault(
            "execute",
            "error",
            "MERGE INTO",
            times=None,
            condition="INTERNAL_ERROR",
            message="The planner came to no end.",
        ),
        "INTERNAL_ERROR",
    ),
}


@pytest.mark.parametrize("what", one_by_default(BROKEN, "the volume is read-only"))
def test_a_run_that_cannot_write_says_so_and_the_next_one_mends_it(warehouse, singer, cli, what):
    fault, words = BROKEN[what]
    warehouse.run(docs(singer, 1))
    staging = f"main.{warehouse.schema}._sdc_staging"
    if fault is None:
        warehouse.sandbox.volumes.set_read_only(staging, True)
    else:
        warehouse.sandbox.faults.add(fault)
    done = cli(singer.text(docs(singer, 1, 2, v="b")), warehouse.config())
    assert done.returncode == 1
    assert words in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    warehouse.sandbox.faults.clear()
    warehouse.sandbox.volumes.set_read_only(staging, False)
    done = cli(singer.text(docs(singer, 1, 2, v="b")), warehouse.config())
    assert (done.returncode, done.stdout) == (0, '{"through":2}\n'), done.stderr
    assert warehouse.rows("docs", "id", "v") == [{"id": 1, "v": "b"}, {"id": 2, "v": "b"}]
    assert warehouse.staged() == []


@SLOW
def test_no_state_comes_out_for_rows_that_could_not_be_applied(warehouse, singer):
    refused = BROKEN["the warehouse refuses to merge"][0]
    refusal = replace(refused, skip=1)
    warehouse.sandbox.faults.add(refusal)
    messages = [singer.schema("docs", {"id": INTEGER})]
    for i in range(4):
        messages += [singer.record("docs", {"id": i}), singer.state({"n": i + 1})]
    with pytest.raises(LoadError, match=r"(?s)'docs'.*privileges.*next run applies it first"):
        warehouse.run(messages, batch_size_rows=1, merge_every=0)
    assert warehouse.last.states[-1] == {"n": 2}
    assert warehouse.rows("docs", "id") == [0, 1]
    assert "privileges" in warehouse.loads()[-1]["error"]
    warehouse.sandbox.faults.clear()
    # The next run applies what stayed behind, even if its tap sends nothing.
    warehouse.run()
    assert warehouse.rows("docs", "id") == [0, 1, 2]


# What passes by itself: the run goes on


PASSING = {
    "an upload is cut off": Fault("upload", "cut", r"\.parquet", after_bytes=100),
    "an upload meets 503": unavailable("upload", r"\.parquet"),
    "another writer was faster": concurrent_append(),
    "the warehouse is out for a moment": unavailable("execute", "MERGE"),
    "there are too many requests": too_many_requests("execute", "MERGE"),
    "the session is lost": Fault("execute", "invalid_session", "MERGE"),
    "the connection is cut before the work": Fault("execute", "cut", "MERGE"),
    "the connection is cut after the work": Fault("after_execute", "cut", "MERGE"),
    "the answer gets lost after rows were appended": Fault("after_execute", "cut", "INTO .*logs"),
}


@pytest.mark.parametrize("what", one_by_default(PASSING, "the connection is cut after the work"))
def test_what_passes_is_waited_out(warehouse, singer, what):
    fault = warehouse.sandbox.faults.add(PASSING[what])
    log = [singer.schema("logs", {"x": INTEGER}, []), *singer.records("logs", {"x": 1}, {"x": 1})]
    warehouse.run(log, docs(singer, 1, 2), batch_size_rows=1, merge_every=0)
    assert fault.happened == 1
    assert warehouse.rows("docs", "id") == [1, 2]
    assert warehouse.rows("logs", "x", by="x") == [1, 1]
    assert warehouse.last.states == [{"through": 2}]
    assert warehouse.staged() == []


# Every other poll is the connector's second and last try.
POLLS = {
    "503 six times in a row": unavailable("status", "INTO .*(docs|logs)", times=6),
    "six connections are reset": Fault("status", "cut", "INTO .*(docs|logs)", times=6),
    "the session is lost": Fault("status", "invalid_session", "INTO .*(docs|logs)"),
}


@pytest.mark.parametrize("what", one_by_default(POLLS, "503 six times in a row"))
def test_polls_that_fail_are_sent_again_and_their_statement_is_not(
    warehouse, singer, no_pause, what
):
    fault = warehouse.sandbox.faults.add(POLLS[what])
    warehouse.sandbox.answer_seconds = 0
    log = [singer.schema("logs", {"x": INTEGER}, []), *singer.records("logs", {"x": 1}, {"x": 1})]
    warehouse.run(log, docs(singer, 1, 2))
    assert fault.happened == fault.times
    assert warehouse.rows("docs", "id") == [1, 2]
    assert warehouse.rows("logs", "x", by="x") == [1, 1]
    assert warehouse.last.states == [{"through": 2}]
    # A lost session takes its statement along, which is then sent in a new one.
    again = fault.effect == "invalid_session"
    sent = [s for s in warehouse.sandbox.log.texts("INSERT") if "_sdc_loads" not in s]
    assert len(sent) == 2 + again


@SLOW
def test_a_statement_nobody_hears_of_any_more_ends_the_run_and_is_not_sent_again(
    warehouse, singer, no_pause
):
    warehouse.run(docs(singer, 1))
    warehouse.sandbox.answer_seconds = 0
    warehouse.sandbox.faults.add(unavailable("status", "MERGE INTO", times=None))
    warehouse.sandbox.log.clear()
    with pytest.raises(LoadError, match=r"'docs'.*does not say.*next run applies it first"):
        warehouse.run(docs(singer, 1, 2), warehouse_timeout=2)
    assert len(warehouse.sandbox.log.texts("MERGE")) == 1
    warehouse.sandbox.faults.clear()
    warehouse.run()
    assert warehouse.rows("docs", "id") == [1, 2]
    assert warehouse.staged() == []


@SLOW
def test_a_warehouse_stopped_in_mid_run_is_started_and_waited_for(
    warehouse, singer, meanwhile, caplog
):
    caplog.set_level("INFO")
    sandbox = warehouse.sandbox
    warehouse.run(docs(singer, 1))
    before = sandbox.warehouse.starts
    meanwhile("MERGE INTO", sandbox.warehouse.stop)
    warehouse.run(docs(singer, 1, 2))
    assert warehouse.rows("docs", "id") == [1, 2]
    assert sandbox.warehouse.starts == before + 1
    assert any("A statement failed" in r.getMessage() for r in caplog.records)


@SLOW
def test_a_token_that_runs_out_in_mid_run_is_renewed(warehouse, singer, meanwhile, monkeypatch):
    sandbox = warehouse.sandbox

    class LaterDatetime(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=3601)

    def an_hour_later():
        # On both sides: the server's clock, and the one by which the SDK knows a token's age.
        monkeypatch.setattr(oauth, "datetime", LaterDatetime)
        sandbox.clock.advance(3601)
        sandbox.sessions.close_all()

    credentials = {
        "access_token": None,
        "client_id": sandbox.admin.client_id,
        "client_secret": sandbox.admin.client_secret,
    }
    warehouse.run(docs(singer, 1), **credentials)
    meanwhile("MERGE INTO", an_hour_later)
    warehouse.run(docs(singer, 1, 2), **credentials)
    assert warehouse.rows("docs", "id") == [1, 2]


@SLOW
def test_a_table_dropped_in_mid_run_is_made_again(warehouse, singer, meanwhile):
    warehouse.run(docs(singer, 1))
    meanwhile("MERGE INTO", lambda: warehouse.sandbox.sql(f"DROP TABLE {warehouse.name}.docs"))
    warehouse.run(docs(singer, 1, 2))
    assert warehouse.rows("docs", "id") == [1, 2]


@SLOW
def test_a_column_renamed_in_mid_run_is_added_again(warehouse, singer, meanwhile):
    warehouse.run(docs(singer, 1))
    table = f"{warehouse.name}.docs"
    warehouse.sandbox.sql(
        f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    )
    rename = f"ALTER TABLE {table} RENAME COLUMN v TO words"
    meanwhile("MERGE INTO", lambda: warehouse.sandbox.sql(rename))
    warehouse.run(docs(singer, 1, 2, v="b"))
    assert warehouse.rows("docs", "id", "v", "words") == [
        {"id": 1, "v": "b", "words": "a"},
        {"id": 2, "v": "b", "words": None},
    ]
