"""`:check` and `:grants` of a lakehouse folder: what they say there, and with which exit code."""

from __future__ import annotations

import json
import sys

import broken_networks as broken
import pytest
from target_databricks.commands import check, grants


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """Runs a command with settings; gives its exit code and what it printed."""

    def run(command, *arguments, **config):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        monkeypatch.setattr(sys, "argv", ["command", "--config", str(path), *arguments])
        code = 0
        try:
            command.main(standalone_mode=False)
        except SystemExit as ended:
            code = ended.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def files(folder):
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_a_folder_is_checked_by_a_row_and_left_as_it_was(say, tmp_path):
    lake = tmp_path / "output" / "lake"
    code, out, err = say(check, lakehouse_path=str(lake), default_target_schema="xero")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"Lakehouse folder of this machine: {lake}/xero."
    assert lines[1] == "Schema xero: not loaded yet."
    assert lines[2].endswith("created, one row written, read back, removed.")
    assert lines[-1] == "Ready."
    assert not lake.parent.exists()


def test_what_a_folder_has_stays_through_a_check(say, folder, singer):
    schema = singer.schema("items", {"id": {"type": "integer"}})
    folder.run(schema, singer.record("items", {"id": 1}))
    before = files(folder.schema_folder.parent)
    code, out, _ = say(
        check, lakehouse_path=str(folder.schema_folder.parent), default_target_schema=folder.schema
    )
    assert code == 0
    assert f"Schema {folder.schema}: there." in out
    assert files(folder.schema_folder.parent) == before


def test_a_url_is_checked_and_its_files_are_removed_too(say, tmp_path):
    code, out, err = say(check, lakehouse_path=f"file://{tmp_path}/lake")
    assert (code, err) == (0, "")
    assert out.endswith("Ready.\n")
    assert not (tmp_path / "lake").exists()


def test_a_folder_that_cannot_be_made_is_not_ready(say, tmp_path):
    (tmp_path / "file").write_text("")
    code, out, err = say(check, lakehouse_path=str(tmp_path / "file" / "lake"))
    assert code == 1
    assert err.startswith("Not ready: ")
    assert "'lakehouse_path'" in err
    assert "Ready." not in out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("host", "cause"),
    [("127.0.0.1:9", "Connection refused"), (broken.UNKNOWN, "Name or service not known")],
)
def test_an_object_store_that_is_not_reached_is_not_ready_and_named(say, host, cause):
    options = {
        "AWS_ENDPOINT_URL": f"http://{host}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "swordfish",
        "AWS_REGION": "eu-west-1",
        "max_retries": "0",
    }
    code, _, err = say(check, lakehouse_path="s3://bucket/lake", storage_options=options)
    assert code == 1
    assert f"{host}: {cause}" in err
    assert "'storage_options'" in err
    assert "swordfish" not in err


def test_there_is_nothing_to_grant_on_a_folder_of_this_machine(say, tmp_path):
    code, out, err = say(grants, lakehouse_path=str(tmp_path / "lake"))
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if not line.startswith("--")] == []
    assert "lakehouse_path" in out


def test_for_an_object_store_the_sql_is_printed_by_which_a_workspace_reads_it(say):
    config = {
        "lakehouse_path": "abfss://lake@account.dfs.core.windows.net/books",
        "default_target_schema": "xero",
        "catalog": "finance",
    }
    code, out, err = say(grants, "--to", "analysts", **config)
    assert (code, err) == (0, "")
    place = "abfss://lake@account.dfs.core.windows.net/books/xero/invoices"
    assert [line for line in out.splitlines() if not line.startswith("--")] == [
        "CREATE SCHEMA IF NOT EXISTS `finance`.`xero`;",
        f"CREATE TABLE IF NOT EXISTS `finance`.`xero`.`invoices` USING delta LOCATION '{place}';",
        "GRANT USE CATALOG ON CATALOG `finance` TO `analysts`;",
        "GRANT USE SCHEMA, SELECT ON SCHEMA `finance`.`xero` TO `analysts`;",
    ]


@pytest.mark.parametrize("command", [check, grants])
def test_settings_that_say_no_place_are_a_line_and_exit_code_1(say, command):
    code, out, err = say(command)
    assert (code, out) == (1, "")
    assert "It is not said where to load to" in err


def test_a_wrong_choice_is_named_by_the_commands_too(say, tmp_path):
    code, _, err = say(grants, lakehouse_path=str(tmp_path), clustering="sideways")
    assert code == 1
    assert "'clustering'" in err
