"""Settings that are left empty mean their defaults: for the target and its small commands alike."""

from __future__ import annotations

import json
import sys

import pytest
from singer_sdk.exceptions import ConfigValidationError
from target_databricks.commands import grants
from target_databricks.commands.common import settings
from target_databricks.errors import ConfigurationError
from target_databricks.settings import SETTINGS
from target_databricks.target import TargetDatabricks

WAREHOUSE = {"server_hostname": "dbc-1.cloud.databricks.com", "http_path": "/sql/1.0/warehouses/1"}
TEXTS = {
    name: stated["default"]
    for name, stated in SETTINGS["properties"].items()
    if "string" in stated["type"] and stated.get("default") and name != "soft_delete_column"
}


@pytest.mark.parametrize("blank", ["", "  ", None])
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_left_empty_is_its_default(name, blank):
    config = TargetDatabricks(config={**WAREHOUSE, name: blank}).config
    assert config[name] == TEXTS[name]


def test_every_setting_that_is_left_empty_in_the_environment_is_its_default(monkeypatch):
    for name in TEXTS:
        monkeypatch.setenv(f"TARGET_DATABRICKS_{name.upper()}", "")
    found = TargetDatabricks(config=dict(WAREHOUSE), parse_env_config=True).config
    assert {name: found[name] for name in TEXTS} == TEXTS
    assert "catalog" in TEXTS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("soft_delete_column", ""),
        ("soft_delete_column", None),
        ("catalog", "finance"),
        ("type_widening", False),
        ("compact_after_files", 0),
        ("child_tables", {}),
    ],
)
def test_a_setting_that_says_something_is_left_as_it_is(name, value):
    assert TargetDatabricks(config={**WAREHOUSE, name: value}).config[name] == value


@pytest.mark.parametrize("name", ["lakehouse_path", "spool_path"])
def test_a_tilde_in_a_path_is_the_home_folder(folder, singer, tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    schema = singer.schema("items", {"id": {"type": "integer"}})
    folder.run(schema, singer.record("items", {"id": 1}), **{name: "~/place"})
    assert (tmp_path / "home" / "place" / folder.schema).is_dir()
    assert not (tmp_path / "~").exists()


BLANK = ("lock_timeout", "hard_delete", "table_comments", "storage_options", "flattening_max_depth")


def test_a_number_a_choice_and_a_map_that_are_left_empty_in_the_environment_are_their_defaults(
    monkeypatch,
):
    default = TargetDatabricks(config=dict(WAREHOUSE)).config
    for name, value in zip(BLANK, ["", " ", "", "\t", ""], strict=True):
        monkeypatch.setenv(f"TARGET_DATABRICKS_{name.upper()}", value)
    found = TargetDatabricks(config=dict(WAREHOUSE), parse_env_config=True).config
    assert {name: found.get(name) for name in BLANK} == {name: default.get(name) for name in BLANK}
    assert found["table_comments"] is True


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("lock_timeout", "s3cret", "a whole number"),
        ("storage_options", "s3cret", "a JSON object"),
        ("storage_options", '{"key": s3cret', "a JSON object"),
    ],
)
def test_a_variable_of_another_type_is_named_and_not_shown(
    monkeypatch, capsys, caplog, name, value, kind
):
    for setting, stated in {**WAREHOUSE, name: value}.items():
        monkeypatch.setenv(f"TARGET_DATABRICKS_{setting.upper()}", stated)
    monkeypatch.setattr(sys, "argv", ["target-databricks-grants"])
    with pytest.raises(SystemExit, match="1"):
        grants.main(standalone_mode=False)
    printed = capsys.readouterr().err
    assert f"TARGET_DATABRICKS_{name.upper()}" in printed
    assert kind in printed
    assert "s3cret" not in printed + caplog.text


@pytest.fixture
def files(tmp_path):
    """Writes settings to files and gives their paths."""

    def write(*configs):
        paths = [tmp_path / f"{number}.json" for number in range(len(configs))]
        for path, config in zip(paths, configs, strict=True):
            path.write_text(json.dumps({**WAREHOUSE, **config}))
        return [str(path) for path in paths]

    return write


