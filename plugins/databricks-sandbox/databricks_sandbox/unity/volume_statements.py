"""Statements about volumes and the files in them.

Source: Databricks SQL, CREATE VOLUME, DROP VOLUME, SHOW VOLUMES, LIST, and the connector's staging.
"""

from __future__ import annotations

from datetime import UTC, datetime

from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore, Securable
from databricks_sandbox.unity.names import like
from databricks_sandbox.unity.result_set import ResultSet, empty, result_set
from databricks_sandbox.unity.schemas import require_schema
from databricks_sandbox.unity.volumes import Volumes, normal_path, staging_row

_STAGING = ("operation", "presignedUrl", "headers", "localFile")


class VolumeStatements:
    """Statements about volumes and their files.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
        volumes: files.
    """

    def __init__(self, metastore: Metastore, grants: Grants, volumes: Volumes) -> None:
        self._metastore = metastore
        self._grants = grants
        self._volumes = volumes

    def put(self, execution: Execution) -> ResultSet:
        """`PUT 'local' INTO '/Volumes/…' [OVERWRITE]`."""
        reader = execution.reader()
        reader.expect("PUT")
        local_file = reader.string()
        reader.expect("INTO")
        path = normal_path(reader.string())
        overwrite = reader.accept("OVERWRITE")
        reader.expect_end()
        self._grants.require(execution.principal, "WRITE VOLUME", self._volume(path))
        if not overwrite and self._volumes.local(path).exists():
            raise SqlError(
                "FILE_IN_STAGING_PATH_ALREADY_EXISTS",
                f"File in staging path {path} already exists but OVERWRITE is not set.",
                "42000",
            )
        return self._staging(execution, "PUT", path, local_file)

    def get(self, execution: Execution) -> ResultSet:
        """`GET '/Volumes/…' TO 'local'`."""
        reader = execution.reader()
        reader.expect("GET")
        path = normal_path(reader.string())
        reader.expect("TO")
        local_file = reader.string()
        reader.expect_end()
        self._grants.require(execution.principal, "READ VOLUME", self._volume(path))
        return self._staging(execution, "GET", path, local_file)

    def remove(self, execution: Execution) -> ResultSet:
        """`REMOVE '/Volumes/…'`."""
        reader = execution.reader()
        reader.expect("REMOVE")
        path = normal_path(reader.string())
        reader.expect_end()
        self._grants.require(execution.principal, "WRITE VOLUME", self._volume(path))
        return self._staging(execution, "REMOVE", path, None)

    def list_files(self, execution: Execution) -> ResultSet:
        """`LIST '/Volumes/…' [LIMIT n]`."""
        reader = execution.reader()
        reader.expect("LIST")
        path = normal_path(reader.string())
        limit = int(reader.next().text) if reader.accept("LIMIT") else None
        reader.expect_end()
        self._grants.require(execution.principal, "READ VOLUME", self._volume(path))
        try:
            files = self._volumes.files(path)
        except (FileNotFoundError, NotADirectoryError):
            raise SqlError("PATH_NOT_FOUND", f"Path does not exist: {path}.", "42K03") from None
        return result_set(
            ("path", "name", "size:bigint", "modification_time:timestamp"),
            [
                (
                    f"dbfs:{name}/" if is_folder else f"dbfs:{name}",
                    name.rsplit("/", 1)[-1] + ("/" if is_folder else ""),
                    0 if is_folder else facts.st_size,
                    datetime.fromtimestamp(self._volumes.modified(facts), UTC),
                )
                for name, facts, is_folder in files[:limit]
            ],
        )

    def create(self, execution: Execution) -> ResultSet:
        """`CREATE VOLUME [IF NOT EXISTS] name [COMMENT '…']`; managed volumes only."""
        reader = execution.reader()
        reader.expect("CREATE")
        if reader.accept("EXTERNAL"):
            raise unsupported("external volumes; it has no external locations")
        reader.expect("VOLUME")
        if_not_exists = reader.accept("IF", "NOT", "EXISTS")
        volume = execution.securable(reader.name(), "VOLUME")
        comment = reader.string() if reader.accept("COMMENT") else None
        if reader.accept("LOCATION"):
            raise unsupported("external volumes; it has no external locations")
        reader.expect_end()
        schema = next(volume.parents())
        require_schema(execution, self._metastore, schema)
        existing = volume.name in self._metastore.volumes
        if not (existing and if_not_exists):
            self._grants.require(execution.principal, "CREATE VOLUME", schema)
        if existing:
            if if_not_exists:
                return empty()
            raise SqlError(
                "VOLUME_ALREADY_EXISTS",
                f"Cannot create volume `{'`.`'.join(volume.name)}` because it already exists.",
            )
        self._volumes.create(volume.name, comment)
        self._metastore.owners[volume] = execution.principal.name
        return empty()

    def drop(self, execution: Execution) -> ResultSet:
        """`DROP VOLUME [IF EXISTS] name`."""
        reader = execution.reader()
        reader.expect("DROP", "VOLUME")
        if_exists = reader.accept("IF", "EXISTS")
        volume = execution.securable(reader.name(), "VOLUME")
        reader.expect_end()
        if volume.name not in self._metastore.volumes and if_exists:
            return empty()
        self._metastore.volume(volume.name)
        self._grants.require(execution.principal, "MANAGE", volume)
        self._volumes.drop(volume.name)
        self._metastore.forget(volume)
        return empty()

    def show(self, execution: Execution) -> ResultSet:
        """`SHOW VOLUMES [IN schema] [LIKE pattern]`."""
        reader = execution.reader()
        reader.expect("SHOW", "VOLUMES")
        name = reader.name() if reader.accept("IN") or reader.accept("FROM") else ()
        schema = execution.securable(name, "SCHEMA")
        pattern = None
        if not reader.at_end:
            reader.accept("LIKE")
            pattern = reader.string()
        reader.expect_end()
        require_schema(execution, self._metastore, schema)
        return result_set(
            ("database", "volume_name"),
            [
                (name[1], name[2])
                for name in sorted(self._metastore.volumes)
                if name[:2] == schema.name
                and (pattern is None or like(name[2], pattern))
                and self._grants.sees(execution.principal, Securable("VOLUME", name))
            ],
        )

    def describe(self, execution: Execution) -> ResultSet:
        """`DESCRIBE VOLUME name`."""
        reader = execution.reader()
        reader.next()
        reader.expect("VOLUME")
        securable = execution.securable(reader.name(), "VOLUME")
        reader.expect_end()
        volume = self._metastore.volume(securable.name)
        self._grants.require(execution.principal, "READ VOLUME", securable)
        catalog, schema, name = volume.name
        return result_set(
            ("name", "catalog", "database", "owner", "volumeType", "comment", "storage_location"),
            [
                (
                    name,
                    catalog,
                    schema,
                    self._grants.owner(securable),
                    "MANAGED",
                    volume.comment,
                    f"/Volumes/{catalog}/{schema}/{name}",
                )
            ],
        )

    def alter(self, execution: Execution) -> ResultSet:
        """`ALTER VOLUME name [SET] OWNER TO principal` or `RENAME TO name`."""
        reader = execution.reader()
        reader.expect("ALTER", "VOLUME")
        securable = execution.securable(reader.name(), "VOLUME")
        self._metastore.volume(securable.name)
        reader.accept("SET")
        if not reader.accept("OWNER", "TO"):
            raise unsupported("ALTER VOLUME other than OWNER TO and tags")
        owner = reader.next().value
        reader.expect_end()
        self._grants.require(execution.principal, "MANAGE", securable)
        self._grants.set_owner(securable, owner)
        return empty()

    def comment(self, execution: Execution) -> ResultSet:
        """`COMMENT ON VOLUME name IS '…'`."""
        reader = execution.reader()
        reader.expect("COMMENT", "ON", "VOLUME")
        securable = execution.securable(reader.name(), "VOLUME")
        reader.expect("IS")
        text = None if reader.accept("NULL") else reader.string()
        reader.expect_end()
        volume = self._metastore.volume(securable.name)
        self._grants.require(execution.principal, "MANAGE", securable)
        volume.comment = text
        return empty()

    def _volume(self, path: str) -> Securable:
        return Securable("VOLUME", self._volumes.of_path(path).name)

    def _staging(
        self, execution: Execution, operation: str, path: str, local_file: str | None
    ) -> ResultSet:
        url = self._volumes.sign(operation, path, execution.session.base_url)
        return result_set(_STAGING, [staging_row(operation, url, local_file)], staging=True)
