"""Statements about catalogs and schemas.

Catalogs share Spark's one set of schemas, so a schema name is used in one catalog only; a second
use is refused. `default` belongs to the sandbox's first catalog.
"""

from __future__ import annotations

from databricks_sandbox.engine.session import quote
from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore, Securable
from databricks_sandbox.unity.names import like
from databricks_sandbox.unity.result_set import ResultSet, empty, result_set
from databricks_sandbox.unity.schemas import schema_names
from databricks_sandbox.unity.spark_statements import SparkStatements
from databricks_sandbox.unity.volumes import Volumes

METASTORE = Securable("METASTORE", ())
EXTERNAL_LOCATION = "s3://external"
"""The one external location; managed tables of a schema may be kept below it, in name only."""


_CATALOG_TYPES = {"SHARE": "DELTASHARING_CATALOG", "CONNECTION": "FOREIGN_CATALOG"}
"""What a catalog is that is made USING one of these."""
_SHOWN = {None: "Regular", "DELTASHARING_CATALOG": "Delta Sharing", "FOREIGN_CATALOG": "Foreign"}


class CatalogStatements:
    """Statements about catalogs and schemas.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
        volumes: files.
        spark: runs the rest of a statement.
    """

    def __init__(
        self, metastore: Metastore, grants: Grants, volumes: Volumes, spark: SparkStatements
    ) -> None:
        self._metastore = metastore
        self._grants = grants
        self._volumes = volumes
        self._spark = spark

    def use_catalog(self, execution: Execution) -> ResultSet:
        """`USE CATALOG name` and `SET CATALOG name`."""
        reader = execution.reader()
        reader.next()
        reader.expect("CATALOG")
        name = reader.next().value.lower()
        reader.expect_end()
        self.use(execution, name)
        return empty()

    def use(self, execution: Execution, name: str) -> None:
        """Make a catalog the current one of the session."""
        self._require_catalog(name)
        self._grants.require(execution.principal, "USE CATALOG", Securable("CATALOG", (name,)))
        execution.engine.use_catalog(name)

    def create(self, execution: Execution) -> ResultSet:
        """`CREATE CATALOG [IF NOT EXISTS] name [COMMENT '…']`, also of a share or a connection."""
        reader = execution.reader()
        reader.expect("CREATE")
        reader.accept("FOREIGN")
        reader.expect("CATALOG")
        if_not_exists = reader.accept("IF", "NOT", "EXISTS")
        name = reader.word().lower()
        kind = None
        for word in _CATALOG_TYPES:
            if reader.accept("USING", word):
                kind = _CATALOG_TYPES[word]
                reader.name()
        comment = reader.string() if reader.accept("COMMENT") else None
        if not reader.at_end:
            raise unsupported("CREATE CATALOG with anything but a COMMENT")
        with self._metastore.lock:
            if name in self._metastore.catalogs:
                if if_not_exists:
                    return empty()
                raise SqlError("CATALOG_ALREADY_EXISTS", f"Catalog '{name}' already exists.")
            self._grants.require(execution.principal, "CREATE CATALOG", METASTORE)
            self._metastore.catalogs[name] = comment
            if kind is not None:
                self._metastore.catalog_types[name] = kind
            self._metastore.owners[Securable("CATALOG", (name,))] = execution.principal.name
        return empty()

    def drop(self, execution: Execution) -> ResultSet:
        """`DROP CATALOG [IF EXISTS] name [RESTRICT | CASCADE]`."""
        reader = execution.reader()
        reader.expect("DROP", "CATALOG")
        if_exists = reader.accept("IF", "EXISTS")
        name = reader.word().lower()
        cascade = reader.accept("CASCADE")
        reader.accept("RESTRICT")
        reader.expect_end()
        if name not in self._metastore.catalogs and if_exists:
            return empty()
        self._require_catalog(name)
        catalog = Securable("CATALOG", (name,))
        self._grants.require(execution.principal, "MANAGE", catalog)
        if name == self._metastore.default_catalog:
            raise unsupported("dropping the catalog it was started with")
        schemas = [s for s in schema_names(execution, self._metastore) if s[0] == name]
        if schemas and not cascade:
            raise SqlError(
                "SCHEMA_NOT_EMPTY", f"Cannot drop catalog '{name}' because it holds schemas."
            )
        for schema in schemas:
            execution.run(f"DROP SCHEMA {'.'.join(map(quote, schema))} CASCADE")
            self._volumes.drop_all(schema)
            self._metastore.schemas.pop(schema[1], None)
        self._metastore.catalogs.pop(name)
        self._metastore.catalog_types.pop(name, None)
        self._metastore.forget(catalog)
        return empty()

    def show(self, execution: Execution) -> ResultSet:
        """`SHOW CATALOGS [LIKE pattern]`: those the principal may see."""
        reader = execution.reader()
        reader.expect("SHOW", "CATALOGS")
        pattern = None
        if not reader.at_end:
            reader.accept("LIKE")
            pattern = reader.string()
        reader.expect_end()
        return result_set(
            ("catalog",),
            [
                (name,)
                for name in sorted(self._metastore.catalogs)
                if (pattern is None or like(name, pattern))
                and self._grants.sees(execution.principal, Securable("CATALOG", (name,)))
            ],
        )

    def describe(self, execution: Execution) -> ResultSet:
        """`DESCRIBE CATALOG [EXTENDED] name`."""
        reader = execution.reader()
        reader.next()
        reader.expect("CATALOG")
        reader.accept("EXTENDED")
        name = reader.word().lower()
        reader.expect_end()
        self._require_catalog(name)
        catalog = Securable("CATALOG", (name,))
        self._grants.require(execution.principal, "USE CATALOG", catalog)
        return result_set(
            ("info_name", "info_value"),
            [
                ("Catalog Name", name),
                ("Comment", self._metastore.catalogs[name]),
                ("Owner", self._grants.owner(catalog)),
                ("Catalog Type", _SHOWN[self._metastore.catalog_types.get(name)]),
            ],
        )

    def create_schema(self, execution: Execution) -> ResultSet:
        """`CREATE SCHEMA [IF NOT EXISTS] name …`: made by Spark, with its owner noted here."""
        reader = execution.reader()
        reader.expect("CREATE")
        reader.next()
        if_not_exists = reader.accept("IF", "NOT", "EXISTS")
        schema = execution.securable(reader.name(), "SCHEMA")
        text, location = execution.text, None
        while not reader.at_end:
            clause = reader.next()
            if clause.upper == "MANAGED":
                reader.expect("LOCATION")
                stated = reader.next()
                location = _within_an_external_location(stated.value)
                text = text[: clause.start] + text[stated.end :]
        catalog = schema.name[0]
        self._require_catalog(catalog)
        exists = schema.name in schema_names(execution, self._metastore)
        if (kind := self._metastore.catalog_types.get(catalog)) is not None:
            raise SqlError(
                "INVALID_PARAMETER_VALUE",
                f"Cannot create a schema in the catalog '{catalog}' of type {kind}.",
            )
        if not (exists and if_not_exists):
            self._grants.require(
                execution.principal, "CREATE SCHEMA", Securable("CATALOG", (catalog,))
            )
        elsewhere = self._metastore.schemas.get(schema.name[1])
        if elsewhere not in (None, catalog):
            raise unsupported(
                f"schemas of one name in two catalogs: '{schema.name[1]}' exists in '{elsewhere}'"
            )
        answer = execution.run(self._spark.rewrite(execution, text))
        if not exists:
            with self._metastore.lock:
                self._metastore.schemas[schema.name[1]] = catalog
                self._metastore.owners[schema] = execution.principal.name
                if location is not None:
                    self._metastore.locations[schema.name[1]] = location
        return answer

    def drop_schema(self, execution: Execution) -> ResultSet:
        """`DROP SCHEMA [IF EXISTS] name [RESTRICT | CASCADE]`."""
        reader = execution.reader()
        reader.expect("DROP")
        reader.next()
        reader.accept("IF", "EXISTS")
        schema = execution.securable(reader.name(), "SCHEMA")
        cascade = reader.accept("CASCADE")
        if schema.name in schema_names(execution, self._metastore):
            self._grants.require(execution.principal, "MANAGE", schema)
            if not cascade and any(name[:2] == schema.name for name in self._metastore.volumes):
                raise SqlError(
                    "SCHEMA_NOT_EMPTY",
                    f"Cannot drop schema `{'`.`'.join(schema.name)}` because it contains objects. "
                    "Use DROP SCHEMA ... CASCADE to drop the schema and all its objects.",
                )
        answer = execution.run(execution.text)
        self._volumes.drop_all(schema.name)
        self._metastore.schemas.pop(schema.name[1], None)
        self._metastore.forget(schema)
        return answer

    def show_schemas(self, execution: Execution) -> ResultSet:
        """`SHOW SCHEMAS [IN catalog] [LIKE pattern]`: those the principal may see."""
        reader = execution.reader()
        reader.expect("SHOW")
        reader.next()
        catalog = execution.engine.current_catalog
        if reader.accept("IN") or reader.accept("FROM"):
            catalog = reader.word().lower()
        pattern = None
        if not reader.at_end:
            reader.accept("LIKE")
            pattern = reader.string()
        reader.expect_end()
        self._require_catalog(catalog)
        shown = [
            name
            for owner, name in schema_names(execution, self._metastore)
            if owner == catalog
            and self._grants.sees(execution.principal, Securable("SCHEMA", (owner, name)))
        ]
        return result_set(
            ("databaseName",),
            [
                (name,)
                for name in sorted([*shown, "information_schema"])
                if pattern is None or like(name, pattern)
            ],
        )

    def _require_catalog(self, name: str) -> None:
        if name not in self._metastore.catalogs:
            raise SqlError(
                "CATALOG_NOT_FOUND",
                f"The catalog `{name}` not found. Consider to create the catalog, or check its "
                "name.",
            )


def refuse(execution: Execution) -> ResultSet:
    """What the sandbox lacks."""
    raise unsupported(" ".join(execution.text.split()[:2]).upper())


def _within_an_external_location(location: str) -> str:
    if location == EXTERNAL_LOCATION or location.startswith(f"{EXTERNAL_LOCATION}/"):
        return location
    raise SqlError(
        "NO_PARENT_EXTERNAL_LOCATION_FOR_PATH",
        f"No parent external location was found for path '{location}'. Please create an external "
        "location on one of the parent paths and then retry the query or command again.",
        "42K0S",
    )
