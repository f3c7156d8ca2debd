"""Informational FOREIGN KEYs: added when both tables are there, in whatever order they came.

Databricks does not enforce them; BI tools and assistants read them.

Source: Databricks SQL language reference, ADD CONSTRAINT clause; information_schema.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from target_databricks.schema.plan import ChildPlan, Reference, StreamPlan
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.sql import ddl
from target_databricks.warehouse.sql.names import constraint_name, literal, quoted
from target_databricks.warehouse.tables import Tables

logger = logging.getLogger("target-databricks")


def add_foreign_keys(connections: Connections, tables: Tables, plans: Iterable[StreamPlan]) -> None:
    """Add the foreign keys that the plans ask for and the tables lack.

    A table that is referred to may come in a later run than those that refer to it, so whoever
    loads rows asks.

    Args:
        connections: To the warehouse.
        tables: The schema's tables.
        plans: What was loaded.
    """
    foreign_keys = {
        (table, constraint_name(table, reference)): reference
        for plan in plans
        for table, reference in references(plan)
    }
    foreign_keys = {
        (table, name): reference
        for (table, name), reference in foreign_keys.items()
        if name not in (tables.facts(table).constraints or ())
        and _both_there(tables, table, reference)
    }
    if not foreign_keys:
        return
    try:
        unknown = any(tables.facts(table).constraints is None for table, _ in foreign_keys)
        existing = _existing_names(connections, tables) if unknown else set()
    except StatementError as error:
        logger.warning(
            "%s: foreign keys are left out, because it cannot be seen which are there: %s",
            tables.schema,
            error.problem.reason,
        )
        return
    denied: list[str] = []
    for (table, name), reference in foreign_keys.items():
        if name in existing:
            continue
        statement = ddl.add_foreign_key(
            tables.name(table), name, tables.name(reference.table), reference
        )
        try:
            connections.run(statement)
        except StatementError as error:
            if error.problem.kind is Kind.DENIED:
                denied.append(f"{table} to {reference.table} ({error.problem.reason})")
            elif error.problem.kind is not Kind.EXISTS:
                logger.info(
                    "%s.%s: no foreign key to %s: %s",
                    tables.schema,
                    table,
                    reference.table,
                    error.problem.reason,
                )
    if denied:
        logger.warning(
            "%s: foreign keys are left out (%d), which only the owner of both tables may add: %s. "
            "Give the tables to the user that loads (ALTER TABLE … SET OWNER TO …), or set "
            "'table_constraints' to false.",
            tables.schema,
            len(denied),
            denied[0],
        )


def references(plan: StreamPlan) -> Iterator[tuple[str, Reference]]:
    """What each table of a plan points at: its `x-references`, and a child's parent."""
    for reference in plan.references:
        yield plan.table, reference
    for child in plan.children:
        for reference in references_of(plan, child):
            yield child.table, reference


def references_of(plan: StreamPlan, child: ChildPlan) -> tuple[Reference, ...]:
    """What a child table points at, its parent first; nothing where keys are of versions."""
    if plan.history:
        return ()
    return (Reference(plan.keys, plan.table, plan.keys), *child.references)


def _existing_names(connections: Connections, tables: Tables) -> set[str]:
    rows = connections.run(
        f"SELECT constraint_name FROM {quoted(tables.schema.catalog)}.information_schema."  # noqa: S608
        f"table_constraints WHERE table_schema = {literal(tables.schema.name)}"
    )
    return set(rows.column(0).to_pylist())


def _both_there(tables: Tables, table: str, reference: Reference) -> bool:
    """Whether both tables exist with the columns; the reference must be spelled as they are."""
    columns, to = tables.columns(table), tables.columns(reference.table)
    return (
        columns is not None
        and to is not None
        and set(reference.columns) <= set(columns.names)
        and set(reference.to) <= set(to.names)
    )
