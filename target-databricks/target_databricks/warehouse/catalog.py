"""What Unity Catalog says of tables, which needs no warehouse.

Its word is taken for as long as no statement contradicts it. Where it says nothing, because the
call is refused, fails, or names a type that is not known here, the warehouse is asked instead.

Source: Databricks REST API, Unity Catalog, Tables and Schemas; Spark, JSON of a DataType, which is
what `type_json` of a column has.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from target_databricks.schema.types import TIMESTAMP, comment
from target_databricks.warehouse.sql.columns import COLLATION, as_variant
from target_databricks.warehouse.sql.names import Schema
from target_databricks.warehouse.suitability import about_catalog, about_table
from target_databricks.warehouse.upkeep_items import TABLE

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

logger = logging.getLogger("target-databricks")

_LEAVES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "byte": pa.int8(),
    "short": pa.int16(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "binary": pa.binary(),
    "timestamp": TIMESTAMP,
    "timestamp_ntz": pa.timestamp("us"),
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
_TEXT = re.compile(r"(char|varchar)\(\d+\)|string collate .*")


@dataclass(frozen=True)
class TableFacts:
    """What is known of a table.

    Attributes:
        columns: Its columns; None if there is no such table.
        properties: Its properties; None if they were not looked at.
        constraints: Names of its informational keys; None if they were not looked at.
        primary_key: Columns of its PRIMARY KEY.
        masks: Columns that not everybody sees as they are.
        comments: By column, that of the table by `TABLE`; None if they were not looked at.
        objection: Why it cannot be loaded into, and what to do; None if it may be.
    """

    columns: pa.Schema | None
    properties: Mapping[str, str] | None = None
    constraints: frozenset[str] | None = None
    primary_key: frozenset[str] = field(default_factory=frozenset)
    masks: tuple[str, ...] = ()
    comments: Mapping[str, str] | None = None
    objection: tuple[str, str] | None = None

    def given(self, columns: Iterable[pa.Field]) -> TableFacts:
        """The facts once columns are added, with which their comments come."""
        if self.comments is None:
            return self
        new = {column.name: text for column in columns if (text := comment(column))}
        return replace(self, comments={**self.comments, **new})


NO_TABLE = TableFacts(None, {}, frozenset())


class Catalog:
    """Looks at one schema of Unity Catalog.

    Args:
        client: Of the workspace.
        schema: The schema.

    Attributes:
        schema: The schema.
    """

    def __init__(self, client: WorkspaceClient, schema: Schema) -> None:
        self._client = client
        self.schema = schema

    def has_schema(self, name: str | None = None) -> bool:
        """Whether there certainly is a schema: the one looked at, or another of its catalog."""
        from databricks.sdk.errors.base import DatabricksError

        full_name = _path(self.schema.catalog, name or self.schema.name)
        try:
            self._client.schemas.get(full_name)
        except (DatabricksError, OSError) as error:
            logger.debug("Unity Catalog does not tell of %s: %s", full_name, error)
            return False
        return True

    def objection(self) -> str | None:
        """Why nothing can be loaded into the catalog, and what to do; None if that is not known."""
        from databricks.sdk.errors.base import DatabricksError

        try:
            kind = self._client.catalogs.get(quote(self.schema.catalog, safe="")).catalog_type
        except (DatabricksError, OSError) as error:
            logger.debug("Unity Catalog does not tell of %s: %s", self.schema.catalog, error)
            kind = None
        return about_catalog(self.schema.catalog, kind.value if kind else None)

    def table(self, name: str) -> TableFacts | None:
        """What a table looks like, `NO_TABLE` where none is, None if the catalog does not say."""
        from databricks.sdk.errors import NotFound
        from databricks.sdk.errors.base import DatabricksError

        full_name = _path(self.schema.catalog, self.schema.name, name)
        try:
            info = self._client.tables.get(full_name)
            columns = pa.schema([column_of(str(c.type_json)) for c in info.columns or ()])
        except NotFound as error:
            return NO_TABLE if error.error_code == "TABLE_DOES_NOT_EXIST" else None
        except (DatabricksError, OSError, ValueError, KeyError, TypeError) as error:
            logger.debug("Unity Catalog does not tell of %s: %s", full_name, error)
            return None
        if not columns.names:
            return None
        names, primary_key = set(), frozenset[str]()
        for constraint in info.table_constraints or ():
            if (primary := constraint.primary_key_constraint) is not None:
                names.add(primary.name)
                primary_key = frozenset(primary.child_columns)
            if (foreign := constraint.foreign_key_constraint) is not None:
                names.add(foreign.name)
        return TableFacts(
            columns,
            dict(info.properties or {}),
            frozenset(names),
            primary_key,
            tuple(str(column.name) for column in info.columns or () if column.mask),
            {str(c.name): c.comment for c in info.columns or () if c.comment}
            | ({TABLE: info.comment} if info.comment else {}),
            about_table(info),
        )


def _path(*names: str) -> str:
    return ".".join(quote(name, safe="") for name in names)


def column_of(type_json: str) -> pa.Field:
    """A column from its `type_json`.

    Raises:
        ValueError: It is of a type that is not known here, or is not in the form of Spark.
        KeyError: Likewise.
        TypeError: Likewise.
    """
    return _field(json.loads(type_json))


def _field(facts: Mapping[str, Any]) -> pa.Field:
    kind, own = facts["type"], facts.get("metadata") or {}
    metadata: dict[bytes, bytes] = {}
    if text := own.get("comment"):
        metadata[b"comment"] = str(text).encode()
    if "__COLLATIONS" in own or (isinstance(kind, str) and kind.startswith("string collate")):
        metadata[COLLATION] = b"other"
    column = pa.field(str(facts["name"]), _type(kind), metadata=metadata or None)
    return as_variant(column) if kind == "variant" else column


def _type(kind: Any) -> pa.DataType:
    if isinstance(kind, str):
        if match := _DECIMAL.fullmatch(kind):
            return pa.decimal128(int(match[1]), int(match[2]))
        if kind == "variant" or _TEXT.fullmatch(kind):
            return pa.string()
        return _LEAVES[kind]
    if kind["type"] == "struct":
        return pa.struct([_field(member) for member in kind["fields"]])
    if kind["type"] == "array":
        return pa.list_(pa.field("element", _type(kind["elementType"])))
    if kind["type"] == "map":
        return pa.map_(_type(kind["keyType"]), _type(kind["valueType"]))
    raise ValueError(kind)
