"""The inbox's file: an SQLite database that its path still leads to whenever it is used.

A database that was deleted, renamed or replaced while it was open goes on taking writes, which are
gone with its last connection. So the files are compared with those that were opened, after each
transaction and before each query; whoever is refused opens the inbox anew.

Source: SQLite, How To Corrupt An SQLite Database File, 2.4 (unlinking or renaming a database file
while in use); its companions are `-wal` and `-shm`, beside the file that a link leads to.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_WAIT = 30.0
"""Seconds to wait for somebody else who writes."""

_COMPANIONS = ("", "-wal", "-shm")


class MovedError(sqlite3.OperationalError):
    """The database is not at its path any more, so what is written to it may be lost."""


class Database:
    """One connection; may be used from several threads."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open the database, and make it if it is not there.

        Args:
            path: Its file.
            schema: Statements that make what is not there yet.

        Raises:
            OSError: The file cannot be made.
            sqlite3.Error: The file is no database, or cannot be written.
        """
        self._path = path
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite gives its companion files the mode of the first. Only a new file is opened here:
        # closing one that is in use would drop the locks of this process's other connections.
        with suppress(FileExistsError):
            os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        before = self._identities()[:1]
        self._connection = sqlite3.connect(
            path, timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            # An event is answered when it is on the disk, not when it is on its way there.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._opened: tuple[Any, ...] | None = None
            with self.transaction() as connection:
                for statement in schema.split(";"):
                    connection.execute(statement)
            self._opened = before + self._identities()[1:]
            self._look()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection. Safe to call again."""
        with self._lock:
            self._connection.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query.

        Raises:
            MovedError: The database is not at its path any more.
            sqlite3.Error: It cannot be read.
        """
        with self._lock:
            self._look()
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone, and all that is done to it or none.

        Raises:
            MovedError: The database is not at its path any more, with what was done or without.
            sqlite3.Error: Nothing was done.
        """
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._look()

    def _look(self) -> None:
        """See that this is the database of its path still."""
        if self._opened is not None and self._identities() != self._opened:
            raise self._moved()

    def _identities(self) -> tuple[tuple[int, int] | None, ...]:
        """Device and number of each file, None for one that is not there."""
        # Through the links, as they are now.
        resolved = os.path.realpath(self._path)
        return tuple(_identity(Path(resolved + suffix)) for suffix in _COMPANIONS)

    def _moved(self) -> MovedError:
        return MovedError(
            f"{self._path} was deleted, renamed or replaced while it was in use: what was in it is "
            "where it was moved to"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
