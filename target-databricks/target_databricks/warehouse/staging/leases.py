"""Leases: one run at a time loads the tables of one stream.

A batch with child tables is several statements, each a transaction of its own. If two runs loaded
one stream at once, the child rows of one could end up under the parents of the other. A lease on
the stream, taken for the length of a batch, keeps them apart. There is nothing to ask but the
staging volume, so a lease is a file:

| to | do |
|---|---|
| take it | create the file, which must not be there, and read it again |
| keep it | write it anew every `RENEWAL` seconds, for as long as it is ours |
| return it | delete it, if it is ours |
| take it from a run that died here | see that its process is gone (`holder.py`) |
| take it from one that died elsewhere | see it unchanged for `EXPIRY` seconds, by our clock |

A call to the volume may be tried for a minute (`client/access.py`), and no lease is lost for it.
Should two runs ever have one lease, no row is lost or doubled for it: what the one replays of the
other is behind a fence (`warehouse/fence.py`).

Leases are never held two at a time, so that nobody can wait for each other.

Source: Databricks REST API, Files, Upload a file (`overwrite`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from target_databricks.errors import BusyError, LoadError
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.staging.files import VolumeFiles
from target_databricks.warehouse.staging.holder import Holder

logger = logging.getLogger("target-databricks")

RENEWAL, EXPIRY = 10.0, 120.0
"""Seconds."""
SETTLING = 1.0
"""Seconds between taking a lease from a run that died and looking whether another run did too."""
LONGEST_WAIT = 2.0
"""Seconds between two looks at a lease of somebody else; a batch seldom takes longer."""
SUFFIX = ".lease"


class Leases:
    """Leases in one folder of a volume.

    Args:
        files: Where they are.
        holder: Who takes them: the run.
        backoff: How long to wait for another run.
    """

    def __init__(self, files: VolumeFiles, holder: str, backoff: Backoff) -> None:
        self._files = files
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
        path, ours = f"{self._files.folder}/{table}{SUFFIX}", Holder.of_this_process(self._holder)
        try:
            backoff = self._backoff if wait else replace(self._backoff, seconds=0.0)
            self._take(path, ours, table, backoff)
        except BusyError:
            raise
        except Exception as error:
            raise LoadError(
                f"A batch for {table} could not be uploaded to {self._files.folder}: "
                f"{classify(error).sentence} The tap sends its rows again in the next run."
            ) from error
        done = threading.Event()
        renewer = threading.Thread(
            target=self._renew, args=(path, ours, table, done), name="lease", daemon=True
        )
        renewer.start()
        try:
            yield
        finally:
            done.set()
            renewer.join()
            # What stays here is found to be of a run that has ended.
            with suppress(Exception):
                if self._is_held(path, ours):
                    self._files.remove(path)

    def _take(self, path: str, ours: Holder, table: str, backoff: Backoff) -> None:
        previous, since = "", backoff.clock()
        for last in backoff.attempts(longest=LONGEST_WAIT):
            if self._create(path, ours):
                return
            text, now = self._read(path), backoff.clock()
            holder = Holder.read(text)
            ended = bool(text) and holder.has_ended()
            if text != previous:
                if Holder.read(previous).token != holder.token and not (last or ended):
                    logger.info("%s is being loaded by %s; waiting.", table, holder)
                previous, since = text, now
            if text and (ended or now - since >= EXPIRY):
                why = "has ended" if ended else f"has not renewed it for {EXPIRY:.0f} s"
                logger.info("The lease on %s is taken from %s, which %s.", table, holder, why)
                self._write(path, ours.text())
                backoff.sleep(SETTLING)
                if self._is_held(path, ours):
                    return
            if last:
                raise BusyError(
                    f"Table {table} is still being loaded by {holder} after "
                    f"{backoff.seconds:.0f} s. Run again when that run is done, or raise "
                    "'lock_timeout'. The batch was not loaded; the tap will send its rows again."
                )

    def _renew(self, path: str, ours: Holder, table: str, done: threading.Event) -> None:
        renewal = 0
        while not done.wait(RENEWAL):
            renewal += 1
            # One that cannot be renewed may be lost; the next renewal tries again.
            with suppress(Exception):
                text = self._read(path)
                if text and Holder.read(text).token != ours.token:
                    logger.warning(
                        "The lease on %s was taken by %s, which held this run for dead.",
                        table,
                        Holder.read(text),
                    )
                    return
                self._write(path, ours.text(renewal))

    def _is_held(self, path: str, ours: Holder) -> bool:
        return Holder.read(self._read(path)).token == ours.token

    def _create(self, path: str, ours: Holder) -> bool:
        # The file may be ours though it is said to be there, if an answer was lost; and another's
        # though we have just made it.
        self._files.create(path, ours.text().encode())
        return self._is_held(path, ours)

    def _write(self, path: str, text: str) -> None:
        self._files.overwrite(path, text.encode())

    def _read(self, path: str) -> str:
        return (self._files.read(path) or b"").decode(errors="replace")
