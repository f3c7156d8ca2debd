"""The site's references of tables, with their diagrams, written from what makes the tables.

    uv run python plugins/tools/tables.py

writes `docs/pages/tables.md` from the tap's streams, planned by the target with its default
settings, and `docs/pages/marts.md` from the models' `.yml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from diagram import Entity, svg
from tap_xero.models.resources import RESOURCES
from tap_xero.reports.table import REPORTS
from tap_xero.tap import TapXero
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.plan import POSITION, Reference, StreamPlan
from target_databricks.schema.planning import make_plan
from target_databricks.schema.type_names import type_name
from target_databricks.schema.types import comment

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "pages"
MODELS = ROOT / "plugins" / "marts" / "models"
WRITTEN = "<!-- Written by plugins/tools/tables.py; change it where the tables are made. -->"

EVERYTHING: dict[str, Any] = {
    "client_id": "none",
    "client_secret": "none",
    "history": ["invoices"],
    "attachments": ["invoices"],
    "stream_counts": True,
    "stream_ids": {"invoices": []},
    "stream_reads": True,
    "reports": {report.stream: {} for report in REPORTS},
}
"""Settings with which the tap has all its streams; nothing is called to know them."""

TABLES = """\
# Tables

What is loaded: a table for each stream of the tap, and one for each list in its records that has a
table of its own. Columns as a fresh table has them with the settings' defaults, keys in bold;
beside them every table has the
[columns of the target](../../target-databricks/README.md#what-a-table-looks-like). Streams from
`history` on are [off by default](../../tap-xero/README.md#history-attachments-counts), and so are
[reports](../../tap-xero/README.md#reports).

## What points at what

Below a table's name are its key, after `tenant_id`, and the tables of its lists. Point at one to
see its references alone; its name leads to its columns.
"""
MARTS = """\
# Marts

What dbt makes of [the tables](tables.md): [how, and what it means](../../plugins/marts/README.md).
Columns and types are contracts, which a build holds to.

## What points at what

Facts and reports to the left of the dimensions that their keys are of.
"""


def pages() -> dict[Path, str]:
    """The pages that are written, by their path."""
    return {PAGES / "tables.md": tables(plans()), PAGES / "marts.md": marts(models())}


def plans() -> list[StreamPlan]:
    """The tables of every stream that the tap can have, as the target would make them."""
    return [
        make_plan(name, stream.schema, stream.primary_keys, mapper=TypeMapper(), sdk_metadata=False)
        for name, stream in TapXero(config=EVERYTHING, validate_config=False).streams.items()
    ]


def tables(planned: Sequence[StreamPlan]) -> str:
    """The reference of the loaded tables, as Markdown."""
    lines = [
        WRITTEN,
        "",
        TABLES,
        _figure("Tables of Xero's records", map(_entity, _usual(planned))),
    ]
    by_columns: dict[str, str] = {}
    for plan in planned:
        lines += ["", f"## {plan.table}", "", plan.description or "", ""]
        cut = {child.column for child in plan.children}
        columns = [column for column in plan.root.arrow if column.name not in cut]
        text = _columns(columns, plan.keys, plan.references)
        same = by_columns.setdefault(text, plan.table)
        lines.append(text if same == plan.table else f"Columns as [{same}](#{same}) has them.")
        for child in plan.children:
            columns = [
                column
                for column in plan.child_schema(child)
                if column.name == POSITION or not column.name.startswith("_sdc_")
            ]
            parent = Reference(plan.keys, plan.table, plan.keys)
            references = [*child.references, *([parent] if len(plan.keys) > 1 else [])]
            lines += ["", f"### {child.table}", "", child.description or "", ""]
            lines.append(_columns(columns, child.keys, references))
    return "\n".join(lines) + "\n"


def _usual(planned: Sequence[StreamPlan]) -> list[StreamPlan]:
    """Those that are read by default."""
    names = {resource.stream for resource in RESOURCES}
    return [plan for plan in planned if plan.stream in names]


def _entity(plan: StreamPlan) -> Entity:
    key = ", ".join(plan.keys[1:])
    references = [each.table for each in plan.references]
    references += [each.table for child in plan.children for each in child.references]
    children = [f"+ {child.table}" for child in plan.children]
    return Entity(plan.table, (key, *children), tuple(dict.fromkeys(references)))


def _columns(
    columns: Sequence[pa.Field], keys: Sequence[str], references: Sequence[Reference]
) -> str:
    """A table of columns: keys in bold, and where one is the key of another table a link to it."""
    leads = {each.columns[-1]: each.table for each in reversed(references)}
    rows = ["| column | type | what it holds |", "|---|---|---|"]
    for column in columns:
        name = f"**`{column.name}`**" if column.name in keys else f"`{column.name}`"
        said = (comment(column) or "").replace("|", "\\|").replace("<", "&lt;")
        to = leads.get(column.name)
        link = f" → [{to}](#{to})" if to else ""
        rows.append(f"| {name} | {type_name(column.type)} | {said}{link} |")
    return "\n".join(rows)


def models() -> dict[str, list[Mapping[str, Any]]]:
    """The models of the marts whose columns are stated, by their folder."""
    found = {}
    for path in sorted(MODELS.glob("*/*.yml")):
        stated = yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ())
        if described := [model for model in stated if model.get("columns")]:
            found.setdefault(path.parent.name, []).extend(described)
    return found


def marts(stated: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The reference of the marts, as Markdown."""
    every = [model for each in stated.values() for model in each]
    pointing = {
        name: to for model in every if (to := dimensions(model)) for name in [model["name"]]
    }
    drawn = {*pointing, *(dim for to in pointing.values() for dim in to.values())}
    shown = [
        Entity(model["name"], (), tuple(dict.fromkeys(pointing.get(model["name"], {}).values())))
        for model in every
        if model["name"] in drawn
    ]
    lines = [WRITTEN, "", MARTS, _figure("Facts and their dimensions", shown)]
    for folder, each in stated.items():
        lines += ["", f"## In {folder}"]
        for model in each:
            lines += ["", f"### {model['name']}", "", model.get("description", ""), ""]
            lines += ["| column | type | what it holds |", "|---|---|---|"]
            to = dimensions(model)
            for column in model["columns"]:
                dim = to.get(column["name"])
                link = f" → [{dim}](#{dim})" if dim else ""
                said = column.get("description", "").replace("|", "\\|")
                kind = str(column.get("data_type", "")).upper()
                lines.append(f"| `{column['name']}` | {kind} | {said}{link} |")
    return "\n".join(lines) + "\n"


def dimensions(model: Mapping[str, Any]) -> Mapping[str, str]:
    """Which columns of a model are keys of which dimension, as its tests state them."""
    for test in model.get("data_tests", ()):
        if isinstance(test, dict) and "references" in test:
            found: Mapping[str, str] = test["references"]["arguments"]["dimensions"]
            return found
    return {}


def _figure(title: str, entities: Iterator[Entity] | Sequence[Entity]) -> str:
    return f'<figure class="entities" markdown="0">\n{svg(title, list(entities))}\n</figure>'


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
