"""Meltano's definitions of the two plugins, written from what the plugins say of themselves.

    uv run python plugins/tools/define.py

writes `plugins/extractors/tap-xero.yml` and `plugins/loaders/target-databricks.yml` (hub style,
for `meltano add --from-ref`), the plugin section of `meltano.yml` and the tables of settings in
the READMEs. What `--about` cannot know
(kinds only Meltano has, commands, groups of settings that belong together) is stated below.
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
        variants: Plugins of this project that inherit from it.
    """

    kind: str
    facts: dict[str, Any]
    groups: list[list[str]]
    pip_url: str
    kinds: dict[str, str] = field(default_factory=dict)
    commands: dict[str, Any] = field(default_factory=dict)
    variants: list[dict[str, Any]] = field(default_factory=list)


DOCUMENTS = (
    "contacts",
    "items",
    "accounts",
    "invoices",
    "credit_notes",
    "prepayments",
    "overpayments",
    "batch_payments",
    "payments",
    "bank_transactions",
    "bank_transfers",
    "purchase_orders",
    "quotes",
    "linked_transactions",
    "manual_journals",
    "journals",
    "receipts",
    "expense_claims",
)
"""What changes by the hour, with the reference data that new documents point at."""

REFERENCE = (
    "organisations",
    "currencies",
    "tax_rates",
    "accounts",
    "tracking_categories",
    "branding_themes",
    "payment_services",
    "users",
    "contact_groups",
    "contacts",
    "items",
    "repeating_invoices",
    "budgets",
)
"""What is set up once and changes now and then."""

WEBHOOKS = (
    "contacts",
    "invoices",
    "credit_notes",
    "prepayments",
    "overpayments",
    "payments",
)
"""What Xero announces by webhook."""

DEFINITIONS = {
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
                "args": "--config=ENV --test",
                "description": "Read one record of each stream, to see that Xero lets us.",
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
        variants=[
            {
                "name": "tap-xero-documents",
                "inherit_from": "tap-xero",
                "select": [f"{stream}.*" for stream in DOCUMENTS],
            },
            {
                "name": "tap-xero-reference",
                "inherit_from": "tap-xero",
                "select": [f"{stream}.*" for stream in REFERENCE],
            },
            {
                "name": "tap-xero-webhooks",
                "inherit_from": "tap-xero",
                "config": {"webhook_only": True},
                "select": [f"{stream}.*" for stream in WEBHOOKS],
            },
        ],
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
        groups=[["lakehouse_path"], ["server_hostname", "http_path"]],
        commands={
            "about": {
                "args": "--about --format=markdown",
                "description": "Print what the target can do and every setting.",
            },
            "check": {
                "executable": "target-databricks-check",
                "args": "",
                "description": "Connect to the SQL warehouse, write and read a row, clean up.",
            },
            "grants": {
                "executable": "target-databricks-grants",
                "args": "",
                "description": "Print the SQL an administrator must run for the SQL warehouse.",
            },
        },
        pip_url="${TARGET_DATABRICKS_PIP_URL}",
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
    """The hub-style definition of a plugin, without `pip_url`."""
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


def render(document: Any) -> str:
    """YAML as Meltano writes it."""
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def hub_file(name: str) -> tuple[Path, str]:
    """Where the hub-style definition goes, and its text."""
    stated = DEFINITIONS[name]
    whole = {**definition(name), "pip_url": stated.pip_url}
    return ROOT / "plugins" / stated.kind / f"{name}.yml", f"# {HEADER}\n{render(whole)}"


def project_file() -> tuple[Path, str]:
    """`meltano.yml` with its plugin section made anew; the rest stays as it is."""
    path = ROOT / "meltano.yml"
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    project = yaml.load(path.read_text(encoding="utf-8"))
    plugins = CommentedMap()
    plugins.yaml_set_start_comment(HEADER, indent=2)
    for name, stated in DEFINITIONS.items():
        plugins[stated.kind] = [definition(name), *stated.variants]
    project["plugins"] = plugins
    return path, render(project)


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


def readmes() -> list[tuple[Path, str]]:
    """Every README with its tables of settings made anew; the rest stays as it is."""
    tables = {name: settings_table(name) for name in DEFINITIONS}
    found = []
    for folder in (".", *DEFINITIONS):
        path = ROOT / folder / "README.md"
        text = path.read_text(encoding="utf-8")
        for name, table in tables.items():
            between = re.compile(f"(<!-- settings: {name} -->\n).*?(<!-- /settings -->)", re.DOTALL)
            text = between.sub(lambda m, table=table: f"{m[1]}{table}\n{m[2]}", text)
        found.append((path, text))
    return found


def written() -> list[tuple[Path, str]]:
    """Every file this script writes, and what it should hold."""
    return [*(hub_file(name) for name in DEFINITIONS), project_file(), *readmes()]


def main() -> None:
    """Write them all."""
    for path, text in written():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
