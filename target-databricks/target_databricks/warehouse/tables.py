"""Tables of one schema: what they look like now, and making them look as a batch needs them.

What was seen of a table is remembered until something is changed, so that a batch costs no look.
The first look is at Unity Catalog, which wakes no warehouse. Once a table was changed, or did not
look as it was said to, the table itself is looked at, by a statement.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from target_databricks.errors import LoadError
from target_databricks.schema.naming import SPELLING, UNICODE
from target_databricks.schema.plan import Hints, Reference
from target_databricks.warehouse.catalog import Catalog, TableFacts
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.errors import Problem
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.clustering import Clustering
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
from target_databricks.warehouse.sql.names import constraint_name, quoted
from target_databricks.warehouse.suitability import about_masks
from target_databricks.warehouse.upkeep import Upkeep
from target_databricks.warehouse.upkeep_items import REMEMBERED, Item

logger = logging.getLogger("target-databricks")

WIDENING = "delta.enableTypeWidening"
VARIANT = "delta.feature.variantType"
MADE = "targetDatabricks.made"
"""Table property that tells a table from one that had its name before."""


@dataclass(frozen=True)
class NewTable:
    """A table that is to be made.

    Attributes:
        name: Its name.
        columns: Its columns, commented.
        description: Its comment.
        required: Columns that are NOT NULL.
        primary: Columns of its PRIMARY KEY.
        references: Where it points.
        properties: Its own, beside those of the settings.
        items: All that is kept up of it.
    """

    name: str
    columns: pa.Schema
    description: str | None
    required: tuple[str, ...]
    primary: tuple[str, ...]
    references: tuple[Reference, ...]
    properties: Mapping[str, str]
    items: Sequence[Item]


class Tables:
    """The tables of one schema.

    Args:
        connections: To the warehouse.
        catalog: Looks at its schema without a warehouse.
        config: The target's settings.
    """

    def __init__(
        self,
        connections: Connections,
        catalog: Catalog,
        config: Mapping[str, Any],
    ) -> None:
        self._connections = connections
        self._catalog = catalog
        self.schema = catalog.schema
        self._comments = bool(config["table_comments"])
        self._constraints = bool(config["table_constraints"])
        self._clustering = Clustering(self.schema, str(config["clustering"]))
        self._properties = dict(config.get("table_properties") or {})
        self._widening = bool(config["type_widening"])
        self._upkeep = Upkeep(connections, self, config)
        self._facts: dict[str, TableFacts] = {}
        self._changed: set[str] = set()
        """Tables of which Unity Catalog's word is not taken any more."""
        self.new: set[str] = set()
        """Tables that were made here; whoever fills one takes it out."""

    def name(self, table: str) -> str:
        """A table's name in SQL."""
        return self.schema.table(table)

    def facts(self, table: str) -> TableFacts:
        """What is known of a table."""
        if table not in self._facts:
            facts = None if table in self._changed else self._catalog.table(table)
            self._facts[table] = facts or TableFacts(self._look(table))
        return self._facts[table]

    def columns(self, table: str) -> pa.Schema | None:
        """The columns of a table, or None if there is none."""
        return self.facts(table).columns

    def has(self, table: str, schema: pa.Schema) -> bool:
        """Whether a table is there, by the last look, and lacks nothing of a schema."""
        columns = self.columns(table)
        return columns is not None and not missing(columns, schema)

    def spelled(self, table: str, column: str) -> str | None:
        """How a table writes a column's name, or None if it has no such column."""
        columns = self.columns(table) or ()
        return next((c.name for c in columns if c.name.lower() == column.lower()), None)

    def properties(self, table: str) -> Mapping[str, str]:
        """The properties of a table; none if there is no table."""
        facts = self.facts(table)
        if facts.columns is None:
            return {}
        if facts.properties is not None and table not in self._changed:
            return facts.properties
        # Of a table that this run has made or changed, another run may have changed them, too.
        try:
            rows = self._connections.run(f"SHOW TBLPROPERTIES {self.name(table)}").to_pylist()
        except StatementError as error:
            if error.problem.kind is not Kind.GONE:
                raise
            self.forget(table)
            return {}
        return {row["key"]: row["value"] for row in rows}

    def set_properties(
        self, table: str, properties: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        """Set properties of a table."""
        self._connections.run(ddl.set_properties(self.name(table), properties), tags)
        facts = self.facts(table)
        if facts.properties is not None:
            self._facts[table] = replace(facts, properties={**facts.properties, **properties})

    def forget(self, table: str) -> None:
        """Look again the next time, at the table itself."""
        self._facts.pop(table, None)
        self._changed.add(table)

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
        references: Iterable[Reference] = (),
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
            references: Where a new table points.

        Returns:
            Its columns.

        Raises:
            StatementError: Nothing can be loaded into it.
        """
        self._require_usable(table, keys)
        target = pa.schema([as_variant(c) if c.name in variants else c for c in target])
        facts = self.facts(table)
        existing = facts.columns
        items = self._upkeep.items(target, description, hints or Hints(), existing)
        if made := existing is None:
            new = NewTable(
                table,
                target,
                description,
                keys if self._constraints else (),
                keys if self._constraints and primary else (),
                tuple(references) if self._constraints else (),
                properties or {},
                items,
            )
            existing = self._create(new, keys, hints or Hints())
            facts = self._facts[table]
        lacking = missing(existing, target)
        if self._comments:
            facts = facts.given(c for place, c in lacking if place == quoted(c.name))
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
            # The first look may have been at a catalog that lags behind; this one was not.
            if {place for place, _ in before} <= {place for place, _ in lacking}:
                raise LoadError(f"{self.schema}.{table} lacks {names}, which cannot be added.")
        self._upkeep.keep(table, items, facts, made=made)
        return self._present(table)

    def widen(self, table: str, types: Mapping[str, pa.DataType]) -> bool:
        """Change column types in place. Returns whether the table allowed it.

        Raises:
            StatementError: Nothing can be loaded into it.
        """
        self._require_usable(table)
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

    def _require_usable(self, table: str, keys: tuple[str, ...] = ()) -> None:
        """Tell what cannot be loaded into before anything is changed."""
        facts = self.facts(table)
        objection = facts.objection or about_masks(f"{self.schema}.{table}", facts.masks, keys)
        if objection is not None:
            raise StatementError(Problem(Kind.TABLE, *objection))

    def _create(self, new: NewTable, keys: tuple[str, ...], hints: Hints) -> pa.Schema:
        properties = {SPELLING: UNICODE, MADE: uuid.uuid4().hex, **new.properties}
        properties |= {str(k): str(v) for k, v in self._properties.items()} | dict(hints.properties)
        hints = self._clustering.usable(new.name, new.columns, hints)
        columns = in_front(new.columns, (*keys, *(hints.cluster_by or ())))
        orderly = tuple(key for key in keys if clusterable(columns.field(key)))
        foreign_keys = self._foreign_keys(new)
        clusterings = self._clustering.choices(orderly, hints)
        cluster_by = next(clusterings)
        while True:
            properties[REMEMBERED] = self._upkeep.memory(new.items, cluster_by)
            options = ddl.TableOptions(
                comments=self._comments,
                keys=new.primary,
                required=new.required,
                foreign_keys=foreign_keys,
                cluster_by=cluster_by,
                properties=tuple(properties.items()),
            )
            statements = ddl.create(self.name(new.name), columns, new.description, options)
            try:
                for statement in statements:
                    self._connections.make(statement)
                break
            except StatementError as error:
                if error.problem.kind is Kind.CLUSTERING and cluster_by:
                    self._clustering.note_refused(new.name, cluster_by, error.problem.reason)
                    cluster_by = next(clusterings)
                elif foreign_keys and error.problem.kind is not Kind.CLUSTERING:
                    # They are asked for again at the end, one by one, where a refusal is told.
                    foreign_keys = ()
                else:
                    raise
        self.new.add(new.name)
        # If somebody was faster, with other columns, the first statement says so, and they are
        # looked at.
        names = frozenset(name for name, _, _ in foreign_keys)
        primary_key = frozenset(key.lower() for key in new.primary)
        self._facts[new.name] = TableFacts(columns, properties, names, primary_key)
        self._changed.add(new.name)
        return columns

    def _foreign_keys(self, new: NewTable) -> tuple[ddl.ForeignKey, ...]:
        """The foreign keys that a new table can have at once: those to tables that are there."""
        keys = []
        for reference in new.references:
            # Not noted: another thread may be about to make it.
            to = self._facts.get(reference.table) or self._catalog.table(reference.table)
            if (
                to is not None
                and to.columns is not None
                and to.primary_key == {name.lower() for name in reference.to}
                and set(reference.to) <= set(to.columns.names)
                and set(reference.columns) <= set(new.columns.names)
            ):
                name = constraint_name(new.name, reference)
                keys.append((name, self.name(reference.table), reference))
        return tuple({key[0]: key for key in keys}.values())

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
