"""What `target-databricks-check` and `-grants` say of a lakehouse folder."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from target_databricks.errors import ConfigurationError
from target_databricks.lakehouse.failures import understood
from target_databricks.lakehouse.folder import LakehouseFolder
from target_databricks.lakehouse.places import local_path, make_folder
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.ledger import TABLE as LEDGER
from target_databricks.warehouse.sql.names import Schema, literal, quoted

JOB = "target-databricks-check"


def check(config: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Write and read a table of one row where tables would go, beside those that are there.

    Args:
        config: The target's settings.
        say: Takes each line of the report.

    Raises:
        ConfigurationError: The folder or object store cannot be used.
    """
    folder = LakehouseFolder(config, job_id=JOB)
    place = folder.location("").rstrip("/")
    local = local_path(str(config["lakehouse_path"]))
    say(f"Lakehouse {'folder of this machine' if local else 'in an object store'}: {place}.")
    name = f"_sdc_check_{uuid.uuid4().hex[:12]}"
    made = _folders_to_make(Path(place)) if local else []
    options = config.get("storage_options") or None
    try:
        if local:
            make_folder(place)
        loaded = folder.columns(LEDGER) is not None
        say(f"Schema {folder.schema}: {'there' if loaded else 'not loaded yet'}.")
        _one_row(folder.location(name), options)
        say(f"Table {name}: created, one row written, read back, removed.")
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{place} cannot be used: {understood(error).sentence}") from error
    finally:
        if local:
            shutil.rmtree(folder.location(name), ignore_errors=True)
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    say("Ready.")


def _folders_to_make(path: Path) -> list[Path]:
    """Folders that are not there yet, the innermost first."""
    return [each for each in (path, *path.parents) if not each.exists()]


def _one_row(uri: str, options: Mapping[str, str] | None) -> None:
    table = LakehouseTable(uri, options)
    rows = pa.table({"id": pa.array([1], pa.int64())})
    try:
        table.create(rows.schema, "Made by target-databricks-check")
        table.append(rows)
        table.refresh()
        found = table.collected(table.others(None, ["id"]), ["id"]).column(0).to_pylist()
        if found != [1]:
            raise ConfigurationError(f"{uri} holds {found} instead of the row written.")
    finally:
        if table.delta is not None:
            # Its own folder, whose name nobody else has.
            handler = DeltaStorageHandler(uri, dict(options) if options else None)
            files = fs.PyFileSystem(handler)
            for each in files.get_file_info(fs.FileSelector("", recursive=True)):
                if each.type is fs.FileType.File:
                    files.delete_file(each.path)


def grants(config: Mapping[str, Any], principal: str) -> Iterator[str]:
    """What a folder needs instead of grants, and the SQL by which a workspace reads it.

    Args:
        config: The target's settings.
        principal: Who is to read the tables in the workspace.

    Source: Unity Catalog, External locations; CREATE TABLE USING delta LOCATION.
    """
    folder = LakehouseFolder(config, job_id=JOB)
    place = folder.location("").rstrip("/")
    yield f"-- The tables go to {place}: a lakehouse folder, where no grant of a workspace counts."
    if local_path(str(config["lakehouse_path"])):
        yield "-- Whoever loads needs to read and write there. A workspace cannot reach a folder of"
        yield "-- this machine: set lakehouse_path to an object store, or load into a warehouse."
        return
    schema = Schema(str(config["catalog"]), folder.schema.lower())
    to = quoted(principal)
    yield "-- Whoever loads needs to read, write, list and delete there, by the store's own rights."
    yield "-- For a workspace to read them, once there is an external location for that place:"
    yield f"CREATE SCHEMA IF NOT EXISTS {schema.sql};"
    example = f"{schema.table('invoices')} USING delta LOCATION {literal(f'{place}/invoices')}"
    yield f"CREATE TABLE IF NOT EXISTS {example};"
    yield f"GRANT USE CATALOG ON CATALOG {quoted(schema.catalog)} TO {to};"
    yield f"GRANT USE SCHEMA, SELECT ON SCHEMA {schema.sql} TO {to};"
