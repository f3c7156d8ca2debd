"""A setting that is left empty means its default, or is named by an error: each of each plugin.

`TARGET_DATABRICKS_CATALOG=` in a `.env` is how people say "not this one". The plugins are asked,
not their parts, since that is where settings come together; their commands take them from these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from singer_sdk.exceptions import ConfigurationError, ConfigValidationError
from tap_databricks.tap import TapDatabricks
from tap_xero.commands import common as tap_xero_commands
from tap_xero.tap import TapXero
from target_databricks.commands import common as target_databricks_commands
from target_databricks.settings import EMPTY_IS_A_CHOICE
from target_databricks.target import TargetDatabricks
from target_xero.commands import Planner
from target_xero.target import TargetXero

WAREHOUSE = {"server_hostname": "dbc-1.cloud.databricks.com", "http_path": "/sql/1.0/warehouses/1"}
APP = {"client_id": "app", "client_secret": "s3cret"}

PLUGINS: Mapping[Any, Mapping[str, Any]] = {
    TapXero: APP,
    # Anything else would be looked for at once.
    TapDatabricks: {"lakehouse_path": "lake"},
    TargetDatabricks: WAREHOUSE,
    TargetXero: {**APP, "lakehouse_path": "lake"},
}
"""Each plugin, with settings that are enough for it."""

SAYS_SOMETHING = {("target-databricks", name) for name in EMPTY_IS_A_CHOICE}
"""Settings whose empty text is a choice: no column of that kind."""

COMMANDS: Mapping[str, tuple[Any, Callable[[], Mapping[str, Any]]]] = {
    "tap-xero-check, -tenants": (TapXero, lambda: tap_xero_commands.settings(())),
    "tap-xero-login, -webhooks": (TapXero, lambda: tap_xero_commands.settings((), complete=False)),
    "target-databricks-check, -grants, -staged, -history": (
        TargetDatabricks,
        lambda: target_databricks_commands.settings(()),
    ),
    "target-xero-plan": (TargetXero, lambda: dict(Planner(parse_env_config=True).config)),
}
"""How the commands take their settings, and whose these are."""


def settings_of(plugin: Any) -> list[str]:
    """Names of all settings of a plugin, those of the SDK among them."""
    plugin.append_builtin_config(plugin.config_jsonschema)
    return sorted(plugin.config_jsonschema["properties"])


def own_settings(plugin: Any) -> list[str]:
    """Settings of a plugin but the SDK's, whose empty texts are its own affair in a file."""
    theirs: dict[str, Any] = {"properties": {}}
    plugin.append_builtin_config(theirs)
    stated = plugin.config_jsonschema["properties"]
    return [
        name
        for name in settings_of(plugin)
        if stated[name] != theirs["properties"].get(name)
        and (plugin.name, name) not in SAYS_SOMETHING
    ]


def variable(plugin: Any, name: str) -> str:
    return f"{plugin.name.upper().replace('-', '_')}_{name.upper()}"


@pytest.fixture(autouse=True)
def without_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No setting of the machine's, and no credential store of anybody's."""
    for plugin in PLUGINS:
        for name in settings_of(plugin):
            monkeypatch.delenv(variable(plugin, name), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_deltalake(tmp_path / "lake" / "default" / "t", pa.table({"id": [1]}))


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda each: each.name)
def test_a_setting_that_is_left_empty_in_a_file_is_its_default_each_of_them(plugin: Any) -> None:
    default, names = plugin(config=dict(PLUGINS[plugin])).config, own_settings(plugin)
    assert len(names) > 20
    for blank in ("", "  ", None):
        config = {name: blank for name in names if name not in PLUGINS[plugin]}
        assert plugin(config={**PLUGINS[plugin], **config}).config == default


@pytest.mark.parametrize("blank", ["", "  ", None])
@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda each: each.name)
def test_a_setting_that_cannot_be_done_without_is_missed_when_it_is_empty(
    plugin: Any, blank: str | None
) -> None:
    name = next(iter(PLUGINS[plugin]))
    with pytest.raises((ConfigValidationError, ConfigurationError)) as caught:
        plugin(config={**PLUGINS[plugin], name: blank}).process_endofpipe()
    assert name in f"{caught.value} {getattr(caught.value, 'errors', '')}"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda each: each.name)
def test_variables_that_are_left_empty_are_defaults_all_of_them(
    plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough = PLUGINS[plugin]
    default = plugin(config=dict(enough)).config
    names = [each for each in settings_of(plugin) if (plugin.name, each) not in SAYS_SOMETHING]
    for number, name in enumerate(names):
        monkeypatch.setenv(variable(plugin, name), ("", " ", "\t")[number % 3])
    for name, value in enough.items():
        monkeypatch.setenv(variable(plugin, name), str(value))
    assert len(names) > 20
    assert plugin(parse_env_config=True).config == default


def test_variables_of_the_tap_that_are_left_empty_say_nothing_to_the_target_of_xero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    default = TargetXero(config=dict(PLUGINS[TargetXero])).config
    for name in settings_of(TapXero):
        monkeypatch.setenv(variable(TapXero, name), "")
    assert TargetXero(config=dict(PLUGINS[TargetXero])).config == default
    with pytest.raises(ConfigValidationError) as caught:
        TargetXero(config={"lakehouse_path": "lake"})
    assert "client_id is missing" in str(caught.value.errors)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_take_empty_variables_for_defaults_too(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin, settings = COMMANDS[command]
    enough = PLUGINS[plugin]
    for name, value in enough.items():
        monkeypatch.setenv(variable(plugin, name), str(value))
    default = settings()
    for name in settings_of(plugin):
        if name not in enough and (plugin.name, name) not in SAYS_SOMETHING:
            monkeypatch.setenv(variable(plugin, name), "")
    assert settings() == default


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda each: each.name)
def test_a_variable_of_another_type_is_named_and_not_shown(
    plugin: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = {TapXero: "daily_call_reserve", TargetXero: "storage_options"}.get(
        plugin, "warehouse_timeout"
    )
    for setting, value in {**PLUGINS[plugin], name: "swordfish"}.items():
        monkeypatch.setenv(variable(plugin, setting), str(value))
    with pytest.raises((ConfigValidationError, ConfigurationError)) as caught:
        plugin(parse_env_config=True)
    assert variable(plugin, name) in str(caught.value)
    assert "swordfish" not in f"{caught.value} {getattr(caught.value, 'errors', '')} {caplog.text}"
