"""Native parameters: what a client binds to `:name` and `?`, as Spark's own literals.

A parameter travels as text with the SQL type it stands for; arrays and maps hold more of the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from databricks.sql.thrift_api.TCLIService import ttypes
    from pyspark.sql import Column


def bound(parameters: Sequence[ttypes.TSparkParameter] | None) -> dict[str, Any] | list[Any] | None:
    """Parameters as Spark takes them: by name, or in order.

    Must run in a thread where a Spark session is active.
    """
    if not parameters:
        return None
    if all(parameter.name for parameter in parameters):
        return {parameter.name: _column(parameter) for parameter in parameters}
    return [_column(parameter) for parameter in parameters]


def described(
    parameters: Sequence[ttypes.TSparkParameter] | None,
) -> list[tuple[str, str, str | None]]:
    """Parameters for the statement log: name or position, type, and text."""
    return [
        (parameter.name or str(position), parameter.type or "STRING", _text(parameter.value))
        for position, parameter in enumerate(parameters or (), 1)
    ]


def _column(parameter: Any) -> Column:
    from pyspark.sql import functions as sql

    kind = (parameter.type or "STRING").upper()
    if parameter.arguments is not None and kind == "ARRAY":
        return sql.array(*[_column(argument) for argument in parameter.arguments])
    if parameter.arguments is not None and kind == "MAP":
        # Keys and values take turns.
        return sql.create_map(*[_column(argument) for argument in parameter.arguments])
    text = _text(parameter.value)
    if kind == "VOID" or text is None:
        return sql.lit(None)
    if kind == "STRING":
        return sql.lit(text)
    return sql.lit(text).cast(kind.lower())


def _text(value: Any) -> str | None:
    # A nested value is the text itself; a top-level one is wrapped.
    if value is None or isinstance(value, str):
        return value
    for candidate in (value.stringValue, value.doubleValue, value.booleanValue):
        if candidate is not None:
            return str(candidate)
    return None
