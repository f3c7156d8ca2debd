"""Metadata calls of the SQL protocol: catalogs, schemas, tables and columns by LIKE patterns.

The columns are those of JDBC's metadata, which Databricks' drivers expect.
"""

from __future__ import annotations

import re
from typing import Any

from databricks_sandbox.unity.information_schema import Contents
from databricks_sandbox.unity.result_set import ResultSet, result_set

# Numbers of java.sql.Types by Spark's name of a type.
_JAVA_TYPES = {
    "boolean": 16, "tinyint": -6, "smallint": 5, "int": 4, "bigint": -5, "float": 6, "double": 8,
    "decimal": 3, "string": 12, "binary": -2, "date": 91, "timestamp": 93, "timestamp_ntz": 93,
    "array": 2003, "struct": 2002, "map": 2000, "variant": 1111, "void": 0,
}  # fmt: skip

_TABLE_COLUMNS = (
    "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS", "TYPE_CAT", "TYPE_SCHEM",
    "TYPE_NAME", "SELF_REFERENCING_COL_NAME", "REF_GENERATION",
)  # fmt: skip
_COLUMN_COLUMNS = (
    "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE:int", "TYPE_NAME",
    "COLUMN_SIZE:int", "BUFFER_LENGTH:int", "DECIMAL_DIGITS:int", "NUM_PREC_RADIX:int",
    "NULLABLE:int", "REMARKS", "COLUMN_DEF", "SQL_DATA_TYPE:int", "SQL_DATETIME_SUB:int",
    "CHAR_OCTET_LENGTH:int", "ORDINAL_POSITION:int", "IS_NULLABLE", "SCOPE_CATALOG",
    "SCOPE_SCHEMA", "SCOPE_TABLE", "SOURCE_DATA_TYPE:smallint", "IS_AUTO_INCREMENT",
)  # fmt: skip


def catalogs(contents: Contents, _: Any) -> ResultSet:
    """All catalogs."""
    return result_set(("TABLE_CAT",), [(name,) for name in contents.catalogs])


def schemas(contents: Contents, request: Any) -> ResultSet:
    """Schemas of a catalog."""
    return result_set(
        ("TABLE_SCHEM", "TABLE_CATALOG"),
        [
            (schema, catalog)
            for catalog, schema in contents.schemas
            if _matches(catalog, request.catalogName) and _matches(schema, request.schemaName)
        ],
    )


def tables(contents: Contents, request: Any) -> ResultSet:
    """Tables and views."""
    kinds = [kind.upper() for kind in request.tableTypes or ()]
    rows = []
    for securable, table in contents.tables:
        catalog, schema, name = securable.name
        kind = "VIEW" if table.is_view else "TABLE"
        if (
            _matches(catalog, request.catalogName)
            and _matches(schema, request.schemaName)
            and _matches(name, request.tableName)
            and (not kinds or kind in kinds)
        ):
            rows.append((catalog, schema, name, kind, table.comment or "", *[None] * 5))
    return result_set(_TABLE_COLUMNS, rows)


def table_types(*_: Any) -> ResultSet:
    """The kinds of table there are."""
    return result_set(("TABLE_TYPE",), [("TABLE",), ("VIEW",)])


def columns(contents: Contents, request: Any) -> ResultSet:
    """Columns of tables and views."""
    rows = []
    for securable, table in contents.tables:
        catalog, schema, name = securable.name
        if not (
            _matches(catalog, request.catalogName)
            and _matches(schema, request.schemaName)
            and _matches(name, request.tableName)
        ):
            continue
        for position, field in enumerate(table.schema.fields):
            if not _matches(field.name, request.columnName):
                continue
            kind = field.dataType.simpleString()
            precision = getattr(field.dataType, "precision", None)
            scale = getattr(field.dataType, "scale", None)
            metadata = field.metadata or {}
            number = _JAVA_TYPES.get(kind.split("(")[0].split("<")[0], 1111)
            rows.append(
                (
                    *(catalog, schema, name, field.name, number, kind.upper(), precision, None),
                    *(scale, 10 if precision else None, int(field.nullable)),
                    *(metadata.get("comment") or "", metadata.get("CURRENT_DEFAULT")),
                    *(None, None, None, position, "YES" if field.nullable else "NO"),
                    *(None, None, None, None),
                    "YES" if "delta.identity.start" in metadata else "NO",
                )
            )
    return result_set(_COLUMN_COLUMNS, rows)


def _matches(name: str, pattern: str | None) -> bool:
    """A LIKE pattern of JDBC: `%`, `_`, and a backslash before either to mean itself."""
    if not pattern:
        return True
    translated = ""
    escaped = False
    for character in pattern:
        if escaped:
            translated += re.escape(character)
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            translated += {"%": ".*", "*": ".*", "_": "."}.get(character, re.escape(character))
    return re.fullmatch(translated, name, re.IGNORECASE) is not None
