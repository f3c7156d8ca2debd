"""The dashboard of the bundle: the figures of the report's page, as Databricks shows them.

    uv run --group test python plugins/tools/dashboard.py

writes `plugins/databricks-bundle/dashboards/books.lvdash.json`. A dataset is a query of the page
(`plugins/report/xero_report/tables.py`) without its schema, which the bundle says, and with the
organisation's name. Every page has filters over all that it shows: the organisation, and the month
where all of it is by month.

Source: Databricks, "AI/BI dashboards", and files that workspaces export (`.lvdash.json`): versions
of widgets, the query `main_query` and the grid of six columns are as there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from xero_report.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "plugins" / "databricks-bundle" / "dashboards" / "books.lvdash.json"
WIDTH = 6
FILTERS = {"organisation": "Organisation", "month_end": "Month"}
SERIES = "series"
"""Column of a dataset with a chart: organisation and label."""

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Eight that people see apart who see fewer. Source: Okabe and Ito, "Color Universal Design"."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Dataset:
    """A query.

    Attributes:
        name: How widgets name it.
        query: SQL; the schema is what the dashboard is deployed with.
        labels: Columns that say what a row is.
        figures: Columns of decimals and counts.
        heads: Columns that say whose it is, in which currency, and when; they come first.
    """

    name: str
    query: str
    labels: tuple[str, ...]
    figures: tuple[str, ...]
    heads: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, in the order of a table."""
        return (*self.heads, *self.labels, *self.figures)


@dataclass(frozen=True)
class Chart:
    """A chart of a dataset by month: the sum of a figure in the colours of a label.

    Each organisation has colours of its own: what is in two currencies is not added up.
    """

    kind: str
    figure: str
    by: str


@dataclass(frozen=True)
class Page:
    """A page: for each dataset a chart, where there is one, and a table."""

    title: str
    shows: dict[str, Chart | None]

    @property
    def name(self) -> str:
        """How widgets are named after it."""
        return self.title.lower().replace(" ", "_")


PAGES = (
    Page(
        "Agreement with Xero",
        {"agreement": None, "reconciliation": None, "health": None},
    ),
    Page("Profit and loss", {"profit_and_loss": Chart("bar", "amount", "section")}),
    Page("Balance sheet", {"balance_sheet": Chart("bar", "amount", "section")}),
    Page("Cash", {"bank_accounts": Chart("line", "closing_balance", "account")}),
    Page("Receivables and payables", {"aged_receivables": None, "aged_payables": None}),
    Page("Revenue by tracking", {"tracking": Chart("bar", "revenue", "option")}),
    Page("Customers", {"customers": Chart("line", "closing_customers", "period")}),
    Page("Budgets", {"budgets": Chart("bar", "actual", "section")}),
    Page("Group", {"group_profit_and_loss": None, "group_balance_sheet": None}),
)

_OWN = (
    Dataset(
        "agreement",
        """
        SELECT coalesce(o.name, r.organisation) AS organisation,
          CASE
            WHEN count(r.tenant_id) = 0 THEN 'never'
            WHEN bool_or(r.status = 'differs') THEN 'differs'
            WHEN bool_or(r.status = 'changed_after_close') THEN 'changed_after_close'
            WHEN bool_or(r.status = 'not_checkable') THEN 'incomplete'
            ELSE 'agrees'
          END AS state,
          CAST(max(r.checked_at) AS STRING) AS checked_at, count(r.tenant_id) AS checks,
          count(CASE WHEN r.status IN ('differs', 'changed_after_close') THEN 1 END) AS differing,
          count(CASE WHEN r.status = 'not_checkable' THEN 1 END) AS unchecked
        FROM dim_organisation AS o
        FULL JOIN latest_reconciliation AS r ON r.tenant_id = o.tenant_id
        GROUP BY coalesce(o.tenant_id, r.tenant_id), coalesce(o.name, r.organisation)
        ORDER BY organisation
        """,
        ("state", "checked_at"),
        ("checks", "differing", "unchecked"),
        ("organisation",),
    ),
    Dataset(
        "reconciliation",
        """
        SELECT organisation, status, check_name, basis, period_end, subject_name, explanation,
          documents, locked, first_agreed, lakehouse, xero, difference
        FROM latest_reconciliation
        WHERE status NOT IN ('agrees', 'explained')
        ORDER BY organisation, status, check_name, basis, subject_name, period_end
        """,
        (
            *("status", "check_name", "basis", "period_end", "subject_name", "explanation"),
            *("documents", "locked", "first_agreed"),
        ),
        ("lakehouse", "xero", "difference"),
        ("organisation",),
    ),
    Dataset(
        "health",
        """
        SELECT organisation, stream, status, CAST(right_at AS STRING) AS right_at,
          CAST(failing_since AS STRING) AS failing_since, reason
        FROM xero_pipeline_health
        ORDER BY status, organisation, stream
        """,
        ("stream", "status", "right_at", "failing_since", "reason"),
        (),
        ("organisation",),
    ),
)
"""The page's banner with what is behind it, and how fresh each stream is."""


def datasets() -> dict[str, Dataset]:
    """All datasets, by name."""
    return {each.name: each for each in (*_OWN, *_of_the_page())}


