"""Native parameters: what a client binds to `:name` and `?`, written into statements as literals.

Spark 4.1 does the same, but hands parameters to its parser only, and Delta's parser in front of it
does not pass them on. Source: Databricks SQL, "Parameter markers".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from databricks.sql.thrift_api.TCLIService import ttypes

from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.sql_text import splice, tokens

_TYPE = re.compile(r"[A-Z_]+( [A-Z ]+)?(\(\d+ ?, ?\d+\))?")

# A colon behind one of these reaches into a VARIANT (`v:a`) or casts (`::`).
_PATH_BEFORE = re.compile(r"[\w`)\]:]")


def bind(text: str, parameters: Sequence[ttypes.TSparkParameter] | None) -> str:
    """A statement with its parameter markers replaced.

    Args:
        text: as it was sent.
        parameters: all with a name, or all without.

    Raises:
        SqlError: a marker has no parameter, or a type is none.
    """
    if not parameters:
        return text
    by_name = {one.name.lower(): one for one in parameters if one.name}
    positional = iter([one for one in parameters if not one.name])
    changes = []
    sequence = list(tokens(text))
    for index, token in enumerate(sequence):
        if token.text == "?" and not by_name:
            parameter = next(positional, None)
            if parameter is None:
                raise _unbound(f"_{token.start}")
            changes.append((token.start, token.end, _literal(parameter)))
        elif token.text == ":" and by_name and index + 1 < len(sequence):
            name = sequence[index + 1]
            before = text[token.start - 1 : token.start]
            if name.start != token.end or name.kind != "word" or _PATH_BEFORE.match(before):
                continue
            parameter = by_name.get(name.text.lower())
            if parameter is None:
                raise _unbound(name.text)
            changes.append((token.start, name.end, _literal(parameter)))
    return splice(text, changes)


def describe(
    parameters: Sequence[ttypes.TSparkParameter] | None,
) -> list[tuple[str, str, str | None]]:
    """Parameters for the statement log: name or position, type, and text."""
    return [
        (parameter.name or str(position), parameter.type or "STRING", _text(parameter.value))
        for position, parameter in enumerate(parameters or (), 1)
    ]


def _literal(parameter: Any) -> str:
    kind = (parameter.type or "STRING").upper()
    if kind in ("ARRAY", "MAP") and parameter.arguments is not None:
        # The arguments of a map are keys and values in turn.
        return f"{kind}({', '.join(_literal(argument) for argument in parameter.arguments)})"
    text = _text(parameter.value)
    if kind == "VOID" or text is None:
        return "NULL"
    if not _TYPE.fullmatch(kind):
        raise SqlError("INVALID_PARAMETER_VALUE", f"'{parameter.type}' is no type of a parameter.")
    if kind == "INT" and re.fullmatch(r"\d{1,9}", text):
        # Some clauses, LIMIT among them, read best with a plain number.
        return text
    literal = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return literal if kind == "STRING" else f"CAST({literal} AS {kind})"


def _text(value: Any) -> str | None:
    # A nested value is the text itself; a top-level one is wrapped.
    if value is None or isinstance(value, str):
        return value
    for candidate in (value.stringValue, value.doubleValue, value.booleanValue):
        if candidate is not None:
            return str(candidate)
    return None


def _unbound(name: str) -> SqlError:
    return SqlError("UNBOUND_SQL_PARAMETER", f"Found the unbound parameter: {name}.")
