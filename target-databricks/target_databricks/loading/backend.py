"""The seam between the life of a batch (`load.py`) and the place where its rows go.

A backend knows one place: how to look at a table there, how to write to it, and, by its staging,
how to keep a batch from before it is written until after. It decides nothing about order, crashes
or other runs; whatever it does to a table may be asked for twice and must then do no harm.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pyarrow as pa

from target_databricks.errors import DamagedFileError
from target_databricks.loading.batch import Batch
from target_databricks.schema.plan import StreamPlan

if TYPE_CHECKING:
    from target_databricks.loading.history import Conversion

FileT = TypeVar("FileT")
"""How a place names a staged file."""


@dataclass(frozen=True)
class WriteResult:
    """What a batch did to the stream's own table, in rows.

    Attributes:
        inserted: Rows that were new.
        updated: Rows that had changed.
        unchanged: Rows that were as they are.
        outdated: Rows older than the table's.
        unwritten: Mask of the rows that were not written; None where nobody knows which.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    outdated: int = 0
    unwritten: pa.Array | None = None


class Blame(enum.Enum):
    """What is at fault when something could not be written, which decides what comes next."""

    PLACE = "nothing can be loaded now: the run ends"
    MOMENT = "the next run may do better: the stream waits for it"
    TABLE = "the table takes no row as it is: the stream waits for somebody"
    ROWS = "some rows cannot go in: they are set aside"


@dataclass(frozen=True)
class Failure:
    """Why something could not be written.

    Attributes:
        reason: What was wrong, in a line.
        sentence: Reason and advice, with a full stop.
        blame: What is at fault.
        stale: Whether a table is not what it was at the last look.
    """

    reason: str
    sentence: str
    blame: Blame = Blame.ROWS
    stale: bool = False


@dataclass(frozen=True)
class Retirement:
    """Which rows of a stream are gone, once all that it has was received.

    What the run wrote is not, nor what is of the version or a later one, nor what came again and
    was found as it is.

    Attributes:
        version: The version that is now the whole truth.
        job_id: The run.
        started_at: When it began, in milliseconds since 1970: a job id may be used again.
        appended: Whether the stream's rows are appended, so that no key tells them apart.
        repeats: Of appended rows, those that an earlier run had appended already: hash and version,
            for a row that came with one version is not the same one with another or none.
    """

    version: int
    job_id: str
    started_at: int
    appended: bool = False
    repeats: frozenset[tuple[str, int | None]] = frozenset()


