"""Tables and views that an earlier Spark has left, made known to this one.

Spark's catalog is in memory; all that Delta knows of a table stands beside its files.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from databricks_sandbox.engine.session import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from databricks_sandbox.engine.session import EngineSession

_PATTERN = "_sandbox_pattern"


def restore_tables(session: EngineSession, warehouse: Path, schemas: Iterable[str]) -> None:
    """Make schemas, and the managed tables whose files are in their folders.

    Args:
        session: any; tables are those of all.
        warehouse: the folder that Spark keeps managed tables in.
        schemas: beside `default`.
    """
    names = list(schemas)
    for name in names:
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {quote(name)}")
    folders = {"default": warehouse, **{name: warehouse / f"{name}.db" for name in names}}
    found = [
        (schema, log.parent)
        for schema, folder in folders.items()
        for log in sorted(folder.glob("*/_delta_log"))
    ]
    if not found:
        return
    session.sql(f"CREATE TABLE default.{_PATTERN} (id INT) USING delta")

    def register(jvm: Any, java: Any) -> None:
        catalog = java.sessionState().catalog()
        identifier = jvm.org.apache.spark.sql.catalyst.TableIdentifier
        pattern = catalog.getTableMetadata(identifier(_PATTERN, _some(jvm, "default")))
        for schema, folder in found:
            # As SQL would make it with a LOCATION, but managed: whoever drops it drops its files.
            storage = _copy(pattern.storage(), locationUri=_some(jvm, _uri(jvm, folder)))
            table = identifier(folder.name, _some(jvm, schema))
            catalog.externalCatalog().createTable(
                _copy(pattern, identifier=table, storage=storage), True
            )

    session.on_jvm(register)
    session.sql(f"DROP TABLE default.{_PATTERN}")


def restore_views(session: EngineSession, views: Mapping[tuple[str, ...], Sequence[str]]) -> None:
    """Make views anew, in this order.

    Args:
        session: any.
        views: the statements that made each, by catalog, schema and name.
    """
    from pyspark.errors import PySparkException

    for (catalog, schema, _), texts in views.items():
        session.use_catalog(catalog)
        session.begin_in_schema(schema)
        # A view of what is gone is gone.
        with suppress(PySparkException):
            for text in texts:
                session.sql(text)


def _copy(value: Any, **changes: Any) -> Any:
    """A copy of a case class of Scala's with some of its members replaced."""
    members = [
        changes.get(str(value.productElementName(i)), value.productElement(i))
        for i in range(value.productArity())
    ]
    return value.copy(*members)


def _some(jvm: Any, value: Any) -> Any:
    return jvm.scala.Some(value)


def _uri(jvm: Any, folder: Path) -> Any:
    return jvm.java.io.File(str(folder)).toURI()
