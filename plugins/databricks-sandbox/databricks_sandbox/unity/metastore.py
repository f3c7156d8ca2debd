"""The state that Spark does not keep: catalogs, owners, volumes, constraints, tags.

Names are compared in lower case, as Unity Catalog does; a securable is a kind and its full name.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from databricks_sandbox.errors import SqlError

Kind = Literal["METASTORE", "CATALOG", "SCHEMA", "TABLE", "VOLUME"]
Name = tuple[str, ...]


@dataclass(frozen=True)
class Securable:
    """Something that has an owner and grants.

    Attributes:
        kind: what it is; views are tables here, as in grants.
        name: its parts from the catalog on, in lower case.
    """

    kind: Kind
    name: Name

    @property
    def full_name(self) -> str:
        """Parts joined by dots."""
        return ".".join(self.name)

    def parents(self) -> Iterator[Securable]:
        """Schema and catalog above it, the nearest first."""
        kinds: tuple[Kind, ...] = ("CATALOG", "SCHEMA")
        for length in range(len(self.name) - 1, 0, -1):
            yield Securable(kinds[length - 1], self.name[:length])


@dataclass(frozen=True)
class Constraint:
    """An informational key: never enforced.

    Attributes:
        name: unique in its schema.
        kind: `PRIMARY KEY` or `FOREIGN KEY`.
        columns: of the table it belongs to.
        parent: the table a foreign key points at.
        parent_columns: what it points at there.
        rely: the optimiser may trust it.
    """

    name: str
    kind: Literal["PRIMARY KEY", "FOREIGN KEY"]
    columns: tuple[str, ...]
    parent: Name | None = None
    parent_columns: tuple[str, ...] = ()
    rely: bool = False


@dataclass
class Volume:
    """A managed volume.

    Attributes:
        name: catalog, schema and volume.
        comment: as given when it was created.
        read_only: refuses uploads and removals, as storage that was locked does.
    """

    name: Name
    comment: str | None = None
    read_only: bool = False


class Policy(NamedTuple):
    """A row filter or a column mask.

    Attributes:
        function: its name.
        columns: what it takes, beside the column that a mask is on.
    """

    function: str
    columns: tuple[str, ...] = ()


@dataclass
class Metastore:
    """Everything of it; take `lock` around what must hold together.

    Attributes:
        lock: reentrant.
        catalogs: comment by name; the first one is there from the start, and stays.
        schemas: the catalog each schema was created in.
        owners: principal by securable; what is missing belongs to the metastore's admins.
        volumes: by name.
        grants: privileges by principal and securable.
        constraints: by table.
        tags: by securable and column, where no column is the securable itself.
        row_filters: policy by table.
        masks: policy by table and column.
        pipelines: `STREAMING_TABLE` or `MATERIALIZED_VIEW` by table, of tables of a pipeline.
        catalog_types: `FOREIGN_CATALOG` or `DELTASHARING_CATALOG` by name, of catalogs that nobody
            can create anything in.
        locations: MANAGED LOCATION by schema, where one was stated.
        views: the statements that made a view, and named it anew, by view; later ones last.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    catalogs: dict[str, str | None] = field(default_factory=dict)
    schemas: dict[str, str] = field(default_factory=dict)
    owners: dict[Securable, str] = field(default_factory=dict)
    volumes: dict[Name, Volume] = field(default_factory=dict)
    grants: dict[tuple[str, Securable], set[str]] = field(default_factory=dict)
    constraints: dict[Name, list[Constraint]] = field(default_factory=dict)
    tags: dict[tuple[Securable, str | None], dict[str, str]] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    views: dict[Name, tuple[str, ...]] = field(default_factory=dict)
    row_filters: dict[Name, Policy] = field(default_factory=dict)
    masks: dict[Name, dict[str, Policy]] = field(default_factory=dict)
    pipelines: dict[Name, str] = field(default_factory=dict)
    catalog_types: dict[str, str] = field(default_factory=dict)

    @property
    def default_catalog(self) -> str:
        """The catalog of schemas that were made outside of statements."""
        return next(iter(self.catalogs))

    def volume(self, name: Name) -> Volume:
        """The volume of this name.

        Raises:
            SqlError: there is none.
        """
        volume = self.volumes.get(tuple(part.lower() for part in name))
        if volume is None:
            raise SqlError(
                "UC_VOLUME_NOT_FOUND",
                f"Volume `{'`.`'.join(name)}` does not exist. Please use 'SHOW VOLUMES' to list "
                "available volumes.",
            )
        return volume

    def restore(self) -> None:
        """Storage accepts writes, as in a new workspace."""
        for volume in self.volumes.values():
            volume.read_only = False

    def forget(self, securable: Securable) -> None:
        """Drop all there is about something and about everything below it."""
        depth, name = len(securable.name), securable.name

        def covers(other: Securable) -> bool:
            if other == securable:
                return True
            return len(other.name) > depth and other.name[:depth] == name

        with self.lock:
            self.owners = {s: o for s, o in self.owners.items() if not covers(s)}
            self.grants = {k: p for k, p in self.grants.items() if not covers(k[1])}
            self.tags = {k: v for k, v in self.tags.items() if not covers(k[0])}
            if securable.kind != "VOLUME":
                for kept in (self.row_filters, self.masks, self.pipelines, self.views):
                    for table in [t for t in kept if t[:depth] == name]:
                        del kept[table]
                self.constraints = {n: c for n, c in self.constraints.items() if n[:depth] != name}
                # A foreign key does not outlive the table it points at.
                for table, keys in self.constraints.items():
                    self.constraints[table] = [
                        k for k in keys if k.parent is None or k.parent[:depth] != name
                    ]

    def rename(self, before: Securable, after: Securable, text: str) -> None:
        """Carry over all there is about a table or view to its new name, which a text gave it."""
        with self.lock:
            if before in self.owners:
                self.owners[after] = self.owners.pop(before)
            for who, what in [k for k in self.grants if k[1] == before]:
                self.grants[who, after] = self.grants.pop((who, what))
            for key in [k for k in self.tags if k[0] == before]:
                self.tags[after, key[1]] = self.tags.pop(key)
            if before.name in self.constraints:
                self.constraints[after.name] = self.constraints.pop(before.name)
            if before.name in self.views:
                self.views[after.name] = (*self.views.pop(before.name), text)
