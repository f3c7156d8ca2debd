"""Tables of one schema: what they look like now, and making them look as a batch needs them.

What was seen of a table is remembered until something is changed, so that a batch costs no look.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from target_databricks.errors import ConfigurationError, LoadError
from target_databricks.limits import CLUSTERED_COLUMNS
from target_databricks.schema.naming import SPELLING, UNICODE, schema_name
from target_databricks.schema.plan import Hints
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql.columns import (
    as_read,
    as_variant,
    clusterable,
    in_front,
    is_variant,
    missing,
    widened,
)
from target_databricks.warehouse.sql.names import Schema

logger = logging.getLogger("target-databricks")

WIDENING = "delta.enableTypeWidening"
VARIANT = "delta.feature.variantType"
MADE = "targetDatabricks.made"
"""Table property that tells a table from one that had its name before."""
AUTO = "AUTO"
"""What CLUSTER BY says to leave the choice of columns to Databricks."""


_HELP = (
    "Check the settings 'catalog' and 'default_target_schema', and ask an administrator for the "
    "privileges; `target-databricks-grants` prints the statements that are needed."
)


def stated_schema(
    config: Mapping[str, Any], connections: Connections, start: Callable[[], None]
) -> Schema:
    """The schema of the settings; looked for only where an earlier version spelled it otherwise.

    Args:
        config: The target's settings.
        connections: To the warehouse.
        start: Starts the warehouse.
    """
    catalog = str(config["catalog"])

    def exists(name: str) -> bool:
        start()
        try:
            connections.run(f"DESCRIBE SCHEMA {Schema(catalog, name).sql}")
        except StatementError:
            return False
        return True

    # Unity Catalog keeps names in lower case, and folders of volumes are called as it keeps them.
    return Schema(catalog, schema_name(str(config["default_target_schema"]), exists).lower())


def ensure_schema(connections: Connections, schema: Schema) -> bool:
    """Create a schema that is not there. Returns whether it was created.

    Raises:
        ConfigurationError: It cannot be seen, or not be created.
    """
    try:
        connections.run(f"DESCRIBE SCHEMA {schema.sql}")
    except StatementError as error:
        if "SCHEMA_NOT_FOUND" not in error.problem.reason:
            raise ConfigurationError(
                f"The schema {schema} cannot be reached: {error.problem.reason} {_HELP}"
            ) from error
    else:
        return False
    try:
        connections.make(f"CREATE SCHEMA IF NOT EXISTS {schema.sql}")
    except StatementError as error:
        raise ConfigurationError(
            f"The schema {schema} does not exist, or may not be seen, and cannot be created: "
            f"{error.problem.reason} {_HELP}"
        ) from error
    logger.info("Created the schema %s.", schema)
    return True


class Tables:
    """The tables of one schema.

    Args:
        connections: To the warehouse.
        schema: The schema.
        config: The target's settings.
    """

    def __init__(self, connections: Connections, schema: Schema, config: Mapping[str, Any]) -> None:
        self._connections = connections
        self.schema = schema
        self._comments = bool(config["table_comments"])
        self._constraints = bool(config["table_constraints"])
        self._clustering = str(config["clustering"])
        # Whether predictive optimization is on, which AUTO asks for, is known at the first table.
        self._offers_auto = True
        self._lock = threading.Lock()
        self._properties = dict(config.get("table_properties") or {})
        self._widening = bool(config["type_widening"])
        self._columns: dict[str, pa.Schema | None] = {}
        self.new: set[str] = set()
        """Tables that were made here; whoever fills one takes it out."""

    def name(self, table: str) -> str:
        """A table's name in SQL."""
        return self.schema.table(table)

    def columns(self, table: str) -> pa.Schema | None:
        """The columns of a table, or None if there is none."""
        if table not in self._columns:
            self._columns[table] = self._look(table)
        return self._columns[table]

    def spelled(self, table: str, column: str) -> str | None:
        """How a table writes a column's name, or None if it has no such column."""
        columns = self.columns(table) or ()
        return next((c.name for c in columns if c.name.lower() == column.lower()), None)

    def properties(self, table: str) -> dict[str, str]:
        """The properties of a table; none if there is no table."""
        if self.columns(table) is None:
            return {}
        try:
            rows = self._connections.run(f"SHOW TBLPROPERTIES {self.name(table)}").to_pylist()
        except StatementError as error:
            if error.problem.kind is not Kind.GONE:
                raise
            self.forget(table)
            return {}
        return {row["key"]: row["value"] for row in rows}

    def forget(self, table: str) -> None:
        """Look again the next time."""
        self._columns.pop(table, None)

    def ready(
        self,
        table: str,
        target: pa.Schema,
        description: str | None,
        *,
        keys: tuple[str, ...] = (),
        primary: bool = True,
        hints: Hints | None = None,
        variants: frozenset[str] = frozenset(),
        properties: Mapping[str, str] | None = None,
    ) -> pa.Schema:
        """Create a table, or add what it lacks.

        Args:
            table: Its name.
            target: Columns it must have.
            description: Comment of a new table.
            keys: Columns that identify a row of a new table.
            primary: Whether no two rows of it share a key.
            hints: What the schema says to Databricks alone.
            variants: New columns of JSON text that shall be VARIANT.
            properties: Properties of a new table, beside those of the settings.

        Returns:
            Its columns.
        """
        target = pa.schema([as_variant(c) if c.name in variants else c for c in target])
        existing = self.columns(table)
        if existing is None:
            hints, own = hints or Hints(), properties or {}
            existing = self._create(table, target, description, keys, primary, hints, own)
        lacking = missing(existing, target)
        if not any(map(is_variant, existing)) and any(is_variant(c) for _, c in lacking):
            # Only a table that is made with a VARIANT gets the feature by itself.
            self._connections.run(ddl.set_properties(self.name(table), {VARIANT: "supported"}))
        while lacking:
            statement = ddl.add_columns(
                self.name(table),
                lacking,
                comments=self._comments,
            )
            try:
                self._connections.run(statement)
            except StatementError as error:
                if error.problem.kind is not Kind.EXISTS:
                    raise
            names = ", ".join(place.replace("`", "") for place, _ in lacking)
            logger.info("%s.%s: added %s", self.schema, table, names)
            self.forget(table)
            before, lacking = lacking, missing(self._present(table), target)
            if len(lacking) >= len(before):
                raise LoadError(f"{self.schema}.{table} lacks {names}, which cannot be added.")
        return self._present(table)

    def widen(self, table: str, types: Mapping[str, pa.DataType]) -> bool:
        """Change column types in place. Returns whether the table allowed it."""
        columns = self._present(table)
        steps = [
            step for name, kind in types.items() for step in widened(columns.field(name), kind)
        ]
        try:
            # Readers without the feature are shut out once it is on, and a commit of metadata fails
            # all writes that are under way: so at the first widening, and not again.
            if self._widening and self.properties(table).get(WIDENING) != "true":
                self._connections.run(ddl.set_properties(self.name(table), {WIDENING: "true"}))
            for place, kind in steps:
                self._connections.run(ddl.alter_type(self.name(table), place, kind))
        except StatementError as error:
            logger.warning(
                "%s.%s: a column keeps its type, because the table does not let it widen (%s). "
                "Values that do not fit go to _rescued_data.",
                self.schema,
                table,
                error.problem.reason,
            )
            return False
        finally:
            self.forget(table)
        return True

    def _create(
        self,
        table: str,
        target: pa.Schema,
        description: str | None,
        keys: tuple[str, ...],
        primary: bool,
        hints: Hints,
        own: Mapping[str, str],
    ) -> pa.Schema:
        properties = {SPELLING: UNICODE, MADE: uuid.uuid4().hex, **own}
        properties |= {str(k): str(v) for k, v in self._properties.items()} | dict(hints.properties)
        constrained = keys if self._constraints else ()
        hints = self._usable(table, target, hints)
        target = in_front(target, (*keys, *(hints.cluster_by or ())))
        orderly = tuple(key for key in keys if clusterable(target.field(key)))
        for cluster_by in self._clusterings(orderly, hints):
            options = ddl.TableOptions(
                comments=self._comments,
                keys=constrained if primary else (),
                required=constrained,
                cluster_by=cluster_by,
                properties=tuple(properties.items()),
            )
            try:
                self._connections.make(ddl.create(self.name(table), target, description, options))
                break
            except StatementError as error:
                if error.problem.kind is not Kind.CLUSTERING or not cluster_by:
                    raise
                self._note_refused(table, cluster_by, error.problem.reason)
        self.new.add(table)
        # If somebody was faster, with other columns, the first statement says so, and they are
        # looked at.
        self._columns[table] = target
        return target

    def _usable(self, table: str, columns: pa.Schema, hints: Hints) -> Hints:
        """The hints, less columns to cluster by that no table can be clustered by."""
        stated = hints.cluster_by or ()
        usable = tuple(n for n in stated if n in columns.names and clusterable(columns.field(n)))
        if usable == stated:
            return hints
        logger.warning(
            "%s.%s is not clustered by %s, as x-databricks-cluster-by has it: columns of these "
            "types have no statistics with an order.",
            self.schema,
            table,
            ", ".join(name for name in stated if name not in usable),
        )
        return replace(hints, cluster_by=usable or None)

    def _clusterings(self, keys: tuple[str, ...], hints: Hints) -> Iterator[tuple[str, ...] | str]:
        """How to cluster a new table: as wished, and should that be refused, as comes next."""
        if hints.cluster_by is not None:
            yield hints.cluster_by[:CLUSTERED_COLUMNS]
        else:
            if self._clustering == "auto" and self._offers_auto:
                yield AUTO
            if self._clustering != "none":
                yield keys[:CLUSTERED_COLUMNS]
        yield ()

    def _note_refused(self, table: str, cluster_by: tuple[str, ...] | str, reason: str) -> None:
        if cluster_by != AUTO:
            logger.warning(
                "%s.%s is not clustered: by %s is refused (%s). Name other columns in "
                "x-databricks-cluster-by, or set 'clustering' to none.",
                self.schema,
                table,
                ", ".join(cluster_by),
                reason,
            )
            return
        with self._lock:
            first, self._offers_auto = self._offers_auto, False
        if first:
            logger.warning(
                "%s.%s and the other new tables of this run are clustered by their keys, because "
                "CLUSTER BY AUTO is refused (%s). Let an administrator enable predictive "
                "optimization for the catalog %s, or set 'clustering' to keys or none.",
                self.schema,
                table,
                reason,
                self.schema.catalog,
            )

    def _present(self, table: str) -> pa.Schema:
        columns = self.columns(table)
        if columns is None:
            raise LoadError(
                f"{self.schema}.{table} has been dropped while it was being loaded. Run again."
            )
        return columns

    def _look(self, table: str) -> pa.Schema | None:
        try:
            rows = self._connections.run(f"SELECT * FROM {self.name(table)} LIMIT 0")  # noqa: S608
        except StatementError as error:
            if error.problem.kind is Kind.GONE:
                return None
            raise
        return as_read(rows.schema)
