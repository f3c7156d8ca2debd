"""Statements about tables and views that carry more than Spark keeps.

Informational keys and CLUSTER BY AUTO are taken out of the text and remembered; the rest of it goes
to Spark as it was. CLUSTER BY AUTO is refused where predictive optimization is off.
Source: Databricks SQL, "CONSTRAINT clause" and "CLUSTER BY clause"; "Automatic liquid clustering".
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from databricks_sandbox.engine import tables
from databricks_sandbox.engine.session import quote
from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.unity import constraints
from databricks_sandbox.unity.result_set import Answer, nothing, rows_answer
from databricks_sandbox.unity.sql_text import Reader, spliced

if TYPE_CHECKING:
    from databricks_sandbox.unity.execution import Call
    from databricks_sandbox.unity.metastore import Name, Securable


def create(call: Call) -> Answer:
    """`CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name …`."""
    reader = call.reader()
    reader.expect("CREATE")
    replace = reader.accept("OR", "REPLACE")
    reader.expect("TABLE")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    securable = call.securable(reader.name(), "TABLE")
    _, schema, name = securable.name
    existed = (replace or if_not_exists) and tables.exists(call.engine, schema, name)
    if existed and if_not_exists:
        call.front.require_schema(call, next(securable.parents()))
        return nothing()
    call.require("CREATE TABLE", next(securable.parents()))
    if existed:
        call.require("MANAGE", securable)
    changes: list[tuple[int, int, str]] = []
    keys = constraints.taken_out(reader, name, changes)
    if _cluster_by_auto(reader, changes):
        _require_predictive_optimization(call)
    constraints.check_new(call, securable.name, keys)
    text = spliced(call.text, changes)
    answer = call.spark(text)
    with call.front.metastore.lock:
        call.front.metastore.constraints[securable.name] = keys
        if not existed:
            call.front.metastore.owners[securable] = call.principal
    if any(token.upper in ("AS", "SELECT") for token in reader.tokens[reader.position :]):
        return _counted(call, securable.name, answer)
    return answer


def create_view(call: Call) -> Answer:
    """`CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name …`."""
    reader = call.reader()
    reader.expect("CREATE")
    replace = reader.accept("OR", "REPLACE")
    reader.expect("VIEW")
    reader.accept("IF", "NOT", "EXISTS")
    view = call.securable(reader.name(), "TABLE")
    existed = tables.exists(call.engine, view.name[1], view.name[2])
    if existed and replace:
        call.require("MANAGE", view)
    call.require("CREATE TABLE", next(view.parents()))
    answer = call.spark()
    if not existed:
        call.front.metastore.owners[view] = call.principal
    return answer


def drop(call: Call) -> Answer:
    """`DROP TABLE` and `DROP VIEW [IF EXISTS] name`."""
    reader = call.reader()
    reader.expect("DROP")
    reader.next()
    reader.accept("IF", "EXISTS")
    securable = call.securable(reader.name(), "TABLE")
    if tables.exists(call.engine, securable.name[1], securable.name[2]):
        call.require("MANAGE", securable)
    answer = call.engine_answer(call.text)
    call.front.forget(securable)
    return answer


def rename(call: Call) -> Answer:
    """`ALTER TABLE name RENAME TO name`."""
    reader = call.reader()
    reader.expect("ALTER")
    reader.next()
    before = call.securable(reader.name(), "TABLE")
    reader.expect("RENAME", "TO")
    after = call.securable(reader.name(), "TABLE")
    reader.expect_end()
    call.require("MANAGE", before)
    call.require("CREATE TABLE", next(after.parents()))
    # Spark wants the new name without the catalog of the old one.
    answer = call.engine_answer(
        f"ALTER TABLE {_sql(before.name)} RENAME TO {'.'.join(map(quote, after.name[1:]))}"
    )
    call.front.metastore.rename(before, after)
    call.front.grants.rename(before, after)
    return answer


def add_constraint(call: Call) -> Answer:
    """`ALTER TABLE name ADD [CONSTRAINT name] PRIMARY KEY | FOREIGN KEY …`; CHECK is Delta's."""
    reader, securable = _altered(call)
    reader.expect("ADD")
    key = constraints.table_constraint(reader, securable.name[2])
    if key is None:
        return call.spark()
    reader.expect_end()
    call.require("MANAGE", securable)
    found = tables.table(call.engine, *securable.name)
    constraints.add(call, securable.name, found.schema, key)
    return nothing()


