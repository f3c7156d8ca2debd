"""The page: data, charts, Vega and our own script in one file that asks nobody for anything.

A content security policy lets in what is in the file and nothing else: scripts by their hashes, no
request of any kind.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import vl_convert

from xero_report import tables
from xero_report.charts import charts
from xero_report.packing import packed
from xero_report.verdict import verdict

if TYPE_CHECKING:
    import pyarrow as pa

    from xero_report.books import Books

SCRIPTS = (
    "figures.js",
    "data.js",
    "grid.js",
    "statements.js",
    "sections.js",
    "charts.js",
    "main.js",
)
"""Our own, in the order in which they need one another."""

VEGA_LITE = "6.4"
"""The version of Vega-Lite, among those that vl-convert has, that goes with Altair's schema."""


def content(books: Books, now: datetime) -> dict[str, Any]:
    """All that the page shows.

    Args:
        books: Where from.
        now: When the page is made.

    Raises:
        BooksError: They cannot be read.
    """
    organisations = books.marts(tables.ORGANISATIONS).to_pylist()
    places = {row["tenant_id"]: place for place, row in enumerate(organisations)}
    reconciled = _reconciled(books)
    return {
        "made_at": now.isoformat(timespec="seconds"),
        "group_currency": _first(books.marts(tables.GROUP_CURRENCY)),
        "organisations": [
            _organisation(row, reconciled.pop(row["tenant_id"], [])) for row in organisations
        ],
        # Organisations that were reconciled, and are in the marts no more, or not yet.
        "others": [
            {"name": own[0]["organisation"], "verdict": verdict(own)} for own in reconciled.values()
        ],
        "months": _months(books.marts(tables.MONTHS), places),
        "tables": {
            table.name: {
                "figures": list(table.figures),
                **packed(books.marts(table.query), len(table.labels), places),
            }
            for table in tables.TABLES
        },
        "streams": _streams(books, places),
    }


def html(data: dict[str, Any]) -> str:
    """The file.

    Args:
        data: As `content` has it.
    """
    scripts = [vega(), "(() => {\n'use strict';\n" + "\n".join(map(_asset, SCRIPTS)) + "\n})();"]
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    parts = {
        "policy": f"default-src 'none'; script-src {hashes}; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        "style": _asset("style.css"),
        "data": _json(data),
        "charts": _json(charts()),
        "vega": scripts[0],
        "script": scripts[1],
    }
    page = _asset("page.html")
    head, *rest = page.split("{{")
    # Not one replacement after the other: what is put in may contain anything.
    return head + "".join(
        parts[name.strip()] + after for name, _, after in (part.partition("}}") for part in rest)
    )


@cache
def vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script, from the wheel of vl-convert."""
    bundle: str = vl_convert.javascript_bundle(
        "window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE
    )
    return f"(() => {{{bundle}\n}})();".replace("</script", "<\\/script")


def _organisation(row: dict[str, Any], reconciled: list[dict[str, Any]]) -> dict[str, Any]:
    locks = [row[name] for name in ("period_lock_date", "end_of_year_lock_date") if row[name]]
    return {
        "name": row["name"],
        "currency": row["base_currency"],
        "country": row["country_code"],
        "locked_until": max(locks).isoformat() if locks else None,
        "verdict": verdict(reconciled),
    }


def _months(rows: pa.Table, places: dict[str, int]) -> dict[str, dict[str, str]]:
    """By organisation the first month of the financial year of each of its months."""
    out: dict[str, dict[str, str]] = {}
    for row in rows.to_pylist():
        months = out.setdefault(str(places[row["tenant_id"]]), {})
        months[f"{row['month_end']:%Y-%m}"] = f"{row['year_start']:%Y-%m}"
    return out


def _reconciled(books: Books) -> dict[str, list[dict[str, Any]]]:
    """Rows of each organisation's last reconciliation by tenant id."""
    rows = books.loaded(
        tables.RECONCILIATION, tables.RECONCILIATION_COLUMNS, tables.RECONCILIATION_QUERY
    )
    out: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist() if rows is not None else ():
        out.setdefault(row["tenant_id"], []).append(row | {"checked_at": _utc(row["checked_at"])})
    return out


def _streams(books: Books, places: dict[str, int]) -> list[dict[str, Any]]:
    """How fresh each stream of each organisation is; `place` is null for all of them together."""
    loads = books.loaded(tables.LOADS, tables.LOADS_COLUMNS, tables.LOADS_QUERY)
    changed = {
        row["stream"]: row["changed_at"] for row in (loads.to_pylist() if loads is not None else ())
    }
    return [
        {
            "place": str(places[row["tenant_id"]]) if row["tenant_id"] in places else None,
            "organisation": row["organisation"],
            "stream": row["stream"],
            "status": row["status"],
            "reason": row["reason"],
            "right_at": _instant(row["right_at"]),
            "failing_since": _instant(row["failing_since"]),
            "changed_at": _instant(changed.get(row["stream"])),
        }
        for row in books.marts(tables.HEALTH).to_pylist()
    ]


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else _utc(moment).isoformat(timespec="seconds")


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _first(rows: pa.Table) -> Any:
    return next((row["currency"] for row in rows.to_pylist()), None)


def _json(value: Any) -> str:
    """JSON that ends no script element, whatever the names in it are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _asset(name: str) -> str:
    return resources.files("xero_report").joinpath("page", name).read_text(encoding="utf-8")
