"""Keeps comments, tags, clustering and properties of tables as the schema and the settings say.

Nothing is asked of a table that remembers to have what is wanted, and what people have set stays:
see `upkeep_items.py`. What is refused, for want of a privilege say, keeps no row from being loaded.

Source: Databricks SQL language reference, DESCRIBE TABLE, DESCRIBE DETAIL; information_schema,
TABLE_TAGS and COLUMN_TAGS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from target_databricks.schema.plan import Hints
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql.names import Schema, literal, quoted
from target_databricks.warehouse.upkeep_items import (
    REMEMBERED,
    TABLE,
    Item,
    Memory,
    changes,
    memory_of,
    statements,
    wanted,
)

logger = logging.getLogger("target-databricks")


class _Tables(Protocol):
    """What is asked of the tables of a schema."""

    schema: Schema

    def name(self, table: str) -> str: ...
    def properties(self, table: str) -> Mapping[str, str]: ...


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
        self._tags = _texts(config.get("table_tags"))
        self._properties = _texts(config.get("table_properties"))
        self._seen: set[str] = set()

    def items(self, columns: pa.Schema, description: str | None, hints: Hints) -> list[Item]:
        """All that a table is to have."""
        return wanted(
            description,
            columns,
            hints,
            comments=self._comments,
            tags=self._tags,
            properties=self._properties,
        )

    def memory(self, items: Sequence[Item], cluster_by: tuple[str, ...] | str) -> str:
        """What a new table remembers, which has all but its tags.

        Args:
            items: All that it is to have.
            cluster_by: How it is clustered.
        """
        wished = [item for item in items if item.kind != "tag"]
        made = [item for item in wished if item.kind != "cluster"]
        if isinstance(cluster_by, tuple) and cluster_by:
            # Also where it is clustered by its keys, which nobody has wished for.
            made.append(Item("cluster", TABLE, "", json.dumps(cluster_by)))
        return str(Memory(memory_of(wished).digest, memory_of(made).texts))

    def keep(self, table: str, items: Sequence[Item], *, made: bool) -> None:
        """Have a table have what it is to have, once a run.

        Args:
            table: The table.
            items: All that it is to have.
            made: Whether it was made just now, so that it lacks its tags alone.
        """
        if table in self._seen or not items:
            return
        self._seen.add(table)
        try:
            self._keep(table, items, made=made)
        except StatementError as error:
            logger.warning(
                "%s.%s: its comments, tags, clustering and properties are not all as they should "
                "be, and the next run tries again: %s",
                self._tables.schema,
                table,
                error.problem.sentence,
            )

    def _keep(self, table: str, items: Sequence[Item], *, made: bool) -> None:
        if made and not any(item.kind == "tag" for item in items):
            return
        memory = Memory.parse(self._tables.properties(table).get(REMEMBERED))
        aim = memory_of(items, memory)
        if memory.digest == aim.digest:
            return
        present = [i for i in items if i.kind != "tag"] if made else [*self._present(table, items)]
        to_set, theirs = changes(items, present, memory)
        for statement in statements(self._tables.name(table), to_set):
            self._connections.run(statement)
        remembered = ddl.set_properties(self._tables.name(table), {REMEMBERED: str(aim)})
        self._connections.run(remembered)
        for item in theirs:
            logger.info(
                "%s.%s: the %s of %s is not what the schema says, and stays, because somebody has "
                "set it otherwise.",
                self._tables.schema,
                table,
                f"{item.kind} {item.name}".strip(),
                f"column {item.column}" if item.column else "the table",
            )

    def _present(self, table: str, items: Sequence[Item]) -> Iterator[Item]:
        """What a table has of the kinds that are wanted."""
        kinds = {item.kind for item in items}
        name = self._tables.name(table)
        (detail,) = self._connections.run(f"DESCRIBE DETAIL {name}").to_pylist()
        properties = self._tables.properties(table)
        if "comment" in kinds:
            comments = {TABLE: detail.get("description")}
            for row in self._connections.run(f"DESCRIBE TABLE {name}").to_pylist():
                if not row["col_name"] or row["col_name"].startswith("#"):
                    break
                comments[row["col_name"]] = row["comment"]
            yield from (Item("comment", n, "", text) for n, text in comments.items() if text)
        if "cluster" in kinds:
            columns = list(detail.get("clusteringColumns") or ())
            # Those that Databricks has chosen are nobody's wish.
            auto = properties.get("clusterByAuto") == "true"
            if columns and not auto:
                yield Item("cluster", TABLE, "", json.dumps(columns))
        for key, value in properties.items():
            yield Item("property", TABLE, key, value)
        if "tag" in kinds:
            yield from self._present_tags(table)

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
