"""Rows of figures as compact JSON, with the decimal text of each figure.

A table is `{"labels": [[…], …], "at": {organisation: {month: [codes, figures, …]}}}`. `codes` are
places in `labels`, row by row, and each of `figures` is a column; both are one text with a space
between two rows. A null is an empty text. A decimal loses the zeros at the end of its fraction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

Packed = dict[str, Any]


def packed(rows: pa.Table, labels: int, places: Mapping[str, int]) -> Packed:
    """A table as the page reads it.

    Args:
        rows: Tenant id, month end, labels, figures; in the order of tenants and months.
        labels: How many columns are labels.
        places: Organisations by tenant id, as the page numbers them; rows of others are left out.
    """
    tenants, months, *columns = rows.columns
    names = zip(*(each.to_pylist() for each in columns[:labels]), strict=True)
    figures = list(zip(*map(texts, columns[labels:]), strict=True))
    codes: dict[tuple[Any, ...], int] = {}
    at: dict[str, dict[str, list[list[str]]]] = {}
    for tenant, month, name, figure in zip(
        tenants.to_pylist(), months.to_pylist(), names, figures, strict=True
    ):
        if tenant in places:
            months_of = at.setdefault(str(places[tenant]), {})
            month_of = months_of.setdefault(f"{month:%Y-%m}", [])
            month_of.append([str(codes.setdefault(name, len(codes))), *figure])
    return {
        "labels": [list(name) for name in codes],
        "at": {
            place: {
                month: [" ".join(column) for column in zip(*own, strict=True)]
                for month, own in months_of.items()
            }
            for place, months_of in at.items()
        },
    }


def texts(column: pa.ChunkedArray) -> list[str]:
    """Figures as decimal text, exact; a null is empty."""
    stated = pc.cast(column, pa.string())
    if pa.types.is_decimal(column.type) and column.type.scale > 0:
        stated = pc.replace_substring_regex(stated, r"\.?0+$", "")
    return list(pc.fill_null(stated, "").to_pylist())


def text(figure: Any) -> str:
    """One figure as decimal text."""
    return texts(pa.chunked_array([pa.array([figure])]))[0]
