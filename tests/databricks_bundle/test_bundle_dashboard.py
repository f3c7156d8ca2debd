"""The dashboard: what the tool writes, and queries that a warehouse answers."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dashboard
import duckdb
import jinja2
import jsonschema
import pyarrow as pa
import pytest
import synthetic
import yaml
from deltalake import write_deltalake
from shown_figures import answers, compared
from xero_report import tables
from xero_report.folder import Folder
from xero_report.page import content
from xero_report.settings import Settings

ROOT = Path(__file__).parents[2]
MADE = json.loads(dashboard.OUTPUT.read_text(encoding="utf-8"))
SCHEMA = json.loads(
    (ROOT / "plugins" / "databricks-bundle" / "schemas" / "lvdash.json").read_text(encoding="utf-8")
)
DATASETS = dashboard.datasets()


def widgets() -> list[dict[str, Any]]:
    return [each["widget"] for page in MADE["pages"] for each in page["layout"]]


def named(value: Any) -> set[str]:
    """Every field that an encoding names."""
    if isinstance(value, dict):
        own = {value["fieldName"]} if "fieldName" in value else set()
        return own.union(*map(named, value.values()))
    return set().union(*map(named, value)) if isinstance(value, list) else set()


def test_the_file_is_what_the_tool_makes():
    assert dashboard.dashboard() == MADE, "run plugins/tools/dashboard.py"


def test_the_file_has_no_member_that_dashboards_do_not_have():
    jsonschema.validate(MADE, SCHEMA)


@pytest.mark.parametrize(
    ("widget", "member"),
    [
        ("profit_and_loss_chart", "widgetTyp"),
        ("profit_and_loss_table", "encoding"),
        ("profit_and_loss_organisation", "frames"),
    ],
)
def test_a_misspelt_member_of_a_widget_is_refused(widget, member):
    broken = copy.deepcopy(MADE)
    (found,) = (
        each["widget"]
        for page in broken["pages"]
        for each in page["layout"]
        if each["widget"]["name"] == widget
    )
    found["spec"][member] = {}
    with pytest.raises(jsonschema.ValidationError, match=member):
        jsonschema.validate(broken, SCHEMA)


def test_a_widget_asks_a_dataset_for_the_fields_that_it_shows():
    stated = {each["name"] for each in MADE["datasets"]}
    assert len({widget["name"] for widget in widgets()}) == len(widgets())
    shown = set()
    for widget in widgets():
        queries = {each["name"]: each["query"] for each in widget["queries"]}
        assert {query["datasetName"] for query in queries.values()} <= stated
        asked = {field["name"] for query in queries.values() for field in query["fields"]}
        assert named(widget["spec"]["encodings"]) == asked
        for query in queries.values():
            dataset = DATASETS[query["datasetName"]]
            for field in query["fields"]:
                (column,) = re.findall(r"`(\w+)`", field["expression"])
                assert column in (*dataset.columns, dashboard.SERIES)
            shown.add(dataset.name)
    assert shown == stated


def test_widgets_of_a_page_do_not_lie_on_each_other():
    for page in MADE["pages"]:
        taken: set[tuple[int, int]] = set()
        for each in page["layout"]:
            p = each["position"]
            cells = {
                (p["x"] + x, p["y"] + y) for x in range(p["width"]) for y in range(p["height"])
            }
            assert not cells & taken
            assert max(x for x, _ in cells) < dashboard.WIDTH
            taken |= cells


def on_databricks(kind: str) -> str:
    """A type of a contract; where engines have two, that of Databricks is the first."""
    return kind if "{{" not in kind else re.findall(r"'([^']+)'", kind)[0]


IN_DUCKDB = {"timestamp": "timestamptz"}
"""Types of Databricks that DuckDB calls otherwise."""


def types_of(model: str) -> dict[str, str]:
    """Columns of a mart and their types, as its contract has them."""
    for path in (ROOT / "plugins" / "marts" / "models").rglob("*.yml"):
        for each in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            if each["name"] == model:
                return {c["name"]: on_databricks(c["data_type"]) for c in each["columns"]}
    raise LookupError(model)


def marts_named() -> set[str]:
    """What the datasets read."""
    texts = ["".join(each["queryLines"]) for each in MADE["datasets"]]
    return {name for text in texts for name in re.findall(r"(?:FROM|JOIN) ([a-z_]+)\b", text)}


NOW = datetime(2026, 2, 4, 5, 6, 7, 890123, tzinfo=UTC)
AMOUNTS = {"lakehouse": Decimal("10.0000"), "xero": Decimal("12.5000")}
CHECKED = {
    **dict.fromkeys(tables.RECONCILIATION_COLUMNS, "x"),
    **AMOUNTS,
    "tenant_id": "t00",
    "organisation": synthetic.HOSTILE,
    "period_end": date(2025, 12, 31),
    "difference": Decimal("-2.5000"),
    "status": "differs",
    "locked": False,
    "first_agreed": NOW - timedelta(days=40),
    "checked_at": NOW,
}
RECONCILED = [
    CHECKED | {"status": "agrees", "checked_at": NOW - timedelta(days=1), "subject_name": "before"},
    CHECKED,
    CHECKED | {"period_end": date(2026, 1, 31), "lakehouse": Decimal("11.0000"), "documents": None},
    CHECKED | {"status": "changed_after_close", "locked": True, "difference": Decimal(0)},
    CHECKED | {"status": "explained"},
    CHECKED | {"status": "agrees", "period_end": None, "subject_name": "count"},
    CHECKED
    | {"tenant_id": "t01", "organisation": "Organisation 01", "status": "not_checkable"}
    | {**dict.fromkeys(AMOUNTS), "difference": None, "period_end": None, "explanation": "gone"},
    CHECKED | {"tenant_id": "t99", "organisation": "Left the marts", "status": "agrees"},
]
"""The last of one differs, another could not be read, a third is in the marts no more."""


def test_every_dataset_answers_what_the_page_shows(databricks_sandbox, databricks_schema, tmp_path):
    """Of invented marts with the types of the contracts, some organisation never reconciled."""
    database, here = tmp_path / "books.duckdb", f"main.{databricks_schema}"
    synthetic.make(database, organisations=4, months=3, contacts=2)
    history = tmp_path / "xero" / tables.RECONCILIATION
    write_deltalake(str(history), pa.Table.from_pylist(RECONCILED))
    databricks_sandbox.sql(
        f"CREATE TABLE {here}.{tables.RECONCILIATION} USING DELTA LOCATION 'file:{history}'"
    )
    databricks_sandbox.sql(f"CREATE VIEW {here}.latest_reconciliation AS {latest(here)}")
    with duckdb.connect(str(database), read_only=True) as connection:
        for mart in sorted(marts_named() - {"latest_reconciliation"}):
            path = export(connection, mart, tmp_path)
            columns = ", ".join(f"{name} {kind}" for name, kind in types_of(mart).items())
            databricks_sandbox.sql(
                f"CREATE TABLE {here}.{mart} ({columns}) USING PARQUET LOCATION 'file:{path}'"
            )
    stated = {"REPORT_DATABASE": str(database), "REPORT_LAKEHOUSE_PATH": str(tmp_path)}
    books = Folder(Settings.of(stated))
    shown = content(books, NOW)
    books.close()
    answered = answers(databricks_sandbox, "main", databricks_schema)
    for name, page, board in compared(shown, answered):
        assert page, name
        assert board == page, name
    assert {row["state"] for row in answered["agreement"]} == {
        *("differs", "incomplete", "agrees", "never"),
    }
    for name, rows in answered.items():
        assert set(DATASETS[name].columns) <= rows[0].keys(), name
        for row in rows:
            assert row.get(dashboard.SERIES, row["organisation"]).startswith(row["organisation"])


def export(connection: Any, mart: str, folder: Path) -> Path:
    """A file with the rows of a mart, and with the columns and types of its contract."""
    there = [name for name, *_ in connection.execute(f"DESCRIBE marts.{mart}").fetchall()]
    values = ", ".join(
        f"CAST({name if name in there else 'NULL'} AS {IN_DUCKDB.get(kind, kind)}) AS {name}"
        for name, kind in types_of(mart).items()
    )
    path = folder / f"{mart}.parquet"
    connection.execute(f"COPY (SELECT {values} FROM marts.{mart}) TO '{path}' (FORMAT parquet)")
    return path


def latest(schema: str) -> str:
    """The model of last reconciliations, as dbt would render it for a schema of Xero's tables."""
    model = ROOT / "plugins" / "marts" / "models" / "reconciliation" / "latest_reconciliation.sql"
    return jinja2.Template(model.read_text(encoding="utf-8"), autoescape=False).render(
        stated=lambda _, table: f"{schema}.{table}",
        config=lambda **_: "",
        target=SimpleNamespace(type="databricks"),
    )
