"""The statements that make and change tables, as text. Pure, as `dml.py` is.

Source: Databricks SQL language reference, CREATE TABLE; CREATE VIEW; ALTER TABLE; ADD CONSTRAINT;
CLUSTER BY.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from target_databricks.schema.plan import Reference
from target_databricks.warehouse.sql.columns import definition, sql_type
from target_databricks.warehouse.sql.names import literal, quoted

ForeignKey = tuple[str, str, Reference]
"""A constraint's name, the table it points at, in SQL, and the columns."""

_LAST_OF_ONE_UNIT = "\uffff"
"""The last character that UTF-16 has one unit for."""


@dataclass(frozen=True)
class TableOptions:
    """How a new table should be, as the settings and the schema have it.

    Attributes:
        comments: Whether table and columns are commented.
        keys: Columns of the informational PRIMARY KEY; none for no constraint.
        required: Columns that are NOT NULL.
        foreign_keys: Informational FOREIGN KEYs, to tables that are there.
        cluster_by: "AUTO", columns, or nothing.
        properties: Table properties.
    """

    comments: bool = True
    keys: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    cluster_by: tuple[str, ...] | str = ()
    properties: tuple[tuple[str, str], ...] = ()


def create_schema(schema: str, location: str | None) -> str:
    """CREATE SCHEMA, if it is not there, its managed tables at a location."""
    at = f" MANAGED LOCATION {literal(location)}" if location else ""
    return f"CREATE SCHEMA IF NOT EXISTS {schema}{at}"


def create(
    table: str, columns: pa.Schema, description: str | None, options: TableOptions
) -> list[str]:
    """CREATE TABLE, if it is not there, and what has to come after it.

    Delta finds CLUSTER BY in a text by an offset that counts characters beyond U+FFFF, such as
    emoji in a comment, as one, and takes it out where they count as two (Delta 4.4,
    `ClusterByParserUtils`). With these it is stated afterwards.

    Args:
        table: The table, in SQL.
        columns: Its columns, commented.
        description: The table's comment.
        options: The rest.
    """
    lines = [
        definition(c, required=c.name in options.required, comments=options.comments)
        for c in columns
    ]
    if options.keys:
        lines.append(f"PRIMARY KEY ({', '.join(quoted(k) for k in options.keys)})")
    lines += [_foreign_key(*key) for key in options.foreign_keys]
    parts = [f"CREATE TABLE IF NOT EXISTS {table} (\n  " + ",\n  ".join(lines) + "\n)\nUSING DELTA"]
    if options.comments and description:
        parts.append(f"COMMENT {literal(description)}")
    after = []
    if isinstance(options.cluster_by, str):
        parts.append("CLUSTER BY AUTO")
    elif options.cluster_by and max(map(max, parts)) > _LAST_OF_ONE_UNIT:
        after.append(cluster_by(table, options.cluster_by))
    elif options.cluster_by:
        parts.append(f"CLUSTER BY ({', '.join(quoted(c) for c in options.cluster_by)})")
    if options.properties:
        pairs = (f"{literal(k)} = {literal(v)}" for k, v in options.properties)
        parts.append(f"TBLPROPERTIES ({', '.join(pairs)})")
    return ["\n".join(parts), *after]


def add_columns(
    table: str, places: Iterable[tuple[str, pa.Field]], *, comments: bool = True
) -> str:
    """ALTER TABLE … ADD COLUMNS, at top level and inside structs and arrays."""
    texts = []
    for place, column in places:
        _, _, rest = definition(column, comments=comments).partition(quoted(column.name))
        texts.append(f"{place}{rest}")
    return f"ALTER TABLE {table} ADD COLUMNS ({', '.join(texts)})"


def comment(table: str, column: str, text: str) -> str:
    """COMMENT ON TABLE, or ALTER TABLE … ALTER COLUMN … COMMENT where a column is named."""
    if not column:
        return f"COMMENT ON TABLE {table} IS {literal(text)}"
    return f"ALTER TABLE {table} ALTER COLUMN {quoted(column)} COMMENT {literal(text)}"


def current_view(view: str, table: str, condition: str) -> str:
    """CREATE VIEW of the rows that are there, if nothing has its name; its columns follow."""
    about = f"The rows of {table.replace('`', '')} that are there: WHERE {condition}"
    rows = f"SELECT * FROM {table} WHERE {condition}"  # noqa: S608
    return (
        f"CREATE VIEW IF NOT EXISTS {view} COMMENT {literal(about)} WITH SCHEMA EVOLUTION AS {rows}"
    )


def cluster_by(table: str, columns: Iterable[str]) -> str:
    """ALTER TABLE … CLUSTER BY."""
    return f"ALTER TABLE {table} CLUSTER BY ({', '.join(quoted(c) for c in columns)})"


def set_tags(table: str, column: str, tags: Mapping[str, str]) -> str:
    """ALTER TABLE … SET TAGS, of a column where one is named."""
    of = f" ALTER COLUMN {quoted(column)}" if column else ""
    pairs = ", ".join(f"{literal(k)} = {literal(v)}" for k, v in tags.items())
    return f"ALTER TABLE {table}{of} SET TAGS ({pairs})"


def alter_type(table: str, place: str, kind: pa.DataType) -> str:
    """ALTER TABLE … ALTER COLUMN … TYPE."""
    return f"ALTER TABLE {table} ALTER COLUMN {place} TYPE {sql_type(kind)}"


def set_properties(table: str, properties: Mapping[str, str]) -> str:
    """ALTER TABLE … SET TBLPROPERTIES."""
    pairs = (f"{literal(k)} = {literal(v)}" for k, v in properties.items())
    return f"ALTER TABLE {table} SET TBLPROPERTIES ({', '.join(pairs)})"


def add_foreign_key(table: str, name: str, to: str, reference: Reference) -> str:
    """ALTER TABLE … ADD CONSTRAINT … FOREIGN KEY."""
    return f"ALTER TABLE {table} ADD {_foreign_key(name, to, reference)}"


def _foreign_key(name: str, to: str, reference: Reference) -> str:
    columns = ", ".join(quoted(c) for c in reference.columns)
    keys = ", ".join(quoted(c) for c in reference.to)
    return f"CONSTRAINT {quoted(name)} FOREIGN KEY ({columns}) REFERENCES {to} ({keys})"
