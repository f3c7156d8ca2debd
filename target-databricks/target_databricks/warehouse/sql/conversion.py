"""The statements that make the rows of a table the first versions of a history. Pure."""

# ruff: noqa: S608 - names are quoted and values are literals, both in names.py

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from target_databricks.loading.history import Conversion
from target_databricks.schema.plan import (
    COMMENTS,
    DELETED_AT,
    HISTORY,
    IS_CURRENT,
    RECEIVED_AT,
    SEQUENCE,
    VALID_FROM,
    VALID_TO,
)
from target_databricks.warehouse.sql.clauses import listed, same_key
from target_databricks.warehouse.sql.names import literal, quoted


def conversion(
    stated: Conversion, name: Callable[[str], str], columns: Callable[[str], pa.Schema | None]
) -> Iterator[tuple[str, str]]:
    """What makes the rows of a table the first versions of a history; child tables first.

    The columns of the stream's own table come last, as they tell that it has a history. Each comes
    after the name of the table that it changes, in SQL.

    Args:
        stated: The tables and their columns.
        name: A table's name in SQL.
        columns: The columns of a table.
    """
    table = name(stated.table)
    received = quoted(RECEIVED_AT)
    known = f"CAST(p.{quoted(stated.since)} AS TIMESTAMP), " if stated.since else ""
    since = f"coalesce({known}p.{received}, timestamp_micros(0))"
    gone = f"p.{quoted(DELETED_AT)}"
    facts = [
        f"{since} AS {quoted(VALID_FROM)}",
        f"IF({gone} IS NULL, NULL, greatest({since}, {gone})) AS {quoted(VALID_TO)}",
        f"{gone} IS NULL AS {quoted(IS_CURRENT)}",
    ]
    own = ", ".join([*(f"p.{quoted(k)}" for k in stated.keys), *facts])
    spans = [f"{quoted(n)} = s.{quoted(n)}" for n in HISTORY]
    for each in (*stated.children, stated.table):
        there = {column.name.lower() for column in columns(each) or ()}
        lacking = [n for n in HISTORY if n not in there]
        if lacking:
            kinds = {IS_CURRENT: "BOOLEAN"}
            added = ", ".join(
                f"{quoted(n)} {kinds.get(n, 'TIMESTAMP')} COMMENT {literal(COMMENTS[n])}"
                for n in lacking
            )
            yield name(each), f"ALTER TABLE {name(each)} ADD COLUMNS ({added})"
        sets = spans
        if each == stated.table:
            sequence = f"IF(s.{quoted(IS_CURRENT)}, t.{quoted(SEQUENCE)}, NULL)"
            sets = [*spans, f"{quoted(SEQUENCE)} = {sequence}"]
        yield (
            name(each),
            "\n".join(
                [
                    f"MERGE INTO {name(each)} AS t",
                    f"USING (SELECT {own} FROM {table} AS p) AS s",
                    f"ON {same_key('t', 's', stated.keys)}",
                    f"WHEN MATCHED THEN\n  UPDATE SET {listed(sets)}",
                ]
            ),
        )
    for each in (table, *map(name, stated.children)):
        yield each, f"ALTER TABLE {each} DROP PRIMARY KEY IF EXISTS CASCADE"
