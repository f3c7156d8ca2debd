"""Leases: one run at a time loads the tables of one stream.

A batch with child tables is several statements, each a transaction of its own. If two runs loaded
one stream at once, the child rows of one could end up under the parents of the other. A lease on
the stream, taken for the length of a batch, keeps them apart. There is nothing to ask but the
staging volume, so a lease is a file:

| to | do |
|---|---|
| take it | create the file, which must not be there |
| keep it | write it anew every `RENEWAL` seconds |
| return it | delete it |
| take it from a run that died | see it unchanged for `EXPIRY` seconds, by the waiting run's clock |

Leases are never held two at a time, so that nobody can wait for each other.

Source: Databricks REST API, Files, Upload a file (`overwrite`).
"""

from __future__ import annotations

import io
import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from target_databricks.errors import BusyError, LoadError
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import classify

if TYPE_CHECKING:
    from databricks.sdk.mixins.files import FilesExt

logger = logging.getLogger("target-databricks")

RENEWAL, EXPIRY = 10.0, 30.0
"""Seconds."""
LONGEST_WAIT = 2.0
"""Seconds between two looks at a lease of somebody else; a batch seldom takes longer."""
SUFFIX = ".lease"


class Leases:
    """Leases in one folder of a volume.

    Args:
        files: Moves files.
        folder: Where they are.
        holder: Who takes them: the run.
        backoff: How long to wait for another run.
    """

    def __init__(self, files: FilesExt, folder: str, holder: str, backoff: Backoff) -> None:
        self._files = files
        self._folder = folder
        self._holder = holder
        self._backoff = backoff

    @contextmanager
    def lease(self, table: str, *, wait: bool = True) -> Iterator[None]:
        """Keep other runs from a stream's tables.

        Args:
            table: The stream's own table.
            wait: Whether to wait for another run that holds the lease, or died with it.

        Raises:
            BusyError: Another run held the lease all the time.
            LoadError: The volume cannot be written to.
        """
        from databricks.sdk.errors.base import DatabricksError

        path = f"{self._folder}/{table}{SUFFIX}"
        token = f"{self._holder} {uuid.uuid4()}"
        try:
            backoff = self._backoff if wait else replace(self._backoff, seconds=0.0)
            self._take(path, token, table, backoff)
        except DatabricksError as error:
            raise LoadError(
                f"A batch for {table} could not be uploaded to {self._folder}: "
                f"{classify(error).sentence} The tap sends its rows again in the next run."
            ) from error
        done = threading.Event()
        renewer = threading.Thread(
            target=self._renew, args=(path, token, done), name="lease", daemon=True
        )
        renewer.start()
        try:
            yield
        finally:
            done.set()
            renewer.join()
            # What stays here is taken for lost in half a minute.
            with suppress(OSError):
                self._files.delete(path)

    def _take(self, path: str, token: str, table: str, backoff: Backoff) -> None:
        previous, since = "", backoff.clock()
        for last in backoff.attempts(longest=LONGEST_WAIT):
            if self._create(path, token):
                return
            text, now = self._read(path), backoff.clock()
            if text != previous:
                if not (previous or last):
                    logger.info("%s is being loaded by run %s; waiting.", table, _holder(text))
                previous, since = text, now
            elif text and now - since >= EXPIRY:
                logger.info("Run %s died while it loaded %s.", _holder(text), table)
                self._write(path, token, overwrite=True)
                if self._read(path) == token:
                    return
            if last:
                raise BusyError(
                    f"Table {table} is still being loaded by run {_holder(text)} after "
                    f"{backoff.seconds:.0f} s. Run again when that run is done, or raise "
                    "'lock_timeout'. The batch was not loaded; the tap will send its rows again."
                )

    def _renew(self, path: str, token: str, done: threading.Event) -> None:
        renewal = 0
        while not done.wait(RENEWAL):
            renewal += 1
            # One that cannot be renewed may be lost; the next renewal tries again.
            with suppress(OSError):
                self._write(path, f"{token} {renewal}", overwrite=True)

    def _create(self, path: str, token: str) -> bool:
        from databricks.sdk.errors import ResourceConflict

        try:
            self._write(path, token, overwrite=False)
        except ResourceConflict:
            return False
        return True

    def _write(self, path: str, text: str, *, overwrite: bool) -> None:
        self._files.upload(path, io.BytesIO(text.encode()), overwrite=overwrite)

    def _read(self, path: str) -> str:
        from databricks.sdk.errors import NotFound

        try:
            contents = self._files.download(path).contents
        except NotFound:
            return ""
        if contents is None:
            return ""
        with contents:
            return contents.read().decode(errors="replace")


def _holder(text: str) -> str:
    return text.partition(" ")[0] or "unknown"