def drop_constraint(call: Call) -> Answer:
    """`ALTER TABLE name DROP CONSTRAINT name`, `DROP PRIMARY KEY`, `DROP FOREIGN KEY (…)`."""
    reader, securable = _altered(call)
    reader.expect("DROP")
    call.require("MANAGE", securable)
    if constraints.drop(call, reader, securable.name):
        return nothing()
    return call.spark()


def cluster_by_auto(call: Call) -> Answer:
    """`ALTER TABLE name CLUSTER BY AUTO`: remembered as the table property Databricks shows."""
    reader, securable = _altered(call)
    reader.expect("CLUSTER", "BY", "AUTO")
    reader.expect_end()
    call.require("MODIFY", securable)
    _require_predictive_optimization(call)
    return call.engine_answer(
        f"ALTER TABLE {_sql(securable.name)} SET TBLPROPERTIES ('clusterByAuto' = 'true')"
    )


def comment_on_column(call: Call) -> Answer:
    """`COMMENT ON COLUMN table.column IS 'text' | NULL`: what Spark says with ALTER TABLE."""
    reader = call.reader()
    reader.expect("COMMENT", "ON", "COLUMN")
    *table, column = reader.name()
    reader.expect("IS")
    comment = "''" if reader.accept("NULL") else reader.next().text
    reader.expect_end()
    return call.spark(
        f"ALTER TABLE {_sql(tuple(table))} ALTER COLUMN {quote(column)} COMMENT {comment}"
    )


def insert(call: Call) -> Answer:
    """`INSERT INTO | OVERWRITE [TABLE] name …`: as in Spark, with the number of rows behind it."""
    reader = call.reader()
    reader.expect("INSERT")
    reader.next()
    reader.accept("TABLE")
    following = reader.peek()
    if following is None or following.text == "'" or following.upper in ("DIRECTORY", "LOCAL"):
        raise unsupported("INSERT OVERWRITE DIRECTORY")
    name = call.full_name(reader.name(), "TABLE")
    return _counted(call, name, call.spark())


def _altered(call: Call) -> tuple[Reader, Securable]:
    reader = call.reader()
    reader.expect("ALTER", "TABLE")
    reader.accept("IF", "EXISTS")
    securable = call.securable(reader.name(), "TABLE")
    return reader, securable


def _counted(call: Call, name: Name, answer: Answer) -> Answer:
    found = tables.table(call.engine, *name)
    if found.location is None:
        return answer
    folder = Path(found.location.removeprefix("file:"))
    written = tables.rows_of_last_commit(call.engine, folder)
    if written is None:
        return answer
    return rows_answer(
        ("num_affected_rows:bigint", "num_inserted_rows:bigint"),
        [(written, written)],
        modified_rows=written,
    )


def _require_predictive_optimization(call: Call) -> None:
    if not call.front.metastore.predictive_optimization:
        raise SqlError(
            "CLUSTER_BY_AUTO_REQUIRES_PREDICTIVE_OPTIMIZATION",
            "CLUSTER BY AUTO requires Predictive Optimization to be enabled.",
        )


def _cluster_by_auto(reader: Reader, changes: list[tuple[int, int, str]]) -> bool:
    """Take CLUSTER BY AUTO out of a CREATE; whether it was there."""
    found = None
    position, depth = reader.position, 0
    properties_at = None
    while (token := reader.peek()) is not None:
        if depth == 0 and token.upper in ("AS", "SELECT", "WITH"):
            break
        if depth == 0 and token.upper == "TBLPROPERTIES":
            opening = reader.peek(1)
            properties_at = opening.end if opening is not None else None
        if depth == 0 and reader.accept("CLUSTER", "BY", "AUTO"):
            found = token.start, reader.tokens[reader.position - 1].end
            continue
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        reader.next()
    reader.position = position
    if found is None:
        return False
    setting = "'clusterByAuto' = 'true'"
    if properties_at is None:
        changes.append((*found, f"TBLPROPERTIES ({setting})"))
    else:
        changes.append((*found, ""))
        changes.append((properties_at, properties_at, f"{setting}, "))
    return True


def _sql(name: Name) -> str:
    return ".".join(map(quote, name))