def _of_the_page() -> Iterator[Dataset]:
    """The page's tables; where a label is called like a figure, it is the label's name."""
    charts = {name: chart for page in PAGES for name, chart in page.shows.items() if chart}
    for table in TABLES:
        labels = tuple(
            f"{label}_name" if label in table.figures else label for label in table.labels
        )
        columns = ", ".join(("tenant_id", "month_end", *labels, *table.figures))
        # Who joins rows has their order to say anew.
        inner, _, _ = dedent(table.query.replace("{marts}.", "")).strip().rpartition("\nORDER BY ")
        # Rows of the group say their currency themselves.
        currency = () if "is_converted" in labels else ("base_currency",)
        said = ["o.name AS organisation", *(f"o.{name}" for name in currency)]
        if chart := charts.get(table.name):
            said.append(f"concat_ws(': ', o.name, q.{chart.by}) AS {SERIES}")
        query = (
            f"SELECT {', '.join(said)}, q.*\nFROM (\n{inner}\n) AS q({columns})\n"
            "JOIN dim_organisation AS o ON o.tenant_id = q.tenant_id\n"
            f"ORDER BY organisation, month_end, {', '.join(labels)}\n"
        )
        heads = ("organisation", *currency, "month_end")
        yield Dataset(table.name, query, labels, table.figures, heads)


def dashboard() -> Json:
    """The content of the file."""
    known = datasets()
    return {
        "datasets": [
            {
                "name": each.name,
                "displayName": each.name.replace("_", " ").capitalize(),
                "queryLines": dedent(each.query).strip().splitlines(keepends=True),
            }
            for each in known.values()
        ],
        "pages": [_page(page, known) for page in PAGES],
    }


def _page(page: Page, known: dict[str, Dataset]) -> Json:
    shown = [known[name] for name in page.shows]
    filters = [name for name in FILTERS if all(name in each.heads for each in shown)]
    layout = [_filter(name, page, place) for place, name in enumerate(filters)]
    y = 1
    for dataset, chart in zip(shown, page.shows.values(), strict=True):
        if chart:
            layout.append(_placed(_chart(dataset, chart), 0, y, WIDTH, 7))
            y += 7
        layout.append(_placed(_table(dataset), 0, y, WIDTH, 9))
        y += 9
    return {
        "name": page.name,
        "displayName": page.title,
        "pageType": "PAGE_TYPE_CANVAS",
        "layout": layout,
    }


def _placed(widget: Json, x: int, y: int, width: int, height: int) -> Json:
    return {"widget": widget, "position": {"x": x, "y": y, "width": width, "height": height}}


def _fields(*columns: str) -> list[Json]:
    return [{"name": column, "expression": f"`{column}`"} for column in columns]


def _filter(column: str, page: Page, place: int) -> Json:
    """A choice of one value, for everything on the page."""
    queries = [
        {
            "name": f"{column}_{name}",
            "query": {"datasetName": name, "fields": _fields(column), "disaggregated": False},
        }
        for name in page.shows
    ]
    widget = {
        "name": f"{page.name}_{column}",
        "queries": queries,
        "spec": {
            "version": 2,
            "widgetType": "filter-single-select",
            "encodings": {
                "fields": [
                    {"fieldName": column, "displayName": FILTERS[column], "queryName": each["name"]}
                    for each in queries
                ]
            },
            "frame": {"showTitle": True, "title": FILTERS[column]},
        },
    }
    half = WIDTH // len(FILTERS)
    return _placed(widget, place * half, 0, half, 1)


def _chart(dataset: Dataset, chart: Chart) -> Json:
    total = f"sum({chart.figure})"
    fields = [
        *_fields("month_end", SERIES),
        {"name": total, "expression": f"SUM(`{chart.figure}`)"},
    ]
    return {
        "name": f"{dataset.name}_chart",
        "queries": [_main(dataset, fields, whole=False)],
        "spec": {
            "version": 3,
            "widgetType": chart.kind,
            "encodings": {
                "x": {
                    "fieldName": "month_end",
                    "displayName": "Month",
                    "scale": {"type": "temporal"},
                },
                "y": {
                    "fieldName": total,
                    "displayName": _title(chart.figure),
                    "scale": {"type": "quantitative"},
                },
                "color": {
                    "fieldName": SERIES,
                    "displayName": f"Organisation: {chart.by.replace('_', ' ')}",
                    "scale": {"type": "categorical"},
                },
            },
            "frame": {"showTitle": True, "title": f"{_title(dataset.name)} by month"},
            "mark": {"colors": list(COLOURS)},
        },
    }


def _table(dataset: Dataset) -> Json:
    return {
        "name": f"{dataset.name}_table",
        "queries": [_main(dataset, _fields(*dataset.columns), whole=True)],
        "spec": {
            "version": 1,
            "widgetType": "table",
            "encodings": {
                "columns": [
                    {
                        "fieldName": column,
                        "title": _title(column),
                        "order": order,
                        **(
                            {
                                "type": "decimal",
                                "displayAs": "number",
                                "numberFormat": "0,0.00",
                                "alignContent": "right",
                            }
                            if column in dataset.figures
                            else {"type": "string", "displayAs": "string"}
                        ),
                    }
                    for order, column in enumerate(dataset.columns)
                ]
            },
            "frame": {"showTitle": True, "title": _title(dataset.name)},
        },
    }


def _main(dataset: Dataset, fields: list[Json], *, whole: bool) -> Json:
    query = {"datasetName": dataset.name, "fields": fields, "disaggregated": whole}
    return {"name": "main_query", "query": query}


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def main() -> None:
    """Write the file."""
    OUTPUT.parent.mkdir(exist_ok=True)
    text = json.dumps(dashboard(), ensure_ascii=False, indent=2)
    OUTPUT.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
