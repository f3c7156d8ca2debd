"""What Spark knows about tables and views, read past SQL: names, columns, properties, versions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from databricks_sandbox.engine.session import quote

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql.types import StructType

    from databricks_sandbox.engine.session import EngineSession

# Properties that Spark adds to a table's own.
_RESERVED = ("comment", "location", "provider", "owner", "external", "is_managed_location")


@dataclass(frozen=True)
class Table:
    """A table or view.

    Attributes:
        name: without catalog and schema.
        is_view: has a definition instead of files.
        schema: columns with types, NOT NULL and comments.
        comment: of the table.
        properties: TBLPROPERTIES.
        provider: `delta` for tables.
        location: folder of its files; None for a view.
        definition: text of a view.
    """

    name: str
    is_view: bool
    schema: StructType
    comment: str | None
    properties: dict[str, str]
    provider: str | None
    location: str | None
    definition: str | None


def table_names(session: EngineSession, schema: str) -> list[str]:
    """Names of the tables and views in a schema, sorted."""

    def listed(_: object, java: object) -> str:
        found = java.sessionState().catalog().externalCatalog().listTables(schema)  # type: ignore[attr-defined]
        return str(found.mkString("\n"))

    return sorted(name for name in str(session.on_jvm(listed)).split("\n") if name)


def schema_exists(session: EngineSession, name: str) -> bool:
    """Whether there is a schema of this name."""

    def there(_: object, java: object) -> bool:
        return bool(java.sessionState().catalog().externalCatalog().databaseExists(name))  # type: ignore[attr-defined]

    return bool(session.on_jvm(there))


def exists(session: EngineSession, schema: str, name: str) -> bool:
    """Whether there is a table or view of this name."""
    return name in table_names(session, schema)


def table(session: EngineSession, catalog: str, schema: str, name: str) -> Table:
    """Everything about one table or view.

    Raises:
        pyspark.errors.AnalysisException: there is none of this name.
    """
    from pyspark.sql.types import StructType

    def read(jvm: object, java: object) -> tuple[str, dict[str, str], str | None]:
        state = java.sessionState()  # type: ignore[attr-defined]
        identifier = state.sqlParser().parseTableIdentifier(f"{quote(schema)}.{quote(name)}")
        view = None
        if state.catalog().isView(identifier.nameParts()):
            view = str(state.catalog().getTableMetadata(identifier).viewText().get())
        namespace = session.java_strings([schema])
        found = jvm.org.apache.spark.sql.connector.catalog.Identifier.of(namespace, name)  # type: ignore[attr-defined]
        loaded = state.catalogManager().catalog(catalog).loadTable(found)
        return str(loaded.schema().json()), dict(loaded.properties()), view

    schema_text, properties, view = session.on_jvm(read)
    return Table(
        name=name,
        is_view=view is not None,
        schema=StructType.fromJson(json.loads(schema_text)),
        comment=properties.get("comment"),
        properties={
            key.removeprefix("option."): value
            for key, value in properties.items()
            if key not in _RESERVED and not key.startswith(("option.", "view."))
        },
        provider=properties.get("provider"),
        location=properties.get("location"),
        definition=view,
    )


def rows_of_last_commit(session: EngineSession, folder: Path) -> int | None:
    """How many rows the last commit of this session wrote; None when there was none here.

    Args:
        session: the one that committed.
        folder: of the table.
    """
    version = session.get_conf("spark.databricks.delta.lastCommitVersionInSession")
    if version is None:
        return None
    path = folder / "_delta_log" / f"{int(version):020}.json"
    if not path.exists():
        return None
    for line in path.read_text(encoding="utf-8").splitlines():
        commit = json.loads(line).get("commitInfo")
        if commit:
            written = commit.get("operationMetrics", {}).get("numOutputRows")
            return int(written) if written is not None else None
    return None
