"""Meltano's definitions of the plugins, written from what the plugins say of themselves.

    uv run python plugins/tools/define.py

writes, for each plugin, the short definition that other projects `meltano add --from-ref`
(`plugins/extractors/tap-xero.yml`; all of it ends in their `meltano.yml`), the lock file that this
project runs with (`plugins/extractors/tap-xero--xero-to-databricks.lock`), and the table of
settings in the plugin's README. `meltano.yml` belongs to people and is never touched. What
`--about` cannot know (kinds only Meltano has, commands, groups of settings that belong together) is
stated below.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from meltano.core.plugin import PluginDefinition, PluginType
from meltano.core.plugin.base import StandalonePlugin
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

ROOT = Path(__file__).resolve().parents[2]
HEADER = "Written by plugins/tools/define.py from the plugin's own --about; change it there."


@dataclass(frozen=True)
class Definition:
    """What Meltano needs to know of a plugin beyond its `--about`.

    Attributes:
        kind: Folder and plugin type.
        facts: Keys of the definition, in order, before capabilities and settings.
        kinds: Settings whose Meltano kind cannot be read off their JSON type.
        groups: Sets of settings, one of which must be complete.
        commands: Commands for `meltano invoke <plugin>:<command>`.
        pip_url: How somebody else's project installs the plugin.
    """

    kind: str
    facts: dict[str, Any]
    groups: list[list[str]]
    pip_url: str
    kinds: dict[str, str] = field(default_factory=dict)
    commands: dict[str, Any] = field(default_factory=dict)


DEFINITIONS = {
    "tap-databricks": Definition(
        kind="extractors",
        facts={
            "name": "tap-databricks",
            "namespace": "tap_databricks",
            "label": "Databricks",
            "description": "Tables and views of a SQL warehouse or of a folder of Delta tables.",
            "variant": "xero-to-databricks",
            "executable": "tap-databricks",
        },
        groups=[["lakehouse_path"], ["duckdb_path"], ["server_hostname", "http_path"]],
        commands={
            "about": {
                "args": "--about --format=markdown",
                "description": "Print what the tap can do and every setting.",
            },
            "test": {
                "executable": "tap-databricks-test",
                "args": "",
                "description": "See that a row of each stream can be read, and show none.",
            },
        },
        pip_url="${TAP_DATABRICKS_PIP_URL}",
    ),
    "tap-xero": Definition(
        kind="extractors",
        facts={
            "name": "tap-xero",
            "namespace": "tap_xero",
            "label": "Xero",
            "description": "The books of every connected Xero organisation.",
            "variant": "xero-to-databricks",
            "executable": "tap-xero",
        },
        groups=[
            ["client_id", "client_secret"],
            ["client_id"],
            ["access_token_command"],
            ["sandbox"],
        ],
        kinds={"start_date": "date_iso8601"},
        commands={
            "about": {
                "args": "--about --format=markdown",
                "description": "Print what the tap can do and every setting.",
            },
            "test": {
                "executable": "tap-xero-test",
                "args": "",
                "description": "See that a record of each stream can be read, and show none.",
            },
            "login": {
                "executable": "tap-xero-login",
                "args": "",
                "description": "Sign in to Xero in a browser and keep the tokens.",
            },
            "tenants": {
                "executable": "tap-xero-tenants",
                "args": "",
                "description": "List the connected organisations with their ids.",
            },
            "check": {
                "executable": "tap-xero-check",
                "args": "",
                "description": "Say what works: token, scopes, organisations, calls left.",
            },
            "estimate": {
                "executable": "tap-xero-estimate",
                "args": "",
                "description": "Say what the first load takes: calls, minutes, days, bytes.",
            },
            "webhooks": {
                "executable": "tap-xero-webhooks",
                "args": "serve",
                "description": "Take Xero's webhooks; with --run, run the pipeline as they come.",
            },
            "webhooks-status": {
                "executable": "tap-xero-webhooks",
                "args": "status",
                "description": "Say which webhook events are pending and which failed.",
            },
            "webhooks-retry": {
                "executable": "tap-xero-webhooks",
                "args": "retry",
                "description": "Put webhook events that failed back.",
            },
        },
        pip_url="${TAP_XERO_PIP_URL}",
    ),
    "target-databricks": Definition(
        kind="loaders",
        facts={
            "name": "target-databricks",
            "namespace": "target_databricks",
            "label": "Databricks",
            "description": "Any Singer stream, merged into Delta tables.",
            "variant": "xero-to-databricks",
            "dialect": "databricks",
            "executable": "target-databricks",
        },
        groups=[["lakehouse_path"], ["sandbox"], ["server_hostname", "http_path"]],
        commands={
            "about": {
                "args": "--about --format=markdown",
                "description": "Print what the target can do and every setting.",
            },
            "check": {
                "executable": "target-databricks-check",
                "args": "",
                "description": "Write a row where tables go, read it, clean up.",
            },
            "grants": {
                "executable": "target-databricks-grants",
                "args": "",
                "description": "Print the SQL an administrator must run, where there is any.",
            },
            "health": {
                "executable": "target-databricks-health",
                "args": "",
                "description": "Say when each stream was last right; exit code 0, 1 or 2.",
            },
            "staged": {
                "executable": "target-databricks-staged",
                "args": "",
                "description": "list, retry or drop rows that were set aside.",
            },
            "history": {
                "executable": "target-databricks-history",
                "args": "",
                "description": "Convert a table for load_method history.",
            },
        },
        pip_url="${TARGET_DATABRICKS_PIP_URL}",
    ),
    "target-xero": Definition(
        kind="loaders",
        facts={
            "name": "target-xero",
            "namespace": "target_xero",
            "label": "Xero",
            "description": "Reference data from any tap into Xero: planned, shown, then written.",
            "variant": "xero-to-databricks",
            "executable": "target-xero",
        },
        groups=[["lakehouse_path"], ["ledger_path"]],
        commands={
            "about": {
                "args": "--about --format=markdown",
                "description": "Print what the target can do and every setting.",
            },
            "plan": {
                "executable": "target-xero-plan",
                "args": "",
                "description": "Show what would be written, field by field, and write nothing.",
            },
        },
        pip_url="${TARGET_XERO_PIP_URL}",
    ),
}


@cache
def about(executable: str) -> dict[str, Any]:
    """What a plugin says of itself."""
    command = [str(Path(sys.executable).with_name(executable)), "--about", "--format=json"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout  # noqa: S603
    told: dict[str, Any] = json.loads(printed)
    return told


def definition(name: str) -> dict[str, Any]:
    """The whole definition of a plugin, without `pip_url`."""
    stated = DEFINITIONS[name]
    told = about(name)
    settings = [
        _setting(setting, schema, stated.kinds)
        for setting, schema in told["settings"]["properties"].items()
    ]
    return {
        **stated.facts,
        "capabilities": sorted(told["capabilities"]),
        "settings_group_validation": stated.groups,
        "settings": settings,
        **({"commands": stated.commands} if stated.commands else {}),
    }


def _setting(name: str, schema: dict[str, Any], kinds: dict[str, str]) -> dict[str, Any]:
    types = schema.get("type", "string")
    kind = next(t for t in ([types] if isinstance(types, str) else types) if t != "null")
    choices = schema.get("enum")
    out: dict[str, Any] = {
        "name": name,
        "label": schema.get("title") or name.replace("_", " ").capitalize(),
        "kind": "options" if choices else kinds.get(name, "decimal" if kind == "number" else kind),
        "description": " ".join(schema.get("description", "").split()),
    }
    if schema.get("secret"):
        out["sensitive"] = True
    if choices:
        out["options"] = [{"label": c, "value": c} for c in choices if c is not None]
    if schema.get("default") is not None:
        out["value"] = schema["default"]
    return out


def short(stated: dict[str, Any]) -> dict[str, Any]:
    """What Meltano must know of a definition; the plugin itself has defaults, choices and texts."""
    commands = {
        name: {"executable": command["executable"], "args": command["args"]}
        for name, command in stated.get("commands", {}).items()
        if "executable" in command
    }
    told = ("name", "namespace", "variant", "executable", "dialect", "capabilities")
    return {
        **{key: stated[key] for key in told if key in stated},
        "settings": [_short_setting(each) for each in stated["settings"]],
        **({"commands": {key: _flow(each) for key, each in commands.items()}} if commands else {}),
    }


def _short_setting(stated: dict[str, Any]) -> CommentedMap:
    kind = stated["kind"]
    kept = {"name": stated["name"]}
    if kind not in {"string", "options"}:
        kept["kind"] = kind
    if stated.get("sensitive"):
        kept["sensitive"] = True
    return _flow(kept)


def _flow(mapping: dict[str, Any]) -> CommentedMap:
    """A mapping that is written on one line."""
    flow = CommentedMap(mapping)
    flow.fa.set_flow_style()
    return flow


def hub_file(name: str) -> tuple[Path, str]:
    """Where the definition for other projects goes, and its text."""
    stated = DEFINITIONS[name]
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump({**short(definition(name)), "pip_url": stated.pip_url}, text)
    return ROOT / "plugins" / stated.kind / f"{name}.yml", f"# {HEADER}\n{text.getvalue()}"


def lock_file(name: str) -> tuple[Path, str]:
    """Where Meltano looks for its lock of the plugin, and the text that it would write there.

    Without a `pip_url`: here the plugin comes with `uv run`, and Meltano installs nothing.
    """
    kind = PluginType(DEFINITIONS[name].kind)
    stated = PluginDefinition(kind, **definition(name))
    variant = stated.find_variant(None)
    locked = StandalonePlugin.from_variant(variant, stated).canonical()
    path = ROOT / "plugins" / kind / f"{name}--{variant.name}.lock"
    return path, f"{json.dumps(locked, indent=2)}\n"


def utility_lock(definition: Path) -> tuple[Path, str]:
    """Where Meltano looks for its lock of a utility, and the text that it would write there.

    A utility is not ours: its definition is written by hand, and Meltano installs it.
    """
    stated = PluginDefinition(PluginType.UTILITIES, **YAML(typ="safe").load(definition))
    variant = stated.find_variant(None)
    locked = StandalonePlugin.from_variant(variant, stated).canonical()
    path = definition.with_name(f"{definition.stem}--{variant.name}.lock")
    return path, f"{json.dumps(locked, indent=2)}\n"


def settings_table(name: str) -> str:
    """The settings of a plugin as a Markdown table."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for setting, schema in about(name)["settings"]["properties"].items():
        default = schema.get("default")
        shown = "" if default is None else f"`{json.dumps(default).strip(chr(34))}`"
        choices = [f"`{c}`" for c in schema.get("enum", ()) if c is not None]
        meaning = " ".join(schema.get("description", "").split())
        meaning += f" One of {', '.join(choices)}." if choices else ""
        meaning += " Secret." if schema.get("secret") else ""
        lines.append(f"| `{setting}` | {shown} | {meaning} |")
    return "\n".join(lines)


def readme(name: str) -> tuple[Path, str]:
    """A plugin's README with its table of settings made anew; the rest stays as it is."""
    (path,) = (each for each in (ROOT / name, ROOT / "plugins" / name) if each.is_dir())
    path /= "README.md"
    between = re.compile(f"(<!-- settings: {name} -->\n).*?(<!-- /settings -->)", re.DOTALL)
    table = settings_table(name)
    return path, between.sub(lambda m: f"{m[1]}{table}\n{m[2]}", path.read_text(encoding="utf-8"))


def files() -> list[tuple[Path, str]]:
    """Every file this script writes, and what it should hold."""
    ours = [write(name) for name in DEFINITIONS for write in (hub_file, lock_file, readme)]
    utilities = sorted((ROOT / "plugins" / "utilities").glob("*.yml"))
    return [*ours, *map(utility_lock, utilities)]


def main() -> None:
    """Write them all."""
    for path, text in files():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
