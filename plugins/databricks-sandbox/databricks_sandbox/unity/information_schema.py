"""`information_schema`: rows about everything in the metastore, made when they are read.

Each relation has the columns the sandbox knows the truth of, under Databricks' names; others are
left out rather than made up, so that a query that needs them fails. A principal sees what it owns
or holds a privilege on. Source: Databricks SQL, "Information schema".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from databricks_sandbox.engine import tables
from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore, Name, Securable
from databricks_sandbox.unity.result_set import ResultSet, result_set
from databricks_sandbox.unity.schemas import schema_names

_SYSTEM = "information_schema"
_TABLE = ("table_catalog", "table_schema", "table_name")
_CONSTRAINT = ("constraint_catalog", "constraint_schema", "constraint_name")


@dataclass(frozen=True)
class Relation:
    """One relation of the information schema.

    Attributes:
        columns: as `result_set` takes them; the first one is the catalog.
        rows: makes its rows, of all catalogs.
    """

    columns: tuple[str, ...]
    rows: Callable[[Contents], Iterator[tuple[Any, ...]]]


class Contents:
    """What a principal sees of the metastore; read once for a statement.

    Args:
        execution: the statement, and whose it is.
        metastore: what Spark does not keep.
        grants: who may do what.
    """

    def __init__(self, execution: Execution, metastore: Metastore, grants: Grants) -> None:
        self.metastore = metastore
        self.grants = grants
        self._execution = execution
        self._schemas: list[Name] | None = None
        self._tables: list[tuple[Securable, tables.Table]] | None = None

    def sees(self, securable: Securable) -> bool:
        """Whether it shows up for the principal that asks."""
        return self.grants.sees(self._execution.principal, securable)

    @property
    def catalogs(self) -> list[str]:
        """Names of catalogs."""
        return [c for c in sorted(self.metastore.catalogs) if self.sees(Securable("CATALOG", (c,)))]

    @property
    def schemas(self) -> list[Name]:
        """Catalog and name of schemas."""
        if self._schemas is None:
            self._schemas = [
                name
                for name in schema_names(self._execution, self.metastore)
                if self.sees(Securable("SCHEMA", name))
            ]
        return self._schemas

    @property
    def tables(self) -> list[tuple[Securable, tables.Table]]:
        """Tables and views with all that Spark knows about them."""
        if self._tables is None:
            self._tables = [
                (securable, tables.table(self._execution.engine, *securable.name))
                for securable in self.table_names()
            ]
        return self._tables

    def table_names(self) -> list[Securable]:
        """Tables and views by name only, which is cheaper."""
        securables = [
            Securable("TABLE", (catalog, schema, name))
            for catalog, schema in self.schemas
            for name in tables.table_names(self._execution.engine, schema)
        ]
        return [securable for securable in securables if self.sees(securable)]

    def constraints(self) -> Iterator[tuple[Name, Any]]:
        """Keys of the tables the principal sees."""
        for table in self.table_names():
            for key in self.metastore.constraints.get(table.name, []):
                yield table.name, key

    def tags(self, kind: str, *, columns: bool = False) -> Iterator[tuple[Any, ...]]:
        """Tags on one kind of securable, or on columns."""
        for (securable, column), pairs in sorted(
            self.metastore.tags.items(), key=lambda item: (item[0][0].name, item[0][1] or "")
        ):
            if securable.kind == kind and (column is not None) == columns and self.sees(securable):
                place = (*securable.name, column) if columns else securable.name
                yield from ((*place, tag, value) for tag, value in sorted(pairs.items()))


def _catalogs(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for name in contents.catalogs:
        owner = contents.grants.owner(Securable("CATALOG", (name,)))
        yield name, owner, contents.metastore.catalogs[name]


def _schemata(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for catalog, name in contents.schemas:
        yield catalog, name, contents.grants.owner(Securable("SCHEMA", (catalog, name)))
    for catalog in contents.catalogs:
        yield catalog, _SYSTEM, "System user"


def _tables(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for securable, table in contents.tables:
        yield (
            *securable.name,
            "VIEW" if table.is_view else "MANAGED",
            "NO" if table.is_view else "YES",
            "PRESERVE",
            contents.grants.owner(securable),
            table.comment,
            None if table.is_view else (table.provider or "").upper(),
            table.location,
        )


def _columns(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for securable, table in contents.tables:
        for position, field in enumerate(table.schema.fields):
            full = field.dataType.simpleString()
            metadata = field.metadata or {}
            yield (
                *securable.name,
                field.name,
                position,
                metadata.get("CURRENT_DEFAULT"),
                "YES" if field.nullable else "NO",
                full,
                data_type(full),
                getattr(field.dataType, "precision", None),
                getattr(field.dataType, "scale", None),
                "YES" if "delta.identity.start" in metadata else "NO",
                metadata.get("comment"),
            )


def _views(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for securable, table in contents.tables:
        if table.is_view:
            yield (*securable.name, table.definition, "NONE", "NO", "NO")


def _table_constraints(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for table, key in contents.constraints():
        yield (*table[:2], key.name, *table, key.kind, "NO", "NO", "NO")


def _key_column_usage(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for table, key in contents.constraints():
        for position, column in enumerate(key.columns, 1):
            parent = position if key.parent else None
            yield (*table[:2], key.name, *table, column, position, parent)


def _referential_constraints(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for table, key in contents.constraints():
        if key.parent:
            primary = next(
                (k.name for k in contents.metastore.constraints.get(key.parent, [])
                 if k.kind == "PRIMARY KEY"),
                None,
            )  # fmt: skip
            yield (*table[:2], key.name, *key.parent[:2], primary, "FULL", "NO ACTION", "NO ACTION")


def _constraint_column_usage(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for table, key in contents.constraints():
        for column in key.parent_columns or key.columns:
            yield (*(key.parent or table), column, *table[:2], key.name)


def _volumes(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for name, volume in sorted(contents.metastore.volumes.items()):
        securable = Securable("VOLUME", name)
        if contents.sees(securable):
            owner = contents.grants.owner(securable)
            yield (*name, "MANAGED", owner, volume.comment, f"/Volumes/{'/'.join(name)}")


def _row_filters(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for table, policy in sorted(contents.metastore.row_filters.items()):
        yield (*table, policy.function, ", ".join(policy.columns))


def _column_masks(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for table, masks in sorted(contents.metastore.masks.items()):
        for column, policy in sorted(masks.items()):
            yield (*table, column, policy.function, ", ".join(policy.columns))


def _privileges(kind: str) -> Callable[[Contents], Iterator[tuple[Any, ...]]]:
    def rows(contents: Contents) -> Iterator[tuple[Any, ...]]:
        places: list[Securable] = {
            "CATALOG": lambda: [Securable("CATALOG", (name,)) for name in contents.catalogs],
            "SCHEMA": lambda: [Securable("SCHEMA", name) for name in contents.schemas],
            "TABLE": contents.table_names,
            "VOLUME": lambda: [
                place for name in sorted(contents.metastore.volumes)
                if contents.sees(place := Securable("VOLUME", name))
            ],
        }[kind]()  # fmt: skip
        for place in places:
            for grantee, privilege, held_on, _ in contents.grants.of(place):
                inherited = "NONE" if held_on == kind else held_on
                yield (*place.name, grantee, privilege.replace(" ", "_"), "NO", inherited)

    return rows


_GRANT = ("grantee", "privilege_type", "is_grantable", "inherited_from")
_TAG = ("tag_name", "tag_value")
_TAGGED = ("catalog_name", "schema_name", "table_name")

RELATIONS: dict[str, Relation] = {
    "catalogs": Relation(("catalog_name", "catalog_owner", "comment"), _catalogs),
    "schemata": Relation(("catalog_name", "schema_name", "schema_owner"), _schemata),
    "tables": Relation(
        (*_TABLE, "table_type", "is_insertable_into", "commit_action", "table_owner", "comment",
         "data_source_format", "storage_path"),
        _tables,
    ),
    "columns": Relation(
        (*_TABLE, "column_name", "ordinal_position:int", "column_default", "is_nullable",
         "full_data_type", "data_type", "numeric_precision:int", "numeric_scale:int",
         "is_identity", "comment"),
        _columns,
    ),
    "views": Relation(
        (*_TABLE, "view_definition", "check_option", "is_updatable", "is_insertable_into"), _views
    ),
    "table_constraints": Relation(
        (*_CONSTRAINT, *_TABLE, "constraint_type", "is_deferrable", "initially_deferred",
         "enforced"),
        _table_constraints,
    ),
    "key_column_usage": Relation(
        (*_CONSTRAINT, *_TABLE, "column_name", "ordinal_position:int",
         "position_in_unique_constraint:int"),
        _key_column_usage,
    ),
    "referential_constraints": Relation(
        (*_CONSTRAINT, "unique_constraint_catalog", "unique_constraint_schema",
         "unique_constraint_name", "match_option", "update_rule", "delete_rule"),
        _referential_constraints,
    ),
    "constraint_column_usage": Relation(
        (*_TABLE, "column_name", *_CONSTRAINT), _constraint_column_usage
    ),
    "catalog_tags": Relation((*_TAGGED[:1], *_TAG), lambda c: c.tags("CATALOG")),
    "schema_tags": Relation((*_TAGGED[:2], *_TAG), lambda c: c.tags("SCHEMA")),
    "table_tags": Relation((*_TAGGED, *_TAG), lambda c: c.tags("TABLE")),
    "column_tags": Relation(
        (*_TAGGED, "column_name", *_TAG), lambda c: c.tags("TABLE", columns=True)
    ),
    "volume_tags": Relation(
        (*_TAGGED[:2], "volume_name", *_TAG), lambda c: c.tags("VOLUME")
    ),
    "volumes": Relation(
        ("volume_catalog", "volume_schema", "volume_name", "volume_type", "volume_owner",
         "comment", "storage_location"),
        _volumes,
    ),
    "row_filters": Relation((*_TABLE, "filter_name", "target_columns"), _row_filters),
    "column_masks": Relation((*_TABLE, "column_name", "mask_name", "using_columns"), _column_masks),
    "catalog_privileges": Relation(("catalog_name", *_GRANT), _privileges("CATALOG")),
    "schema_privileges": Relation(("catalog_name", "schema_name", *_GRANT), _privileges("SCHEMA")),
    "table_privileges": Relation((*_TABLE, *_GRANT), _privileges("TABLE")),
    "volume_privileges": Relation(
        ("volume_catalog", "volume_schema", "volume_name", *_GRANT), _privileges("VOLUME")
    ),
}  # fmt: skip


def relation(
    execution: Execution, metastore: Metastore, grants: Grants, catalog: str, name: str
) -> ResultSet:
    """The rows of one relation as the information schema of a catalog shows them.

    Args:
        execution: the statement that reads it, and whose it is.
        metastore: what Spark does not keep.
        grants: who may do what.
        catalog: `system` shows all catalogs.
        name: a key of `RELATIONS`.

    Raises:
        SqlError: there is no such catalog or relation.
    """
    shape = RELATIONS.get(name)
    if shape is None or catalog not in ("system", *metastore.catalogs):
        raise SqlError(
            "TABLE_OR_VIEW_NOT_FOUND",
            f"The table or view `{catalog}`.`{_SYSTEM}`.`{name}` cannot be found in "
            f"databricks-sandbox. It has: {', '.join(RELATIONS)}.",
        )
    rows = shape.rows(Contents(execution, metastore, grants))
    return result_set(shape.columns, [row for row in rows if catalog in ("system", row[0])])


def data_type(full: str) -> str:
    """The name of a type without its parameters, in upper case, as `data_type` has it."""
    name = full.split("(")[0].split("<")[0].upper()
    return {"BIGINT": "LONG", "SMALLINT": "SHORT", "TINYINT": "BYTE"}.get(name, name)
