"""The staging volume: batches as files beside the tables, from before they are applied until after.

| file | meaning |
|---|---|
| `<table>-<digest>.parquet` | staged; a run that finds it applies it first |
| `<table>-<digest>.applied` | beside a staged one: its rows are appended, no state covers them |
| `<table>-<digest>.quarantine`, `.rows`, `.records` | set aside (`loading/quarantine.py`) |
| `<table>-v<version>-<digest>.seen` | keys that came with a version not yet activated |
| `<table>.stateful` | the tap of an appended stream sends states, so it resumes from them |
| `<table>.lease` | a run is loading the table |
| `<run>.ledger` | rows of `_sdc_loads` of a run that changed nothing, for the next that does |

Names are derived from content: the same rows staged twice are one file. Files are moved through
the Files API, which needs no warehouse; statements read them where they are.

Source: Databricks REST API, Files; Unity Catalog, Volumes and Privileges.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pyarrow as pa

from target_databricks.errors import ConfigurationError, DamagedFileError, LoadError
from target_databricks.loading.batch import Batch
from target_databricks.loading.staged_file import (
    APPLIED,
    SEEN,
    STAGED,
    STATEFUL,
    read_rows,
    read_staged,
    table_of,
    version_of,
    write_rows,
    write_staged,
)
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections, StatementError
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.sql.clauses import StagedRows, parquet_file, parquet_files
from target_databricks.warehouse.sql.names import Schema, Volume
from target_databricks.warehouse.staging.files import VolumeFiles
from target_databricks.warehouse.staging.leases import Leases
from target_databricks.warehouse.staging.protocol import WarehouseStaging

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

logger = logging.getLogger("target-databricks")

MOST_DEFERRED = 48
"""Files of runs whose rows of the ledger wait; what would be one more takes their rows in."""
MOST_SEEN = 16
"""Files of keys that one statement reads."""
LEDGER = ".ledger"
COMPRESSION = "zstd"
"""Every reader of Parquet knows it; LZ4 is faster to write, but some read it as another LZ4."""


class StagingVolume(WarehouseStaging):
    """Staged batches of one schema.

    Args:
        client: Moves files.
        connections: Creates the volume.
        volume: The volume.
        schema: The schema the batches are for; each has a folder of its own.
        job_id: The run.
        backoff: How long to wait for another run that loads the same tables.
    """

    def __init__(
        self,
        client: WorkspaceClient,
        connections: Connections,
        volume: Volume,
        schema: Schema,
        *,
        job_id: str,
        backoff: Backoff,
    ) -> None:
        self._connections = connections
        self.volume = volume
        self.place = self.folder = f"{volume.path}/{schema}"
        self._files = VolumeFiles(client.files, self.folder, lambda: connections.backoff)
        self._leases = Leases(self._files, job_id, backoff)
        self.created = False
        self._stateful: set[str] = set()
        self._seen: set[str] = set()
        """Staged files that this run has written, or looked at."""
        self._applied: dict[str, float] = {}
        """Paths of those that earlier runs have appended for certain, and since when."""
        # One thread, because the order in which files go must be the order they were applied in.
        self._remover = ThreadPoolExecutor(1, thread_name_prefix="remover")
        self._removals: list[Future[None]] = []
        self._lock = threading.Lock()
        self._removal_error: Exception | None = None

    def open(self) -> None:
        """Make sure that the folder is there; create the volume if it is allowed.

        Raises:
            ConfigurationError: The volume is missing and may not be created, or may not be used.
        """
        from databricks.sdk.errors import NotFound
        from databricks.sdk.errors.base import DatabricksError

        try:
            try:
                self._files.make_folder()
            except NotFound:
                self._create()
                self._files.make_folder()
        except DatabricksError as error:
            raise ConfigurationError(
                f"The staging volume {self.volume} cannot be used: {classify(error).reason} The "
                f"load needs READ VOLUME and WRITE VOLUME: GRANT READ VOLUME, WRITE VOLUME ON "
                f"VOLUME {self.volume} TO `<user>`. Without any volume, set 'staging' to 'inline'."
            ) from error

    def _create(self) -> None:
        try:
            self._connections.make(
                f"CREATE VOLUME IF NOT EXISTS {self.volume.sql} "
                "COMMENT 'Batches of target-databricks on their way into tables'"
            )
        except StatementError as error:
            raise ConfigurationError(
                f"The staging volume {self.volume} does not exist and cannot be created: "
                f"{error.problem.reason} Create it, or let it be created: GRANT CREATE VOLUME ON "
                f"SCHEMA {self.volume.schema} TO `<user>`; or name another one in "
                "'staging_volume'. `target-databricks-grants` prints all statements that are "
                "needed. Without any volume, set 'staging' to 'inline'."
            ) from error
        self.created = True
        logger.info("Created the staging volume %s.", self.volume)

    def lease(self, table: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """Keep other runs from the tables of a stream for a while."""
        return self._leases.lease(table, wait=wait)

    def drop(self) -> None:
        """Remove the volume, if `open` made it."""
        if self.created:
            self._connections.run(f"DROP VOLUME IF EXISTS {self.volume.sql}")

    def stage(self, batch: Batch) -> str:
        """Upload a batch. Returns its path.

        Raises:
            LoadError: It cannot be uploaded.
        """
        name = f"{_visible(batch.plan.table)}-{batch.digest}{STAGED}"
        self._seen.add(name)
        try:
            return self._files.write(name, write_staged(batch, COMPRESSION))
        except Exception as error:
            raise LoadError(
                f"Batch of stream '{batch.plan.stream}' could not be uploaded to {self.folder}: "
                f"{classify(error).sentence} The tap sends its rows again in the next run."
            ) from error

    def read(self, paths: Sequence[str], batch: Batch) -> StagedRows:
        """A staged batch as statements read it."""
        places = [self._files.place(path) for path in paths]
        return StagedRows(parquet_files(places), batch.rows.schema)

    def renew(self, paths: Sequence[str], statement: str = "") -> str:
        """Keep staged batches under other names, so that who looks for the old ones finds none."""
        for path in paths:
            before = self._files.place(path)
            self._files.renew(path)
            statement = statement.replace(before, self._files.place(path))
        return statement

    def restore(self, paths: Sequence[str]) -> None:
        """Keep staged batches under their own names again."""
        for path in paths:
            self._files.restore(path)

    def staged_tables(self) -> Sequence[str]:
        """Tables that batches are staged for; the oldest batch's first."""
        paths = [path for path in self._files.list(STAGED) if _name(path) not in self._seen]
        return list(dict.fromkeys(table_of(_name(path)) for path in paths))

    def staged_batches(self, table: str) -> Iterator[tuple[str, Batch | DamagedFileError]]:
        """What is staged for a table, oldest first."""
        for path in self._files.list(STAGED):
            if table_of(_name(path)) != table or _name(path) in self._seen:
                continue
            self._seen.add(_name(path))
            content = self._files.read(path)
            if content is None:
                continue  # The run that has applied it has just removed it.
            yield path, _batch(content)

    def applied_batches(self) -> Iterator[tuple[str, Batch | DamagedFileError]]:
        """Appended batches that no state covers yet, and that no statement need ask after."""
        marks = self._files.times(APPLIED)
        if marks:
            self._files.list(STAGED)  # Some may have another name for now.
        for mark, since in marks.items():
            path = f"{mark.removesuffix(APPLIED)}{STAGED}"
            content = self._files.read(path)
            if content is None:
                # Who removed it was stopped before it had removed the mark.
                self._files.remove(mark)
                continue
            self._seen.add(_name(path))
            self._applied[path] = since
            yield path, _batch(content)

    def note_applied(self, path: str) -> None:
        """Note that a batch which stays staged is in its table."""
        if path not in self._applied:
            self._files.write(_name(path).replace(STAGED, APPLIED), b"")

    def applied_at(self, path: str) -> float | None:
        """When an earlier run noted that a batch is in its table, in seconds since 1970."""
        return self._applied.get(path)

    def others_staged(self, table: str) -> bool:
        """Whether other runs have staged batches for a table that this one has not looked at."""
        names = map(_name, self._files.list(STAGED))
        return any(table_of(name) == table and name not in self._seen for name in names)

    def prefix(self, table: str) -> str:
        """How the names of a table's files begin."""
        return _visible(table)

    def files(self, suffix: str) -> list[str]:
        """Names of the files that end in something, oldest first."""
        return [_name(path) for path in self._files.list(suffix)]

    def read_file(self, name: str) -> bytes | None:
        """What is in a file; None if there is none."""
        return self._files.read(f"{self.folder}/{name}")

    def write_file(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        self._files.write(name, content)

    def move_file(self, name: str, to: str) -> None:
        """Give a file another name, if it is there."""
        content = self.read_file(name)
        if content is not None:
            self._files.write(to, content)
            self.remove_file(name)

    def remove_file(self, name: str) -> None:
        """Remove a file, if it is there."""
        self._files.remove(f"{self.folder}/{name}")

    def is_gone(self, path: str) -> bool:
        """Whether a batch is staged no more."""
        try:
            return self._files.is_gone(path)
        except Exception:  # noqa: BLE001 - nobody knows; what made us ask is the error to tell
            return False

    def done(self, path: str) -> None:
        """Remove a batch that is applied, in the background and after those before it."""
        with self._lock:
            self._removals.append(self._remover.submit(self._remove, path))

    def applied(self, path: str) -> Batch | None:
        """An applied batch; None if it is not there, or cannot be read."""
        content = self._files.read(path)
        try:
            return None if content is None else read_staged(content)
        except DamagedFileError:
            return None

    def shorten(self, path: str, part: Batch) -> str:
        """Remember only a part of an applied batch. Returns its new path."""
        shorter = self.stage(part)
        self.done(path)
        return shorter

    def close(self) -> None:
        """Finish removing; may be called twice."""
        removals, self._removals = self._removals, []
        for removal in removals:
            removal.result()
        self._remover.shutdown()
        error, self._removal_error = self._removal_error, None
        if error is not None:
            logger.warning(
                "Applied batches could not be removed from %s (%s); the next run applies them "
                "again, to no effect, and removes them.",
                self.folder,
                classify(error).reason,
            )

    def note_keys(self, table: str, version: int, digest: str, keys: pa.Table) -> None:
        """Note keys that came with a version; the table's notes on earlier versions go."""
        for path in self._files.list(SEEN, f"{_visible(table)}-v"):
            if version_of(_name(path)) < version:
                self._remove(path)
        self._files.write(f"{_visible(table)}-v{version}-{digest}{SEEN}", write_rows(keys))

    def keys_of_version(self, table: str, version: int, keys: Sequence[str]) -> list[str]:
        """Keys that came with a version or a later one, as files to select from."""
        notes = []
        for path in self._files.list(SEEN, f"{_visible(table)}-v"):
            content = self._files.read(path) if version_of(_name(path)) >= version else None
            if content is not None and (note := read_rows(content)).column_names == list(keys):
                notes.append((path, note))
        if len(notes) > MOST_SEEN:
            # A reading of many batches has as many files; a statement must stay short.
            rows = pa.concat_tables([note for _, note in notes])
            last = max(version_of(_name(path)) for path, _ in notes)
            names = "\n".join(path for path, _ in notes)
            digest = hashlib.sha256(names.encode()).hexdigest()[:32]
            one = self._files.write(f"{_visible(table)}-v{last}-{digest}{SEEN}", write_rows(rows))
            for path, _ in notes:
                self._files.remove(path)
            notes = [(one, rows)]
        return [parquet_file(path) for path, _ in notes]

    def forget_keys(self, table: str) -> None:
        """Drop the notes on a table's versions."""
        for path in self._files.list(SEEN, f"{_visible(table)}-v"):
            self._remove(path)

    def note_state(self, table: str) -> None:
        """Note that a state covered rows appended to a table."""
        if table not in self._stateful:
            self._files.write(f"{table}{STATEFUL}", b"")
            self._stateful.add(table)

    def stateful(self, table: str) -> bool:
        """Whether a state ever covered rows appended to a table."""
        return table in self._stateful or bool(self._files.list(STATEFUL, f"{table}."))

    def defer_ledger(self, job_id: str, rows: pa.Table) -> bool:
        """Keep a run's rows of the ledger; with those of many runs in one file."""
        gathered: list[tuple[str, pa.Table]] = []
        if len(self._files.list(LEDGER)) >= MOST_DEFERRED:
            gathered = list(self.deferred_ledger())
        parts = [*(part for _, part in gathered), rows]
        # No dash: a staged batch is told by it.
        run = hashlib.sha256(job_id.encode()).hexdigest()[:32]
        content = write_rows(pa.concat_tables(parts, promote_options="default"))
        written = self._files.write(f"{run}{LEDGER}", content)
        for path, _ in gathered:
            if path != written:
                self._files.remove(path)
        return True

    def deferred_ledger(self) -> Iterator[tuple[str, pa.Table]]:
        """Rows that runs have deferred; a damaged file is left alone."""
        for path in self._files.list(LEDGER):
            content = self._files.read(path)
            if content is None:
                continue  # Another run has just written them.
            try:
                yield path, read_rows(content)
            except DamagedFileError as error:
                logger.warning(
                    "%s cannot be read (%s). Delete it: a run's figures are lost.", path, error
                )

    def _remove(self, path: str) -> None:
        if self._removal_error is not None:
            # An older batch that stays must not outlive a newer one: replayed alone, it would win.
            return
        try:
            self._files.remove(path)
            if self._applied.pop(path, None) is not None:
                self._files.remove(path.replace(STAGED, APPLIED))
        except Exception as error:  # noqa: BLE001 - told at the end; the tables are right
            self._removal_error = error


def _batch(content: bytes) -> Batch | DamagedFileError:
    try:
        return read_staged(content)
    except DamagedFileError as error:
        return error


def _visible(table: str) -> str:
    """A table's name as the beginning of a file's; statements do not see files of `_` or `.`."""
    return f"-{table}" if table.startswith(("_", ".")) else table


def _name(path: str) -> str:
    return path.rpartition("/")[2]