@pytest.mark.parametrize(
    ("sources", "catalog"),
    [
        ((), "variable"),
        ((0,), "first"),
        ((0, 1), "second"),
        ((1, 0), "first"),
        ((0, "ENV"), "variable"),
        (("ENV", 0), "variable"),
    ],
)
def test_the_commands_take_settings_in_the_order_of_the_target(
    monkeypatch, files, sources, catalog
):
    for name, value in {**WAREHOUSE, "catalog": "variable"}.items():
        monkeypatch.setenv(f"TARGET_DATABRICKS_{name.upper()}", value)
    paths = files({"catalog": "first"}, {"catalog": "second"})
    arguments = [each if each == "ENV" else paths[each] for each in sources]
    assert settings(arguments)["catalog"] == catalog
    if arguments:
        command = TargetDatabricks.get_singer_command()
        context = command.make_context("target", [f"--config={each}" for each in arguments])
        stated = context.params["config"]
        target = TargetDatabricks(config=stated.config, parse_env_config=stated.parse_env)
        assert target.config["catalog"] == catalog


@pytest.mark.parametrize("content", ['{"access_token": "s3cret"', '["s3cret"]', None])
def test_a_file_of_settings_that_cannot_be_read_is_named_and_not_shown(tmp_path, content):
    path = tmp_path / "config.json"
    if content:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"config\.json") as caught:
        settings([str(path)])
    assert "s3cret" not in str(caught.value)


def test_grants_are_printed_for_the_default_catalog(monkeypatch, files, capsys):
    (path,) = files({"default_target_schema": "", "staging_volume": ""})
    monkeypatch.setenv("TARGET_DATABRICKS_CATALOG", "")
    arguments = ["--config", path, "--config", "ENV"]
    assert settings([path, "ENV"])["catalog"] == "main"
    monkeypatch.setattr(sys, "argv", ["target-databricks-grants", *arguments, "--to", "loader"])
    grants.main(standalone_mode=False)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "CREATE SCHEMA IF NOT EXISTS `main`.`default`;"
    assert "GRANT USE CATALOG ON CATALOG `main` TO `loader`;" in printed
    assert "CREATE VOLUME IF NOT EXISTS `main`.`default`.`_sdc_staging`;" in printed
    assert [line for line in printed if "``" in line] == []
    assert "entitlement 'Databricks SQL access'" in printed[-2]
    assert "CAN USE" in printed[-1]


def test_grants_are_no_more_than_the_settings_need():
    config = {"default_target_schema": "books", "catalog": "main", "http_path": "/w/1"}
    some = [*grants.grants({**config, "staging": "inline"}, "loader")]
    assert [line for line in some if not line.startswith("--")] == [
        "CREATE SCHEMA IF NOT EXISTS `main`.`books`;",
        "GRANT USE CATALOG ON CATALOG `main` TO `loader`;",
        "GRANT USE SCHEMA, CREATE TABLE, SELECT, MODIFY ON SCHEMA `main`.`books` TO `loader`;",
    ]
    more = {"managed_location": "s3://b/c", "table_tags": {"a": "b"}}
    staging = {"staging": "volume", "staging_volume": "_sdc_staging"}
    printed = [*grants.grants({**config, **staging, **more}, "loader")]
    assert printed[0] == "CREATE SCHEMA IF NOT EXISTS `main`.`books` MANAGED LOCATION 's3://b/c';"
    assert "GRANT APPLY TAG ON SCHEMA `main`.`books` TO `loader`;" in printed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("storage_options", "swordfish"),
        ("storage_options", ["swordfish"]),
        ("storage_options", {"AWS_SECRET_ACCESS_KEY": ["swordfish"]}),
        ("storage_options", {"swordfish": 5}),
        ("access_token", ["swordfish"]),
        ("client_secret", {"swordfish": 1}),
        ("azure_client_secret", ["swordfish"]),
        ("batch_config", {"storage": {"root": 5, "params": {"key": "swordfish"}}}),
    ],
)
def test_what_is_wrong_with_a_secret_setting_is_said_without_it(name, value):
    with pytest.raises(ConfigValidationError) as error:
        TargetDatabricks(config={**WAREHOUSE, name: value})
    said = f"{error.value} {error.value.errors}"
    assert f"'{name}'" in said
    assert "swordfish" not in said


def test_the_command_says_no_secret(cli):
    done = cli(b"", {"lakehouse_path": "x", "storage_options": "swordfish"})
    assert done.returncode == 1
    assert "storage_options" in done.stderr
    assert "swordfish" not in done.stderr + done.stdout
