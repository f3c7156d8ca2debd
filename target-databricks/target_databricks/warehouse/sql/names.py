"""Names in SQL: quoting, literals, and where things are in Unity Catalog.

Source: Databricks SQL language reference, Identifiers; STRING type; Volumes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from target_databricks.limits import IDENTIFIER
from target_databricks.schema.plan import Reference


def quoted(name: str) -> str:
    """An identifier between backticks."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: str | int | None) -> str:
    """A value as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    # `${…}` would be taken for a variable before the statement is parsed.
    escaped = escaped.replace("${", "\\u0024{")
    return f"'{escaped}'"


@dataclass(frozen=True)
class Schema:
    """A schema of a catalog."""

    catalog: str
    name: str

    def __str__(self) -> str:
        return f"{self.catalog}.{self.name}"

    @property
    def sql(self) -> str:
        """The name in SQL."""
        return f"{quoted(self.catalog)}.{quoted(self.name)}"

    def table(self, name: str) -> str:
        """A table's name in SQL."""
        return f"{self.sql}.{quoted(name)}"


@dataclass(frozen=True)
class Volume:
    """A volume of a schema."""

    schema: Schema
    name: str

    @classmethod
    def parse(cls, text: str, schema: Schema) -> Volume:
        """Read `volume`, `schema.volume` or `catalog.schema.volume`.

        Raises:
            ValueError: It has more parts, or an empty one.
        """
        parts = [part.strip().strip("`") for part in text.split(".")]
        if not all(parts) or len(parts) > 3:
            raise ValueError(text)
        catalog, name = [schema.catalog, schema.name][: 3 - len(parts)] + parts[:-1]
        return cls(Schema(catalog, name), parts[-1])

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """The name in SQL."""
        return f"{self.schema.sql}.{quoted(self.name)}"

    @property
    def path(self) -> str:
        """Its folder."""
        return f"/Volumes/{self.schema.catalog}/{self.schema.name}/{self.name}"


def constraint_name(table: str, reference: Reference) -> str:
    """The name of a foreign key: the same on every run, and no two of a schema alike."""
    name = f"{table}_{'_'.join(reference.columns)}_fk"
    if len(name) <= IDENTIFIER:
        return name
    return name[: IDENTIFIER - 9] + "_" + hashlib.sha256(name.encode()).hexdigest()[:8]
