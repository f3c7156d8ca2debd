"""The dashboard: what the tool writes, and queries that a warehouse answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import dashboard
import yaml

ROOT = Path(__file__).parents[2]
MADE = json.loads(dashboard.OUTPUT.read_text(encoding="utf-8"))
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
            columns = {"organisation", "month_end", *dataset.labels, *dataset.figures}
            for field in query["fields"]:
                assert re.findall(r"`(\w+)`", field["expression"])[0] in columns
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


def types_of(model: str) -> dict[str, str]:
    """Columns of a mart and their types, as its contract has them."""
    for path in (ROOT / "plugins" / "marts" / "models").rglob("*.yml"):
        for each in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            if each["name"] == model:
                return {c["name"]: on_databricks(c["data_type"]) for c in each["columns"]}
    raise LookupError(model)


def test_a_warehouse_takes_every_query(databricks_sandbox, databricks_schema):
    """Of empty marts, made of their contracts; what they answer is looked at with the marts."""
    texts = {each["name"]: "".join(each["queryLines"]) for each in MADE["datasets"]}
    marts = {
        name for text in texts.values() for name in re.findall(r"(?:FROM|JOIN) ([a-z_]+)\b", text)
    }
    for mart in sorted(marts):
        columns = ", ".join(f"CAST(NULL AS {kind}) AS `{c}`" for c, kind in types_of(mart).items())
        databricks_sandbox.sql(
            f"CREATE VIEW main.{databricks_schema}.{mart} AS SELECT {columns} WHERE false"
        )
    for name, text in texts.items():
        dataset = DATASETS[name]
        qualified = re.sub(r"(FROM|JOIN) ([a-z_]+)\b", rf"\1 main.{databricks_schema}.\2", text)
        rows = databricks_sandbox.sql(
            f"SELECT count(*) AS n, count(organisation) FROM ({qualified})"
        )
        assert rows[0]["n"] == 0
        columns = ("organisation", "month_end", *dataset.labels, *dataset.figures)
        databricks_sandbox.sql(f"SELECT {', '.join(columns)} FROM ({qualified})")
