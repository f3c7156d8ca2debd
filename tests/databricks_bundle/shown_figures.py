"""What the page of the books embeds, and what the dashboard's datasets answer, in one form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import dashboard
from databricks import sql
from xero_report.verdict import verdict

Row = dict[str, Any]
Content = dict[str, Any]


def answers(sandbox: Any, catalog: str, schema: str) -> dict[str, list[Row]]:
    """Rows of each dataset of the file, asked as its texts stand there.

    Args:
        sandbox: The workspace.
        catalog: The dashboard's `dataset_catalog`.
        schema: Its `dataset_schema`.
    """
    stated = dashboard.dashboard()["datasets"]
    here = sandbox.connect_arguments(catalog=catalog, schema=schema)
    with sql.connect(**here) as connection, connection.cursor() as cursor:
        return {each["name"]: _rows(cursor, "".join(each["queryLines"])) for each in stated}


def _rows(cursor: Any, query: str) -> list[Row]:
    cursor.execute(query)
    rows: list[Row] = cursor.fetchall_arrow().to_pylist()
    return rows


def compared(content: Content, answered: Mapping[str, list[Row]]) -> Iterator[tuple[str, Any, Any]]:
    """By dataset what the page has and what the dashboard has.

    Args:
        content: What the page embeds (`xero_report.page.content`).
        answered: What the datasets answered, by name.
    """
    names = [each["name"] for each in content["organisations"]]
    for name, table in content["tables"].items():
        dataset = dashboard.datasets()[name]
        yield name, Counter(_of_the_page(table, names)), Counter(_shown(dataset, answered[name]))
    every = [*content["organisations"], *content["others"]]
    verdicts = {each["name"]: each["verdict"] for each in every}
    yield (
        "agreement",
        {name: _banner(own) for name, own in verdicts.items()},
        {row["organisation"]: _agreement(row) for row in answered["agreement"]},
    )
    yield (
        "reconciliation",
        {name: _wrong(own) for name, own in verdicts.items() if own["findings"] or own["gaps"]},
        _found(answered["reconciliation"]),
    )
    fresh = ("organisation", "stream", "status", "reason")
    yield (
        "health",
        Counter(
            (*(row[name] for name in fresh), row["right_at"], row["failing_since"])
            for row in content["streams"]
        ),
        Counter(
            (
                *(row[name] for name in fresh),
                _instant(row["right_at"]),
                _instant(row["failing_since"]),
            )
            for row in answered["health"]
        ),
    )


def _of_the_page(table: Content, names: list[str]) -> Iterator[tuple[str, ...]]:
    """Organisation, month, labels and figures of each row of a packed table."""
    for place, months in table["at"].items():
        for month, packed in months.items():
            codes, *columns = (text.split(" ") for text in packed)
            for code, *figures in zip(codes, *columns, strict=True):
                labels = table["labels"][int(code)]
                yield (names[int(place)], month, *map(str, labels), *figures)


def _shown(dataset: dashboard.Dataset, rows: list[Row]) -> Iterator[tuple[str, ...]]:
    """The same of a dataset."""
    for row in rows:
        labels = (str(row[name]) for name in dataset.labels)
        figures = (_text(row[name]) for name in dataset.figures)
        yield (row["organisation"], f"{row['month_end']:%Y-%m}", *labels, *figures)


def _text(figure: Decimal | int | None) -> str:
    """A figure as decimal text, exact, without zeros at the end of its fraction."""
    if figure is None:
        return ""
    text = format(figure, "f") if isinstance(figure, Decimal) else str(figure)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _banner(own: Content) -> tuple[Any, ...]:
    counts = Counter(own["counts"])
    differing = counts["differs"] + counts["changed_after_close"]
    at = own["checked_at"] and datetime.fromisoformat(own["checked_at"])
    return own["state"], at, counts.total(), differing, counts["not_checkable"]


def _agreement(row: Row) -> tuple[Any, ...]:
    at = row["checked_at"] and datetime.fromisoformat(row["checked_at"]).replace(tzinfo=UTC)
    return row["state"], at, row["checks"], row["differing"], row["unchecked"]


def _wrong(own: Content) -> tuple[Any, Any]:
    return own["findings"], own["gaps"]


def _found(rows: list[Row]) -> dict[str, Any]:
    """Findings and gaps by organisation, as the page would sum these rows up."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row["organisation"], []).append(row | {"checked_at": datetime.now(UTC)})
    return {name: _wrong(verdict(own)) for name, own in by_name.items()}


def _instant(text: str | None) -> str | None:
    """A point in time as the page has it."""
    if text is None:
        return None
    return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat(timespec="seconds")
