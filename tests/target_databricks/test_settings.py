"""Settings that are left empty mean their defaults: for the target and its small commands alike."""

from __future__ import annotations

import json
import sys

import pytest
from target_databricks.commands import grants
from target_databricks.commands.common import settings
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


def test_grants_are_printed_for_the_default_catalog(monkeypatch, tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**WAREHOUSE, "default_target_schema": "", "staging_volume": ""}))
    monkeypatch.setenv("TARGET_DATABRICKS_CATALOG", "")
    arguments = ["--config", str(path)]
    assert settings(path)["catalog"] == "main"
    monkeypatch.setattr(sys, "argv", ["target-databricks-grants", *arguments, "--to", "loader"])
    grants.main(standalone_mode=False)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "CREATE SCHEMA IF NOT EXISTS `main`.`default`;"
    assert "GRANT USE CATALOG ON CATALOG `main` TO `loader`;" in printed
    assert "CREATE VOLUME IF NOT EXISTS `main`.`default`.`_sdc_staging`;" in printed
    assert [line for line in printed if "``" in line] == []
