"""Appending exactly once rows that nothing tells apart.

A row without a key cannot be looked up, so what was appended is remembered until the tap has no
reason to send it again: until a state that covers it went out, row by row, for a state may come in
the middle of a batch. Rows that come again before that are taken for what they are, and not
appended twice; but a row of another version of the whole table is another row. What is remembered
counts only as far as the table still has it: rows of a table that was emptied or dropped since are
new.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic

import pyarrow as pa
import pyarrow.compute as pc

from target_databricks.errors import DamagedFileError
from target_databricks.loading.backend import FileT, Staging
from target_databricks.loading.batch import Batch
from target_databricks.schema.plan import JOB_ID, RECORD_HASH, TABLE_VERSION, StreamPlan

logger = logging.getLogger("target-databricks")

KEPT_DAYS = 30
"""How long appended rows that no state covers are told from equal ones, if their tap stays away."""

HashesOfRuns = Callable[[str, Collection[str]], Iterable[str]]
"""From a table and job ids to the hashes of the rows that the table has of those runs."""
Identity = tuple[str, int | None]
"""Hash and version of a row."""


def appends(plan: StreamPlan, load_method: str) -> bool:
    """Whether rows of a stream are appended instead of merged.

    Args:
        plan: The stream.
        load_method: The setting of that name.
    """
    return load_method == "append-only" or not plan.keys


@dataclass(frozen=True)
class _Applied(Generic[FileT]):
    """A file of rows that this run has appended, and the places of the first and the last."""

    first: int
    last: int
    path: FileT


@dataclass
class _Memory(Generic[FileT]):
    """What is remembered of one stream.

    Attributes:
        table: Where it goes.
        rows: How often each row was appended by earlier runs and not come again yet.
        repeats: Those that came again in this run and no state covers yet, and their places.
        repeated: All that came again in this run.
        jobs: Those runs.
        earlier: Files of those runs.
        applied: Files of this run.
    """

    table: str = ""
    rows: Counter[Identity] = field(default_factory=Counter)
    repeats: list[tuple[int, Identity]] = field(default_factory=list)
    repeated: set[Identity] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    earlier: list[FileT] = field(default_factory=list)
    applied: list[_Applied[FileT]] = field(default_factory=list)

    @property
    def files(self) -> list[FileT]:
        """All that is remembered."""
        return [*self.earlier, *(entry.path for entry in self.applied)]


class AppendMemory(Generic[FileT]):
    """Appended rows that no state covers yet.

    Args:
        staging: Where they are remembered across runs.
        hashes: Looks which of them a table has.
    """

    def __init__(self, staging: Staging[FileT], hashes: HashesOfRuns) -> None:
        self._staging = staging
        self._hashes = hashes
        self._streams: dict[str, _Memory[FileT]] = {}
        self._covered: set[str] | None = None
        self._lock = threading.Lock()
        """Rows are told apart where they are staged, and where another run's turn up meanwhile."""

    def load(self) -> list[tuple[FileT, DamagedFileError]]:
        """Recall what earlier runs appended. Returns the files that cannot be read, and why."""
        damaged = []
        for path, batch in self._staging.applied_batches():
            if isinstance(batch, DamagedFileError):
                damaged.append((path, batch))
            else:
                self.recall(batch, path)
        return damaged

    def recall(self, batch: Batch, path: FileT) -> None:
        """Expect the rows of an earlier run's batch to come again."""
        memory = self._of(batch.plan.stream)
        with self._lock:
            memory.table = batch.plan.table
            memory.rows.update(_identities(batch))
            memory.jobs.update(batch.rows.column(JOB_ID).unique().to_pylist())
            memory.earlier.append(path)

    def fresh(self, batch: Batch) -> Batch:
        """The batch less the rows that earlier runs appended."""
        memory = self._of(batch.plan.stream)
        if not memory.earlier:
            return batch
        with self._lock:
            return self._fresh(memory, batch)

    def _fresh(self, memory: _Memory[FileT], batch: Batch) -> Batch:
        if memory.jobs:
            there = Counter(self._hashes(memory.table, memory.jobs))
            memory.rows = Counter({row: min(n, there[row[0]]) for row, n in memory.rows.items()})
            memory.jobs = set()
        new = []
        for place, row in zip(batch.places.to_pylist(), _identities(batch), strict=True):
            new.append(memory.rows[row] <= 0)
            if not new[-1]:
                memory.rows[row] -= 1
                memory.repeated.add(row)
                memory.repeats.append((place, row))
        return replace(batch, rows=batch.rows.filter(pa.array(new, pa.bool_())))

    def forget(self, stream: str) -> None:
        """Forget all that is remembered of a stream, as its table is another one now."""
        memory = self._streams.pop(stream, None)
        if memory is not None:
            for path in memory.files:
                self._staging.done(path)

    def repeated(self, stream: str) -> frozenset[Identity]:
        """The rows that came again in this run and were not appended."""
        return frozenset(self._of(stream).repeated)

    def appended(self, batch: Batch, path: FileT) -> None:
        """Remember a batch of this run."""
        memory = self._of(batch.plan.stream)
        memory.table = batch.plan.table
        ends = pc.min_max(batch.places)
        first, last = (ends[end].as_py() or batch.through for end in ("min", "max"))
        memory.applied.append(_Applied(first, last, path))

    def confirm(self, covered: Mapping[str, int]) -> None:
        """Forget what the tap will not send again.

        Args:
            covered: Records received of each stream when the state came that went out now.
        """
        self._covered = (self._covered or set()) | set(covered)
        for stream, through in covered.items():
            memory = self._of(stream)
            self._confirm_repeats(memory, through)
            for entry in [e for e in memory.applied if e.first <= through]:
                self._staging.note_state(memory.table)
                memory.applied.remove(entry)
                rest = None if entry.last <= through else self._rest(entry.path, _later(through))
                if rest is None:
                    self._staging.done(entry.path)
                else:
                    memory.applied.append(_Applied(through + 1, entry.last, rest))

    def _confirm_repeats(self, memory: _Memory[FileT], through: int) -> None:
        """Forget the rows of earlier runs that came again by a place."""
        covered = Counter(row for place, row in memory.repeats if place <= through)
        if not covered:
            return
        self._staging.note_state(memory.table)
        memory.repeats = [repeat for repeat in memory.repeats if repeat[0] > through]
        left = []
        for path in memory.earlier:
            rest = self._rest(path, _others(covered)) if covered else path
            if rest is None:
                self._staging.done(path)
            else:
                left.append(rest)
        memory.earlier = left

    def _rest(self, path: FileT, others: Callable[[Batch], pa.Array]) -> FileT | None:
        """Remember only some rows of a file. Returns its new name, or None if there are none."""
        batch = self._staging.applied(path)
        if batch is None:
            return path
        mask = others(batch)
        if pc.all(mask).as_py():
            return path if batch.rows.num_rows else None
        if not pc.any(mask).as_py():
            return None
        return self._staging.shorten(path, batch.part(mask, self._staging.name(path)))

    def finish(self, held: Collection[str] = ()) -> None:
        """Forget what a run that ended well leaves behind.

        Args:
            held: Streams whose tap sends its rows again, because no state covers them.

        A stream whose last rows came after the last state keeps them in mind: its tap was cut short
        and sends them again. A tap that never had a state starts over on purpose, and one that has
        not come back for `KEPT_DAYS` is not waited for any more.
        """
        for stream, memory in self._streams.items():
            stateless = self._covered is None and not self._staging.stateful(memory.table)
            pending = memory.applied or memory.repeats
            complete = stream in (self._covered or ()) and not pending
            forgets = (stateless or complete) and (stream not in held or self._covered is None)
            for path in memory.files:
                if forgets or self._is_old(path, memory.table):
                    self._staging.done(path)
                else:
                    self._staging.note_applied(path)

    def _is_old(self, path: FileT, table: str) -> bool:
        since = self._staging.applied_at(path)
        if since is None or time.time() - since < KEPT_DAYS * 86_400:
            return False
        logger.info(
            "%s is removed: its rows are in the table %s, and no tap has sent them again, or a "
            "state that covers them, for %d days.",
            self._staging.title(path),
            table,
            KEPT_DAYS,
        )
        return True

    def _of(self, stream: str) -> _Memory[FileT]:
        return self._streams.setdefault(stream, _Memory())


def _identities(batch: Batch) -> list[Identity]:
    hashes = batch.rows.column(RECORD_HASH).to_pylist()
    if TABLE_VERSION not in batch.rows.column_names:
        return [(digest, None) for digest in hashes]
    return list(zip(hashes, batch.rows.column(TABLE_VERSION).to_pylist(), strict=True))


def _later(place: int) -> Callable[[Batch], pa.Array]:
    """Rows that came later than a place."""
    return lambda batch: pc.greater(batch.places, pa.scalar(place))


def _others(rows: Counter[Identity]) -> Callable[[Batch], pa.Array]:
    """All rows but some, each as often as it is counted; what a batch has of them is taken off."""

    def mask(batch: Batch) -> pa.Array:
        keep = []
        for row in _identities(batch):
            keep.append(row not in rows)
            if row in rows:
                rows[row] -= 1
                if not rows[row]:
                    del rows[row]
        return pa.array(keep, pa.bool_())

    return mask
