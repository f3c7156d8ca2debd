"""Statements about volumes and the files in them.

Source: Databricks SQL, CREATE VOLUME, DROP VOLUME, SHOW VOLUMES, LIST, and the connector's staging.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.unity.metastore import Securable
from databricks_sandbox.unity.names import like
from databricks_sandbox.unity.result_set import Answer, nothing, rows_answer
from databricks_sandbox.unity.volumes import normal_path, staging_row

if TYPE_CHECKING:
    from databricks_sandbox.unity.execution import Call

_STAGING = ("operation", "presignedUrl", "headers", "localFile")


def put(call: Call) -> Answer:
    """`PUT 'local' INTO '/Volumes/…' [OVERWRITE]`."""
    reader = call.reader()
    reader.expect("PUT")
    local_file = reader.string()
    reader.expect("INTO")
    path = normal_path(reader.string())
    overwrite = reader.accept("OVERWRITE")
    reader.expect_end()
    call.require("WRITE VOLUME", _volume(call, path))
    if not overwrite and call.front.volumes.local(path).exists():
        raise SqlError(
            "FILE_IN_STAGING_PATH_ALREADY_EXISTS",
            f"File in staging path {path} already exists but OVERWRITE is not set.",
            "42000",
        )
    return _staging(call, "PUT", path, local_file)


def get(call: Call) -> Answer:
    """`GET '/Volumes/…' TO 'local'`."""
    reader = call.reader()
    reader.expect("GET")
    path = normal_path(reader.string())
    reader.expect("TO")
    local_file = reader.string()
    reader.expect_end()
    call.require("READ VOLUME", _volume(call, path))
    return _staging(call, "GET", path, local_file)


def remove(call: Call) -> Answer:
    """`REMOVE '/Volumes/…'`."""
    reader = call.reader()
    reader.expect("REMOVE")
    path = normal_path(reader.string())
    reader.expect_end()
    call.require("WRITE VOLUME", _volume(call, path))
    return _staging(call, "REMOVE", path, None)


def list_files(call: Call) -> Answer:
    """`LIST '/Volumes/…' [LIMIT n]`."""
    reader = call.reader()
    reader.expect("LIST")
    path = normal_path(reader.string())
    limit = int(reader.next().text) if reader.accept("LIMIT") else None
    reader.expect_end()
    call.require("READ VOLUME", _volume(call, path))
    try:
        files = call.front.volumes.files(path)
    except (FileNotFoundError, NotADirectoryError):
        raise SqlError("PATH_NOT_FOUND", f"Path does not exist: {path}.", "42K03") from None
    return rows_answer(
        ("path", "name", "size:bigint", "modification_time:timestamp"),
        [
            (
                f"dbfs:{name}/" if is_folder else f"dbfs:{name}",
                name.rsplit("/", 1)[-1] + ("/" if is_folder else ""),
                0 if is_folder else facts.st_size,
                datetime.fromtimestamp(facts.st_mtime, timezone.utc),
            )
            for name, facts, is_folder in files[:limit]
        ],
    )


def create(call: Call) -> Answer:
    """`CREATE VOLUME [IF NOT EXISTS] name [COMMENT '…']`; managed volumes only."""
    reader = call.reader()
    reader.expect("CREATE")
    if reader.accept("EXTERNAL"):
        raise unsupported("external volumes; it has no external locations")
    reader.expect("VOLUME")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    volume = call.securable(reader.name(), "VOLUME")
    comment = reader.string() if reader.accept("COMMENT") else None
    if reader.accept("LOCATION"):
        raise unsupported("external volumes; it has no external locations")
    reader.expect_end()
    schema = next(volume.parents())
    call.front.require_schema(call, schema)
    existing = volume.name in call.front.metastore.volumes
    if not (existing and if_not_exists):
        call.require("CREATE VOLUME", schema)
    if existing:
        if if_not_exists:
            return nothing()
        raise SqlError(
            "VOLUME_ALREADY_EXISTS",
            f"Cannot create volume `{'`.`'.join(volume.name)}` because it already exists.",
        )
    call.front.volumes.create(volume.name, comment)
    call.front.metastore.owners[volume] = call.principal
    return nothing()


def drop(call: Call) -> Answer:
    """`DROP VOLUME [IF EXISTS] name`."""
    reader = call.reader()
    reader.expect("DROP", "VOLUME")
    if_exists = reader.accept("IF", "EXISTS")
    volume = call.securable(reader.name(), "VOLUME")
    reader.expect_end()
    if volume.name not in call.front.metastore.volumes and if_exists:
        return nothing()
    call.front.volumes.find(volume.name)
    call.require("MANAGE", volume)
    call.front.volumes.drop(volume.name)
    call.front.forget(volume)
    return nothing()


def show(call: Call) -> Answer:
    """`SHOW VOLUMES [IN schema] [LIKE pattern]`."""
    reader = call.reader()
    reader.expect("SHOW", "VOLUMES")
    named = reader.name() if reader.accept("IN") or reader.accept("FROM") else ()
    schema = call.securable(named, "SCHEMA")
    pattern = None
    if not reader.at_end:
        reader.accept("LIKE")
        pattern = reader.string()
    reader.expect_end()
    call.front.require_schema(call, schema)
    return rows_answer(
        ("database", "volume_name"),
        [
            (name[1], name[2])
            for name in sorted(call.front.metastore.volumes)
            if name[:2] == schema.name
            and (pattern is None or like(name[2], pattern))
            and call.front.grants.sees(call.session.principal, Securable("VOLUME", name))
        ],
    )


def describe(call: Call) -> Answer:
    """`DESCRIBE VOLUME name`."""
    reader = call.reader()
    reader.next()
    reader.expect("VOLUME")
    securable = call.securable(reader.name(), "VOLUME")
    reader.expect_end()
    volume = call.front.volumes.find(securable.name)
    call.require("READ VOLUME", securable)
    catalog, schema, name = volume.name
    return rows_answer(
        ("name", "catalog", "database", "owner", "volumeType", "comment", "storage_location"),
        [
            (
                name,
                catalog,
                schema,
                call.front.grants.owner(securable),
                "MANAGED",
                volume.comment,
                f"/Volumes/{catalog}/{schema}/{name}",
            )
        ],
    )


def alter(call: Call) -> Answer:
    """`ALTER VOLUME name [SET] OWNER TO principal` or `RENAME TO name`."""
    reader = call.reader()
    reader.expect("ALTER", "VOLUME")
    securable = call.securable(reader.name(), "VOLUME")
    call.front.volumes.find(securable.name)
    reader.accept("SET")
    if not reader.accept("OWNER", "TO"):
        raise unsupported("ALTER VOLUME other than OWNER TO and tags")
    owner = reader.next().value
    reader.expect_end()
    call.require("MANAGE", securable)
    call.front.grants.set_owner(securable, owner)
    return nothing()


def comment(call: Call) -> Answer:
    """`COMMENT ON VOLUME name IS '…'`."""
    reader = call.reader()
    reader.expect("COMMENT", "ON", "VOLUME")
    securable = call.securable(reader.name(), "VOLUME")
    reader.expect("IS")
    text = None if reader.accept("NULL") else reader.string()
    reader.expect_end()
    volume = call.front.volumes.find(securable.name)
    call.require("MANAGE", securable)
    volume.comment = text
    return nothing()


def _volume(call: Call, path: str) -> Securable:
    return Securable("VOLUME", call.front.volumes.of_path(path).name)


def _staging(call: Call, operation: str, path: str, local_file: str | None) -> Answer:
    url = call.front.volumes.sign(operation, path, call.session.base_url)
    return rows_answer(_STAGING, [staging_row(operation, url, local_file)], staging=True)
