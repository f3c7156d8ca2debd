"""Keeps comments, tags, clustering, properties and views of tables as schema and settings say.

Nothing is asked of a table that remembers to have what is wanted, and what people have set stays:
see `upkeep_items.py`. Comments and properties are in what Unity Catalog says of a table anyway; for
others the table is asked. What is refused, for want of a privilege say, keeps no row from being
loaded.

Source: Databricks SQL language reference, DESCRIBE TABLE, DESCRIBE DETAIL; information_schema,
TABLE_TAGS and COLUMN_TAGS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Protocol

import pyarrow as pa

from target_databricks.schema.plan import Hints
from target_databricks.warehouse.catalog import TableFacts
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.sql.names import Schema, literal, quoted
from target_databricks.warehouse.upkeep_items import (
    REMEMBERED,
    TABLE,
    Item,
    Memory,
    changes,
    statements,
    wanted,
)

logger = logging.getLogger("target-databricks")

_LATER = frozenset({"tag", "view"})
"""What a table does not get by the statement that makes it."""


class _Tables(Protocol):
    """What is asked of the tables of a schema."""

    schema: Schema

    def name(self, table: str) -> str: ...
    def properties(self, table: str) -> Mapping[str, str]: ...
    def set_properties(
        self, table: str, properties: Mapping[str, str], tags: Mapping[str, str]
    ) -> None: ...


class Upkeep:
    """Keeps tables of one schema up.

    Args:
        connections: To the warehouse.
        tables: The tables.
        config: The target's settings.
    """

    def __init__(
        self, connections: Connections, tables: _Tables, config: Mapping[str, Any]
    ) -> None:
        self._connections = connections
        self._tables = tables
        self._comments = bool(config["table_comments"])
        self._views = bool(config.get("current_views"))
        self._tags = _texts(config.get("table_tags"))
        self._properties = _texts(config.get("table_properties"))
        self._seen: set[str] = set()

    def items(
        self,
        columns: pa.Schema,
        description: str | None,
        hints: Hints,
        there: pa.Schema | None = None,
    ) -> list[Item]:
        """All that a table is to have."""
        return wanted(
            description,
            columns,
            hints,
            there=there,
            comments=self._comments,
            tags=self._tags,
            properties=self._properties,
            views=self._views,
        )

    def memory(self, items: Sequence[Item], cluster_by: tuple[str, ...] | str) -> str:
        """What a new table remembers, which has all but its tags and its view.

        Args:
            items: All that it is to have.
            cluster_by: How it is clustered.
        """
        made = []
        if isinstance(cluster_by, tuple) and cluster_by:
            # Also where it is clustered by its keys, which nobody has wished for.
            made.append(Item("cluster", TABLE, "", json.dumps(cluster_by)))
        wished = [item for item in items if item.kind not in _LATER]
        return str(Memory().after(made, ()).after(wished, made))

    def keep(self, table: str, items: Sequence[Item], facts: TableFacts, *, made: bool) -> None:
        """Have a table have what it is to have, once a run.

        Args:
            table: The table.
            items: All that it is to have.
            facts: What it had when it was looked at last, before columns were added.
            made: Whether it was made just now, so that it lacks its tags and its view alone.
        """
        if table.startswith("_"):
            # A working table, of whose rows nobody wants a view.
            items = [item for item in items if item.kind != "view"]
        if table in self._seen or not items:
            return
        self._seen.add(table)
        try:
            self._keep(table, items, facts, made=made)
        except StatementError as error:
            logger.warning(
                "%s.%s: its comments, tags, clustering, properties and view are not all as they "
                "should be, and the next run tries again: %s",
                self._tables.schema,
                table,
                error.problem.sentence,
            )

    def _keep(self, table: str, items: Sequence[Item], facts: TableFacts, *, made: bool) -> None:
        properties = facts.properties
        if properties is None:
            properties = self._tables.properties(table)
        memory = Memory.parse(properties.get(REMEMBERED))
        if not (news := memory.news(items)):
            return
        present = [] if made else [*self._present(table, news, facts.comments, properties)]
        to_set, theirs = changes(news, present, memory)
        view = self._tables.name(f"{table}_current")
        for statement in statements(self._tables.name(table), to_set, view):
            self._connections.run(statement)
        after = str(memory.after(news, present))
        self._tables.set_properties(table, {REMEMBERED: after}, {})
        for item in theirs:
            logger.info(
                "%s.%s: the %s of %s is not what the schema says, and stays, because somebody has "
                "set it otherwise.",
                self._tables.schema,
                table,
                f"{item.kind} {item.name}".strip(),
                f"column {item.column}" if item.column else "the table",
            )

    def _present(
        self,
        table: str,
        news: Sequence[Item],
        comments: Mapping[str, str] | None,
        properties: Mapping[str, str],
    ) -> Iterator[Item]:
        """What a table has of the kinds that are news."""
        kinds, detail = {item.kind for item in news}, {}
        if "cluster" in kinds or ("comment" in kinds and comments is None):
            statement = f"DESCRIBE DETAIL {self._tables.name(table)}"
            (detail,) = self._connections.run(statement).to_pylist()
        if "comment" in kinds:
            if comments is None:
                comments = self._comments_of(table) | {TABLE: detail.get("description")}
            yield from (Item("comment", n, "", text) for n, text in comments.items() if text)
        columns = list(detail.get("clusteringColumns") or ())
        # Those that Databricks has chosen are nobody's wish.
        if columns and properties.get("clusterByAuto") != "true":
            yield Item("cluster", TABLE, "", json.dumps(columns))
        for key, value in properties.items():
            yield Item("property", TABLE, key, value)
        if "tag" in kinds:
            yield from self._present_tags(table)

    def _comments_of(self, table: str) -> dict[str, Any]:
        rows = self._connections.run(f"DESCRIBE TABLE {self._tables.name(table)}").to_pylist()
        columns = takewhile(lambda row: row["col_name"] and row["col_name"][0] != "#", rows)
        return {row["col_name"]: row["comment"] for row in columns}

    def _present_tags(self, table: str) -> Iterator[Item]:
        catalog = quoted(self._tables.schema.catalog)
        of = f"schema_name = {literal(self._tables.schema.name)} AND table_name = {literal(table)}"
        rows = self._connections.run(
            f"SELECT '' AS column_name, tag_name, tag_value FROM {catalog}.information_schema."  # noqa: S608
            f"table_tags WHERE {of} UNION ALL SELECT column_name, tag_name, tag_value FROM "
            f"{catalog}.information_schema.column_tags WHERE {of}"
        )
        for row in rows.to_pylist():
            yield Item("tag", row["column_name"], row["tag_name"], row["tag_value"] or "")


def _texts(stated: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in (stated or {}).items()}
