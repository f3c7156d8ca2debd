"""The parts that need neither Spark nor a server: SQL's text, tags, faults, Java, state."""

from __future__ import annotations

import os
import subprocess

import pytest
from click.testing import CliRunner
from databricks_sandbox.cli import main
from databricks_sandbox.clock import ManualClock
from databricks_sandbox.engine import java
from databricks_sandbox.errors import SqlError
from databricks_sandbox.faults import Fault, FaultPlan, HttpError
from databricks_sandbox.protocol.tags import parse_query_tags
from databricks_sandbox.unity.constraints import extract_keys
from databricks_sandbox.unity.sql_text import Reader, head, splice, tokens
from databricks_sandbox.unity.volumes import normal_path
from databricks_sandbox.warehouse import Warehouse


def test_tokens_of_everything_that_hides_other_tokens():
    text = "SELECT `a``b`, 'it''s; -- no', \"x\\\"y\", r'\\n', 1.5e-3 -- gone\n /* (gone) */ FROM t"
    found = [(token.kind, token.value) for token in tokens(text)]
    assert found == [
        ("word", "SELECT"),
        ("name", "a`b"),
        ("mark", ","),
        ("text", "it's; -- no"),
        ("mark", ","),
        ("text", 'x"y'),
        ("mark", ","),
        ("text", "\\n"),
        ("mark", ","),
        ("number", "1.5e-3"),
        ("word", "FROM"),
        ("word", "t"),
    ]


def test_the_head_of_a_statement_is_short_however_long_it_is():
    text = "insert into t values " + ", ".join(f"({n})" for n in range(100_000))
    assert head(text, 5) == "INSERT INTO T VALUES ("


@pytest.mark.parametrize(
    ("columns", "left", "keys"),
    [
        (
            "(a STRING PRIMARY KEY, b INT)",
            "(a STRING  NOT NULL, b INT)",
            [("t_pk", ("a",))],
        ),
        (
            "(a STRING NOT NULL, b STRUCT<x: MAP<INT, INT>>, CONSTRAINT k PRIMARY KEY (a, b))",
            "(a STRING NOT NULL, b STRUCT<x: MAP<INT, INT>> NOT NULL)",
            [("k", ("a", "b"))],
        ),
        (
            "(PRIMARY KEY (a TIMESERIES), a INT COMMENT 'PRIMARY KEY, (a)')",
            "( a INT COMMENT 'PRIMARY KEY, (a)' NOT NULL)",
            [("t_pk", ("a",))],
        ),
        (
            "(a INT CONSTRAINT f REFERENCES m.p (x) NOT ENFORCED COMMENT 'c', CHECK (a > 0))",
            "(a INT  COMMENT 'c', CHECK (a > 0))",
            [("f", ("a",))],
        ),
        ("(a INT, b INT)", "(a INT, b INT)", []),
    ],
)
def test_keys_leave_the_list_of_columns_and_the_rest_stays(columns, left, keys):
    reader, changes = Reader(columns), []
    found = extract_keys(reader, "t", changes)
    assert splice(columns, changes) == left
    assert [(key.name, key.columns) for key in found] == keys
    assert reader.at_end


def test_a_statement_that_stops_too_early_is_a_syntax_error():
    reader = Reader("GRANT SELECT\nON")
    reader.expect("GRANT", "SELECT", "ON")
    with pytest.raises(SqlError, match=r"PARSE_SYNTAX_ERROR.*end of input.*line 2.*42601"):
        reader.name()


def test_query_tags_with_escapes():
    from databricks.sql.utils import serialize_query_tags

    tags = {"team": "a:b,c\\d", "bare": None, "stream": "invoices"}
    assert parse_query_tags(serialize_query_tags(tags)) == tags
    assert parse_query_tags(None) == {}


def test_paths_are_brought_into_one_form():
    assert normal_path("dbfs:/Volumes/Main//XERO/Stage/File.Parquet/") == (
        "/Volumes/main/xero/stage/File.Parquet"
    )


def test_faults_happen_as_often_as_planned():
    plan = FaultPlan()
    fault = plan.add(Fault("execute", "http", "merge", times=2, skip=1))
    plan.strike("execute", "MERGE INTO t")
    for _ in range(2):
        with pytest.raises(HttpError):
            plan.strike("execute", "MERGE INTO t")
    plan.strike("execute", "MERGE INTO t")
    assert fault.happened == 2
    plan.strike("execute", "SELECT 1")


@pytest.mark.parametrize("wrong", [{"at": "moon", "effect": "cut"}, {"at": "api", "effect": "x"}])
def test_faults_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="there are"):
        Fault(**wrong)


def test_a_warehouse_starts_on_its_clock():
    clock = ManualClock()
    warehouse = Warehouse(clock, "w")
    ended = []
    warehouse.on_stop = lambda: ended.append(True)
    warehouse.require()
    warehouse.start_seconds = 90
    warehouse.stop()
    assert (warehouse.state, ended) == ("STOPPED", [True])
    with pytest.raises(HttpError) as raised:
        warehouse.require()
    assert (raised.value.status, raised.value.retry_after) == (503, 5)
    clock.advance(89)
    assert warehouse.state == "STARTING"
    clock.advance(1)
    warehouse.require()
    assert warehouse.starts == 1


def test_a_warehouse_that_nobody_uses_stops_by_its_clock():
    clock = ManualClock()
    warehouse = Warehouse(clock, "w")
    ended = []
    warehouse.on_stop = lambda: ended.append(True)
    warehouse.auto_stop_seconds = 60
    for seconds in (50, 59):
        clock.advance(seconds)
        warehouse.require()
    clock.advance(1000)
    # It was awake until a minute after the last call, whenever somebody looks.
    assert (warehouse.awake_seconds, warehouse.state, ended) == (169, "STOPPED", [True])
    warehouse.require()
    clock.advance(5)
    warehouse.stop()
    assert (warehouse.awake_seconds, warehouse.starts) == (174, 1)


def test_without_java_on_the_machine_the_packaged_one_is_wrapped(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    home = java.find_java_home(tmp_path)
    assert home == str(tmp_path / "java")
    # The shell that runs the wrapper needs no PATH of its own.
    ran = subprocess.run(
        [f"{home}/bin/java", "--add-modules=jdk.incubator.vector", "-version"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
    )
    assert 'version "21' in ran.stderr


def test_a_java_of_another_version_is_passed_over(tmp_path, monkeypatch):
    old = tmp_path / "old" / "bin" / "java"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(old.parent) + os.pathsep + os.environ["PATH"])
    assert java.find_java_home(tmp_path) != str(tmp_path / "old")


def test_the_command_says_its_options_and_refuses_others():
    told = CliRunner().invoke(main, ["serve", "--help"])
    options = ("port", "catalog", "memory", "large", "folder", "stopped", "start-seconds",
               "until-stdin-closes")  # fmt: skip
    assert (told.exit_code, [one for one in options if f"--{one}" not in told.output]) == (0, [])
    for wrong in ([], ["sell"], ["serve", "--port", "x"], ["serve", "--catalogue", "x"]):
        assert CliRunner().invoke(main, wrong).exit_code == 2
