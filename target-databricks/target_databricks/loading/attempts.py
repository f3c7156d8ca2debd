"""Getting a staged batch into its tables, whole or not at all, and noting what that did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Protocol

from target_databricks.errors import LoadError
from target_databricks.loading.appending import AppendMemory
from target_databricks.loading.backend import Backend, Blame, Failure, WriteResult
from target_databricks.loading.batch import Batch, LoadResult
from target_databricks.loading.filling import Filling
from target_databricks.loading.fitting import Fitting, failure_of_table
from target_databricks.loading.ledger import Ledger
from target_databricks.loading.overwriting import is_aside, own_name
from target_databricks.loading.quarantine import Quarantine
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.plan import StreamPlan


class NoteUnwritten(Protocol):
    """Takes each merged batch of which not every row was written."""

    def __call__(self, batch: Batch, written: WriteResult, *, replayed: bool) -> None:
        """See `Activation.note_unwritten`."""


class RefusedError(LoadError):
    """A batch, or part of one, that its tables did not take.

    Attributes:
        failure: Why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


class Attempts:
    """Attempts of one run to get staged batches into their tables.

    Args:
        backend: The place.
        memory: What was appended and no state covers yet.
        ledger: Where it is noted.
        fitting: Brings plans and tables together.
        filling: What was added to tables that had rows.
        quarantine: What is set aside.
        appends: Whether rows of a stream are appended instead of merged.
        note_unwritten: What is done with batches of which not every row was written.
    """

    def __init__(
        self,
        backend: Backend,
        memory: AppendMemory[Any],
        ledger: Ledger,
        fitting: Fitting,
        filling: Filling,
        quarantine: Quarantine,
        *,
        appends: Callable[[StreamPlan], bool],
        note_unwritten: NoteUnwritten,
    ) -> None:
        self._backend = backend
        self._staging = backend.staging
        self._memory = memory
        self._ledger = ledger
        self._fitting = fitting
        self._filling = filling
        self._quarantine = quarantine
        self._appends = appends
        self._note_unwritten = note_unwritten

    def base(self, batch: Batch, paths: Sequence[Any] = ()) -> LoadResult:
        """What a load of a batch did before it did anything."""
        started = _now()
        return LoadResult(
            stream=batch.plan.stream,
            table=own_name(batch.plan.table),
            file=", ".join(PurePath(path).name for path in paths),
            read=batch.read,
            started_at=started,
            finished_at=started,
            rescued=batch.rescued,
        )

    def sentence(self, plan: StreamPlan, failure: Failure, path: Any) -> str:
        """What to tell of a batch that was refused."""
        return (
            f"Batch of stream '{plan.stream}' could not be written to "
            f"{self._backend.location(plan.table)}: {failure.sentence} "
            f"{self._staging.retention(path)}"
        )

    def load(self, batch: Batch, paths: Sequence[Any], *, replayed: bool = False) -> LoadResult:
        """Get a staged batch into its tables and note what that did.

        Args:
            batch: The batch.
            paths: Where it is staged, in as many files.
            replayed: Whether an earlier run staged it.

        Raises:
            RefusedError: Its tables did not take it.
            LoadError: Nothing can be loaded now.
        """
        plan = batch.plan
        base = self.base(batch, paths)
        # What an earlier run staged may be for another `load_method`.
        if replayed and (why := self._fitting.refusal(plan)) is not None:
            raise RefusedError(Failure(why, why, Blame.TABLE))
        try:
            if replayed or plan.stream in self._fitting.failed:
                batch = replace(batch, plan=self._fitting.plan(plan))
            if (appended := self._appends(plan)) or not is_aside(plan.table):
                self._filling.note(batch.plan, appended=appended or plan.history)
            written = self._write_through(batch, paths, replayed=replayed)
        except Exception as error:
            failure = failure_of_table(self._backend, plan, error)
            gone = len(paths) > 1 and any(map(self._staging.is_gone, paths))
            if failure.blame is not Blame.PLACE or gone:
                raise RefusedError(
                    replace(failure, blame=Blame.ROWS) if gone else failure
                ) from error
            message = f"{type(error).__name__}: {failure.reason}"
            self._ledger.add(replace(base, finished_at=_now(), error=message))
            raise LoadError(self.sentence(plan, failure, paths[0])) from error
        # With history an older version is wanted although a newer one is there.
        if not (self._appends(plan) or plan.history):
            self._quarantine.note_applied(batch)
        result = replace(
            base,
            finished_at=_now(),
            inserted=written.inserted,
            updated=written.updated,
            unchanged=written.unchanged,
            outdated=written.outdated,
        )
        self._ledger.add(result)
        return result

    def _write_through(self, batch: Batch, paths: Sequence[Any], *, replayed: bool) -> WriteResult:
        """Get a staged batch into its tables, also where somebody came in between."""
        try:
            return self._write(batch, paths, replayed=replayed)
        except Exception as error:
            # Of several files each is looked at by itself, when they are applied one by one.
            if len(paths) == 1 and self._staging.is_gone(paths[0]):
                if replayed:
                    return WriteResult(unchanged=batch.read)
                # A run that took our lease for lost has applied it. Staged again, the batch finds
                # that out by itself, and were the file lost otherwise, no row would be.
                staged = [self._staging.stage(batch)]
                return self._write(batch, staged, replayed=False, late=True)
            if not self._backend.failure(error).stale:
                raise
            for name in tables_of(batch.plan):
                self._backend.forget(name)
            return self._write(batch, paths, replayed=replayed)

    def _write(
        self, batch: Batch, paths: Sequence[Any], *, replayed: bool, late: bool = False
    ) -> WriteResult:
        """Get a staged batch into its tables; its file is kept for as long as it may be needed.

        Args:
            batch: The batch.
            paths: Where it is staged.
            replayed: Whether an earlier run staged it.
            late: Whether newer rows of another run may be in already, as with a replayed one.
        """
        if not self._appends(batch.plan):
            written = self._backend.merge(batch, paths, replayed=replayed or late)
            if batch.deletions and not batch.plan.history:
                self._backend.purge(batch.plan)
            if written.inserted or written.updated:
                self._filling.note_sources(batch.plan)
            if batch.plan.history:  # Also what was written may be of the past.
                self._note_unwritten(batch, WriteResult(), replayed=replayed)
            elif (written.unchanged or written.outdated) and not is_aside(batch.plan.table):
                self._note_unwritten(batch, written, replayed=replayed)
            for path in paths:
                self._staging.done(path)
            return written
        written = self._backend.append(batch, paths, replayed=replayed)
        self._filling.note_sources(batch.plan)
        for path in paths:
            if is_aside(batch.plan.table):
                self._staging.done(path)
            else:
                remember = self._memory.recall if replayed else self._memory.appended
                remember(batch, self._staging.keep(path))
        return written


def _now() -> datetime:
    return datetime.now(UTC)
