"""Statements about catalogs and schemas.

Catalogs share Spark's one set of schemas, so a schema name is used in one catalog only; a second
use is refused. `default` belongs to the sandbox's first catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks_sandbox.engine.session import quote
from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.unity.metastore import Securable
from databricks_sandbox.unity.names import like
from databricks_sandbox.unity.result_set import Answer, nothing, rows_answer

if TYPE_CHECKING:
    from databricks_sandbox.unity.execution import Call

METASTORE = Securable("METASTORE", ())


def use_catalog(call: Call) -> Answer:
    """`USE CATALOG name` and `SET CATALOG name`."""
    reader = call.reader()
    reader.next()
    reader.expect("CATALOG")
    name = reader.next().value.lower()
    reader.expect_end()
    use(call, name)
    return nothing()


def use(call: Call, name: str) -> None:
    """Make a catalog the current one of the session."""
    _existing(call, name)
    call.require("USE CATALOG", Securable("CATALOG", (name,)))
    call.engine.use_catalog(name)


def create(call: Call) -> Answer:
    """`CREATE CATALOG [IF NOT EXISTS] name [COMMENT '…']`."""
    reader = call.reader()
    reader.expect("CREATE", "CATALOG")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    name = reader.word().lower()
    comment = reader.string() if reader.accept("COMMENT") else None
    if not reader.at_end:
        raise unsupported("CREATE CATALOG with anything but a COMMENT")
    metastore = call.front.metastore
    with metastore.lock:
        if name in metastore.catalogs:
            if if_not_exists:
                return nothing()
            raise SqlError("CATALOG_ALREADY_EXISTS", f"Catalog '{name}' already exists.")
        call.require("CREATE CATALOG", METASTORE)
        metastore.catalogs[name] = comment
        metastore.owners[Securable("CATALOG", (name,))] = call.principal
    return nothing()


def drop(call: Call) -> Answer:
    """`DROP CATALOG [IF EXISTS] name [RESTRICT | CASCADE]`."""
    reader = call.reader()
    reader.expect("DROP", "CATALOG")
    if_exists = reader.accept("IF", "EXISTS")
    name = reader.word().lower()
    cascade = reader.accept("CASCADE")
    reader.accept("RESTRICT")
    reader.expect_end()
    front = call.front
    if name not in front.metastore.catalogs and if_exists:
        return nothing()
    _existing(call, name)
    catalog = Securable("CATALOG", (name,))
    call.require("MANAGE", catalog)
    if name == front.engine.catalog:
        raise unsupported("dropping the catalog it was started with")
    schemas = [s for s in front.schemas(call) if s[0] == name]
    if schemas and not cascade:
        raise SqlError(
            "SCHEMA_NOT_EMPTY", f"Cannot drop catalog '{name}' because it holds schemas."
        )
    for schema in schemas:
        call.engine_answer(f"DROP SCHEMA {'.'.join(map(quote, schema))} CASCADE")
        front.drop_volumes(schema)
        front.metastore.schemas.pop(schema[1], None)
    front.metastore.catalogs.pop(name)
    front.forget(catalog)
    return nothing()


def show(call: Call) -> Answer:
    """`SHOW CATALOGS [LIKE pattern]`: those the principal may see."""
    reader = call.reader()
    reader.expect("SHOW", "CATALOGS")
    pattern = None
    if not reader.at_end:
        reader.accept("LIKE")
        pattern = reader.string()
    reader.expect_end()
    return rows_answer(
        ("catalog",),
        [
            (name,)
            for name in sorted(call.front.metastore.catalogs)
            if (pattern is None or like(name, pattern))
            and call.front.grants.sees(call.session.principal, Securable("CATALOG", (name,)))
        ],
    )


def describe(call: Call) -> Answer:
    """`DESCRIBE CATALOG [EXTENDED] name`."""
    reader = call.reader()
    reader.next()
    reader.expect("CATALOG")
    reader.accept("EXTENDED")
    name = reader.word().lower()
    reader.expect_end()
    _existing(call, name)
    catalog = Securable("CATALOG", (name,))
    call.require("USE CATALOG", catalog)
    return rows_answer(
        ("info_name", "info_value"),
        [
            ("Catalog Name", name),
            ("Comment", call.front.metastore.catalogs[name]),
            ("Owner", call.front.grants.owner(catalog)),
            ("Catalog Type", "Regular"),
        ],
    )


def create_schema(call: Call) -> Answer:
    """`CREATE SCHEMA [IF NOT EXISTS] name …`: Spark creates it, the front remembers whose it is."""
    reader = call.reader()
    reader.expect("CREATE")
    reader.next()
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    schema = call.securable(reader.name(), "SCHEMA")
    while not reader.at_end:
        if reader.accept("MANAGED"):
            raise unsupported("MANAGED LOCATION; it has no external locations")
        reader.next()
    front, catalog = call.front, schema.name[0]
    _existing(call, catalog)
    exists = schema.name in front.schemas(call)
    if not (exists and if_not_exists):
        call.require("CREATE SCHEMA", Securable("CATALOG", (catalog,)))
    elsewhere = front.metastore.schemas.get(schema.name[1])
    if elsewhere not in (None, catalog):
        raise unsupported(
            f"schemas of one name in two catalogs: '{schema.name[1]}' exists in '{elsewhere}'"
        )
    answer = call.engine_answer(front.prepared(call, call.text))
    if not exists:
        with front.metastore.lock:
            front.metastore.schemas[schema.name[1]] = catalog
            front.metastore.owners[schema] = call.principal
    return answer


def drop_schema(call: Call) -> Answer:
    """`DROP SCHEMA [IF EXISTS] name [RESTRICT | CASCADE]`."""
    reader = call.reader()
    reader.expect("DROP")
    reader.next()
    reader.accept("IF", "EXISTS")
    schema = call.securable(reader.name(), "SCHEMA")
    cascade = reader.accept("CASCADE")
    front = call.front
    if schema.name in front.schemas(call):
        call.require("MANAGE", schema)
        if not cascade and any(name[:2] == schema.name for name in front.metastore.volumes):
            raise SqlError(
                "SCHEMA_NOT_EMPTY",
                f"Cannot drop schema `{'`.`'.join(schema.name)}` because it contains objects. Use "
                "DROP SCHEMA ... CASCADE to drop the schema and all its objects.",
            )
    answer = call.engine_answer(call.text)
    front.drop_volumes(schema.name)
    front.metastore.schemas.pop(schema.name[1], None)
    front.forget(schema)
    return answer


def show_schemas(call: Call) -> Answer:
    """`SHOW SCHEMAS [IN catalog] [LIKE pattern]`: those the principal may see."""
    reader = call.reader()
    reader.expect("SHOW")
    reader.next()
    catalog = call.engine.current_catalog
    if reader.accept("IN") or reader.accept("FROM"):
        catalog = reader.word().lower()
    pattern = None
    if not reader.at_end:
        reader.accept("LIKE")
        pattern = reader.string()
    reader.expect_end()
    _existing(call, catalog)
    shown = [
        name
        for owner, name in call.front.schemas(call)
        if owner == catalog
        and call.front.grants.sees(call.session.principal, Securable("SCHEMA", (owner, name)))
    ]
    return rows_answer(
        ("databaseName",),
        [
            (name,)
            for name in sorted([*shown, "information_schema"])
            if pattern is None or like(name, pattern)
        ],
    )


def refuse(call: Call) -> Answer:
    """What the sandbox lacks."""
    raise unsupported(" ".join(call.text.split()[:2]).upper())


def _existing(call: Call, name: str) -> None:
    if name not in call.front.metastore.catalogs:
        raise SqlError(
            "CATALOG_NOT_FOUND",
            f"The catalog `{name}` not found. Consider to create the catalog, or check its name.",
        )
