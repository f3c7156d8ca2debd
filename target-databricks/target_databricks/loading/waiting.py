"""Batches that are staged and wait to be applied, several at once.

Their rows leave the memory for a file of the run's own, which is mapped: whoever needs them reads
them there. What must outlive the run is staged.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.loading.batch import Batch
from target_databricks.loading.quarantine import Passage
from target_databricks.loading.rows import key_column
from target_databricks.reading.unfit import Unfit
from target_databricks.schema.plan import AT

MOST_FILES = 50
"""Files that one statement reads at most, so that its text stays short."""


@dataclass(frozen=True)
class Staged:
    """A batch that is staged.

    Attributes:
        passage: The batch, and what of it is set aside already.
        path: Where it is staged; None if no row of it is to be applied.
        read: Records received for it.
        unfit: Records that came with it and could not become rows.
        error: Why its tables cannot even be looked at.
    """

    passage: Passage
    path: Any
    read: int
    unfit: Sequence[Unfit] = ()
    error: Exception | None = None

    @property
    def batch(self) -> Batch:
        """What is to be applied."""
        return self.passage.batch


class WaitingRoom:
    """Keeps rows out of memory until they are applied."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="target-databricks-")
        self._numbers = itertools.count()

    def keep(self, batch: Batch) -> Batch:
        """The batch, its rows mapped from a file that goes with them."""
        path = Path(self._folder.name) / f"rows-{next(self._numbers)}"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.rows.schema) as writer:
            writer.write_table(batch.rows)
        with pa.memory_map(str(path)) as file:
            rows = pa.ipc.open_file(file).read_all()
        # Where a mapped file cannot be removed, it goes at the end.
        with suppress(OSError):
            path.unlink()
        return replace(batch, rows=rows)

    def close(self) -> None:
        """Remove the files."""
        with suppress(OSError):
            self._folder.cleanup()


def together(staged: Sequence[Staged], *, append: bool) -> Iterator[list[Staged]]:
    """Batches of one stream in groups that one statement can apply, in their order.

    No key is in two files of a group: a later version of a row waits for the next statement. So a
    group is what one larger batch would have been. With `history` no instant of a key is.

    Args:
        staged: Batches with rows.
        append: Whether they are appended, so that keys do not matter.
    """
    group: list[Staged] = []
    for one in staged:
        if group and not _goes_with(one.batch, [other.batch for other in group], append=append):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _goes_with(batch: Batch, others: Sequence[Batch], *, append: bool) -> bool:
    first = others[0]
    if len(others) >= MOST_FILES or batch.plan != first.plan:
        return False
    if not batch.rows.schema.equals(first.rows.schema):
        return False
    if append:
        return True
    keys = [*batch.plan.keys, *([AT] if batch.plan.history else [])]
    before = pa.chunked_array(
        [chunk for other in others for chunk in _chunks(other.rows.select(keys), keys)]
    )
    mine = key_column(batch.rows.select(keys), keys)
    return not pc.any(pc.is_in(mine, value_set=before)).as_py()


def _chunks(rows: pa.Table, keys: Sequence[str]) -> list[pa.Array]:
    column = key_column(rows, keys)
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def as_one(group: Sequence[Staged]) -> Batch:
    """The batch that the batches of a group are together."""
    batches = [one.batch for one in group]
    if len(batches) == 1:
        return batches[0]
    return replace(
        batches[0],
        rows=pa.concat_tables([batch.rows for batch in batches]),
        read=sum(batch.read for batch in batches),
        through=batches[-1].through,
    )
