"""The seam between "a batch to load" and "how its rows get to the warehouse".

They travel as a file of a volume, or, where there is no volume, in the text of the statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from target_databricks.loading.appending import Staging as Remembering
from target_databricks.loading.batch import Batch
from target_databricks.warehouse.sql.dml import Staged


class Staging(Remembering[str], Protocol):
    """Staged batches of one schema; a batch is named by its path."""

    created: bool
    """Whether `open` made the place."""

    @property
    def place(self) -> str:
        """Where batches are staged, for messages."""

    def open(self) -> None:
        """Get ready.

        Raises:
            ConfigurationError: The place is missing or may not be used.
        """

    def held(self, table: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """Keep other runs from the tables of a stream for a while.

        Raises:
            BusyError: Another run has them, and went on having them or is not to be waited for.
        """

    def pieces(self, batch: Batch) -> Iterator[Batch]:
        """The batch, cut into as many as must be loaded one after the other."""

    def stage(self, batch: Batch) -> str:
        """Stage a batch. Returns its path."""

    def left(self, path: str) -> str:
        """What becomes of a batch that could not be loaded, in a sentence."""

    def read(self, path: str, batch: Batch) -> Staged:
        """A staged batch as statements read it."""

    def waiting(self) -> Sequence[str]:
        """Tables that batches are staged for, by this moment's look; the oldest batch's first."""

    def staged(self, table: str) -> Iterator[tuple[str, Batch]]:
        """What is staged for a table, oldest first; certain only while the table is `held`."""

    def gone(self, path: str) -> bool:
        """Whether a batch is staged no more: a run that has applied it has removed it."""

    def close(self) -> None:
        """Finish what goes on in the background."""

    def drop(self) -> None:
        """Remove the place, if `open` made it."""

    def see(self, table: str, version: int, digest: str, keys: pa.Table) -> None:
        """Note keys that came with a version; the table's notes on earlier versions go."""

    def seen(self, table: str, version: int, keys: Sequence[str]) -> list[str]:
        """Keys that came with a version or a later one, as SQL that can stand after FROM."""

    def forget_seen(self, table: str) -> None:
        """Drop the notes on a table's versions."""