class Staging(ABC, Generic[FileT]):
    """Where batches are kept from before they are applied until they need not be any more.

    What is not abstract is right for a place that one run has to itself and that keeps nothing.

    Attributes:
        keeps: Whether what is staged outlives the run.
    """

    keeps = True

    def lease(self, table: str, *, wait: bool = True) -> AbstractContextManager[None]:  # noqa: ARG002
        """Keep other runs from the tables of a stream for a while.

        Raises:
            BusyError: Another run has them, and went on having them or is not to be waited for.
        """
        return nullcontext()

    def pieces(self, batch: Batch) -> Iterable[Batch]:
        """The batch, cut into as many as must be applied one after the other; one at least."""
        return (batch,)

    @abstractmethod
    def stage(self, batch: Batch) -> FileT:
        """Keep a batch durably."""

    def staged_tables(self) -> Sequence[str]:
        """Tables that batches are staged for, by this moment's look; the oldest batch's first."""
        return ()

    def staged_batches(self, table: str) -> Iterator[tuple[FileT, Batch | DamagedFileError]]:  # noqa: ARG002
        """What is staged for a table, oldest first; certain only under the table's lease.

        What this run has staged itself, or has been given before, is not among it where batches
        wait.
        Instead of a batch that cannot be read comes what is wrong with its file.
        """
        return iter(())

    def others_staged(self, table: str) -> bool:  # noqa: ARG002
        """Whether other runs have staged batches for a table that this one has not looked at."""
        return False

    def is_gone(self, path: FileT) -> bool:  # noqa: ARG002
        """Whether a batch is staged no more: another run has applied it."""
        return False

    def title(self, path: FileT) -> str:
        """What a staged file is called in the log."""
        return str(path)

    def name(self, path: FileT) -> str:
        """A staged file's bare name."""
        return PurePath(str(path)).name

    def prefix(self, table: str) -> str:
        """How the names of a table's files begin."""
        return table

    def retention(self, path: FileT) -> str:
        """What becomes of a batch that could not be applied, in a sentence."""
        return f"It stays staged as {path}; the next run applies it first."

    # Files by their names, for what is set aside; a place that keeps nothing has none

    def files(self, suffix: str) -> Sequence[str]:  # noqa: ARG002
        """Names of the files that end in something, oldest first."""
        return ()

    def read_file(self, name: str) -> bytes | None:  # noqa: ARG002
        """What is in a file; None if there is none."""
        return None

    def write_file(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""

    def move_file(self, name: str, to: str) -> None:
        """Give a file another name, if it is there."""

    def remove_file(self, name: str) -> None:
        """Remove a file, if it is there."""

    # Batches

    def done(self, path: FileT) -> None:
        """Forget a batch that is applied, and may be sent again without harm."""

    def keep(self, path: FileT) -> FileT:
        """Remember a batch that is applied and must not be applied again. Returns its new name."""
        return path

    def applied_batches(self) -> Iterable[tuple[FileT, Batch | DamagedFileError]]:
        """Applied batches that the tap may send again; instead of one, why it cannot be read."""
        return ()

    def note_applied(self, path: FileT) -> None:
        """Note, at the end of a run, that a batch which is kept needs to be applied no more."""

    def applied_at(self, path: FileT) -> float | None:  # noqa: ARG002
        """When an earlier run kept a batch that is applied, in seconds since 1970."""
        return None

    def applied(self, path: FileT) -> Batch | None:  # noqa: ARG002
        """An applied batch; None if it is not there, or cannot be read."""
        return None

    def shorten(self, path: FileT, part: Batch) -> FileT:  # noqa: ARG002
        """Remember only a part of an applied batch. Returns its new name."""
        return path

    @abstractmethod
    def note_state(self, table: str) -> None:
        """Note that a state covered rows appended to a table."""

    @abstractmethod
    def stateful(self, table: str) -> bool:
        """Whether a state ever covered rows appended to a table."""

    @abstractmethod
    def note_keys(self, table: str, version: int, digest: str, keys: pa.Table) -> None:
        """Note keys that came with a version; the table's notes on earlier versions go."""

    @abstractmethod
    def forget_keys(self, table: str) -> None:
        """Drop the notes on a table's versions."""


class Backend(Protocol):
    """A place for tables.

    Writing to the tables of one stream happens in one thread at a time, and in up to `parallelism`
    threads for several streams.

    Attributes:
        schema: Name of the schema, for the log.
        parallelism: How many streams can be loaded at once, from 1.
        attempts: How often parts of a batch are tried at most, to find the rows at fault.
        merge_every: Seconds that staged batches wait for others at most, so that they are applied
            together; 0 where that is of no use.
        staging: Where its batches are kept.
    """

    schema: str
    parallelism: int
    attempts: int
    merge_every: float

    @property
    def staging(self) -> Staging[Any]:
        """Where batches are kept."""

    # Life cycle

    def open(self) -> None:
        """Reach the place, and keep others out if two at once would do harm.

        Raises:
            ConfigurationError: The place cannot be reached as configured.
            BusyError: Another run has it.
        """

    def hurry(self) -> None:
        """The run has failed: what is still to be noted must not take long, or be left out."""

    def finish(self, plans: Collection[StreamPlan], merged: Iterable[StreamPlan]) -> None:
        """Tidy up at the end of a run that went well.

        Args:
            plans: What was planned in this run.
            merged: What rows were merged of.
        """

    def release(self) -> None:
        """Let go of the place, after `open` and whatever came then."""

    # Tables

    def location(self, table: str) -> str:
        """A table's full name, for messages."""

    def columns(self, table: str) -> pa.Schema | None:
        """The columns of a table, or None if there is none."""

    def forget(self, table: str) -> None:
        """Look at a table again the next time."""

    def shaped(self, plan: StreamPlan) -> StreamPlan:
        """The plan with columns of the types that this place is set to have."""

    def widen(self, table: str, types: Mapping[str, pa.DataType]) -> bool:
        """Change column types. Returns whether the table allowed it."""

    def properties(self, table: str) -> Mapping[str, str]:
        """The properties of a table; none if there is no table."""

    def set_properties(self, plan: StreamPlan, properties: Mapping[str, str]) -> None:
        """Set properties of the stream's own table."""

    def version(self, table: str) -> int | None:
        """The version of a stream's own table that was activated last, or None."""

    def set_version(self, plan: StreamPlan, version: int) -> None:
        """Note that a version is the whole truth of the stream's own table."""

    def hashes(self, table: str, jobs: Collection[str]) -> Iterable[str]:
        """Hashes of the rows that a table has of some runs."""

    # Writing

    def expect(self, plan: StreamPlan) -> None:
        """Take note of a stream that will be loaded, once its plan fits its tables."""

    def is_ready(self, plan: StreamPlan) -> bool:
        """Whether the tables of a stream have all that `prepare` would give them, at a glance."""

    def prepare(self, plan: StreamPlan) -> None:
        """Make the tables of a stream, or add the columns that they lack."""

    def marks(self, batch: Batch) -> Mapping[str, int]:
        """What tells of a batch to append, by table, whether its rows are in; staged with it."""

    def merge(self, batch: Batch, paths: Sequence[Any], *, replayed: bool) -> WriteResult:
        """Merge a staged batch: child rows first, then their parents, whose hash is the mark.

        Where the parents are refused, the child rows are taken back.

        Args:
            batch: The batch; of several that were staged one by one, all their rows, no two of
                which have the same key, or with `history` the same instant of it.
            paths: Where it is staged: one file, unless the place has batches wait.
            replayed: Whether it may have been merged in part, or newer rows may be in already.
        """

    def append(self, batch: Batch, paths: Sequence[Any], *, replayed: bool) -> WriteResult:
        """Append a staged batch, unless it is in the tables already; arguments as in `merge`."""

    def overwrite(self, plan: StreamPlan, gathered: StreamPlan) -> None:
        """Put rows in the place of all that a stream's tables have, in one commit each.

        Args:
            plan: The stream, whose tables are there.
            gathered: The same with the tables that have its new rows, or are not there for want of
                any; they are dropped afterwards.
        """

    def drop(self, table: str) -> None:
        """Drop a table that may not be there."""

    def retire(self, plan: StreamPlan, retirement: Retirement) -> int:
        """Mark or delete what is gone; to delete takes what was marked before along.

        Child rows follow the marks of their parents, so that a crash in between is made good by
        the next retirement.

        Returns:
            How many rows there were, in the stream's own table.
        """

    def purge(self, plan: StreamPlan) -> None:
        """Delete the rows that are marked, and their child rows, if deletions shall be for good."""

    def convert(self, conversion: Conversion) -> None:
        """Make what a table has the first versions of its rows, child tables first."""

    def write_ledger(self, rows: pa.Table) -> None:
        """Append rows to the ledger, and those that were deferred."""

    def defer_ledger(self, rows: pa.Table) -> None:
        """Append rows of a run that changed nothing to the ledger: now, or with the next rows."""

    def failure(self, error: BaseException) -> Failure:
        """Understand an error of writing.

        Raises:
            ConfigurationError: A setting is at fault, whatever was written when that showed.
        """

    def required(self, table: str, failure: Failure) -> Collection[str]:
        """Columns of a table that are NOT NULL, and that a failure may be about."""
