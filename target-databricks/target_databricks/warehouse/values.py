"""A handful of rows as SQL text, for the ledger alone: what is loaded travels as files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from target_databricks.warehouse.sql.columns import sql_type
from target_databricks.warehouse.sql.names import literal, quoted


def ledger_rows(table: str, rows: pa.Table) -> str:
    """INSERT rows of plain values.

    Args:
        table: The table, in SQL.
        rows: The rows; text, whole numbers and times.
    """
    columns = ", ".join(quoted(name) for name in rows.column_names)
    values = ", ".join(
        "(" + ", ".join(_value(row[c.name], c.type) for c in rows.schema) + ")"
        for row in rows.to_pylist()
    )
    return f"INSERT INTO {table} ({columns}) VALUES {values}"  # noqa: S608


def _value(value: Any, kind: pa.DataType) -> str:
    text = value.isoformat() if isinstance(value, datetime) else value
    return f"CAST({literal(text)} AS {sql_type(kind)})"
