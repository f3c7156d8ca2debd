"""Appending exactly once rows that nothing tells apart.

A row without a key cannot be looked up, so what was appended is remembered until the tap has no
reason to send it again: until a state that covers it went out. Rows that come again before that
are taken for what they are, and not appended twice. What is remembered counts only as far as the
table still has it: rows of a table that was emptied or dropped since are new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

import pyarrow as pa

from target_databricks.loading.batch import Batch
from target_databricks.schema.plan import JOB_ID, RECORD_HASH

FileT = TypeVar("FileT")
RowsOfRuns = Callable[[str, Collection[str]], Iterable[str]]
"""From a table and job ids to the hashes of the rows that the table has of those runs."""


class Staging(Protocol[FileT]):
    """Where a destination keeps its staged files; `FileT` is how it names one."""

    def applied(self) -> Iterable[tuple[FileT, Batch]]:
        """Applied batches that the tap may send again."""

    def done(self, path: FileT) -> None:
        """Forget a batch."""

    def note_state(self, table: str) -> None:
        """Note that a state covered rows appended to a table."""

    def stateful(self, table: str) -> bool:
        """Whether a state ever covered rows appended to a table."""


@dataclass
class _Stream(Generic[FileT]):
    """What is remembered of one stream.

    Attributes:
        table: Where it goes.
        hashes: How often each row was appended by earlier runs and not come again yet.
        jobs: Those runs.
        earlier: Files of those runs.
        applied: Files of this run, and the records received when they were applied.
    """

    table: str = ""
    hashes: Counter[str] = field(default_factory=Counter)
    jobs: set[str] = field(default_factory=set)
    earlier: list[FileT] = field(default_factory=list)
    applied: list[tuple[int, FileT]] = field(default_factory=list)


class Unconfirmed(Generic[FileT]):
    """Appended rows that no state covers yet.

    Args:
        spool: Where they are remembered across runs.
        rows_of_runs: Looks which of them a table has.
    """

    def __init__(self, spool: Staging[FileT], rows_of_runs: RowsOfRuns) -> None:
        self._spool = spool
        self._rows_of_runs = rows_of_runs
        self._streams: dict[str, _Stream[FileT]] = {}
        self._covered: set[str] | None = None

    def load(self) -> None:
        """Recall what earlier runs appended."""
        for path, batch in self._spool.applied():
            self.recall(batch, path)

    def recall(self, batch: Batch, path: FileT) -> None:
        """Expect the rows of an earlier run's batch to come again."""
        known = self._of(batch.plan.stream)
        known.table = batch.plan.table
        known.hashes.update(batch.rows.column(RECORD_HASH).to_pylist())
        known.jobs.update(batch.rows.column(JOB_ID).unique().to_pylist())
        known.earlier.append(path)

    def fresh(self, batch: Batch) -> Batch:
        """The batch less the rows that earlier runs appended."""
        known = self._of(batch.plan.stream)
        if not known.earlier:
            return batch
        if known.jobs:
            known.hashes &= Counter(self._rows_of_runs(known.table, known.jobs))
            known.jobs = set()
        new = []
        for digest in batch.rows.column(RECORD_HASH).to_pylist():
            new.append(known.hashes[digest] <= 0)
            if not new[-1]:
                known.hashes[digest] -= 1
        if not any(known.hashes.values()):
            # All of it came again: from here on a state covers those rows like this batch's own.
            known.applied += [(batch.through, path) for path in known.earlier]
            known.earlier = []
        return replace(batch, rows=batch.rows.filter(pa.array(new, pa.bool_())))

    def appended(self, batch: Batch, path: FileT) -> None:
        """Remember a batch of this run."""
        known = self._of(batch.plan.stream)
        known.table = batch.plan.table
        known.applied.append((batch.through, path))

    def confirm(self, covered: Mapping[str, int]) -> None:
        """Forget what the tap will not send again.

        Args:
            covered: Records received of each stream when the state came that went out now.
        """
        self._covered = (self._covered or set()) | set(covered)
        for stream, through in covered.items():
            known = self._of(stream)
            for entry in [e for e in known.applied if e[0] <= through]:
                self._spool.note_state(known.table)
                self._spool.done(entry[1])
                known.applied.remove(entry)

    def finish(self) -> None:
        """Forget what a run that ended well leaves behind.

        A stream whose last rows came after the last state keeps them in mind: its tap was cut
        short and sends them again. A tap that never had a state starts over on purpose.
        """
        for stream, known in self._streams.items():
            stateless = self._covered is None and not self._spool.stateful(known.table)
            if stateless or (stream in (self._covered or ()) and not known.applied):
                for path in [*known.earlier, *(path for _, path in known.applied)]:
                    self._spool.done(path)

    def _of(self, stream: str) -> _Stream[FileT]:
        return self._streams.setdefault(stream, _Stream())
