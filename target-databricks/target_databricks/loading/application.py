"""Getting a staged batch into its tables, all but the rows that they refuse.

A batch is tried whole. Where its tables refuse it, it is halved until the rows at fault are alone
(`isolation.py`); the others go in, and these are set aside (`quarantine.py`). An attempt that fails
leaves nothing in any table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from target_databricks.errors import BusyError, DamagedFileError, LoadError
from target_databricks.loading.appending import AppendMemory, appends
from target_databricks.loading.attempts import Attempts, NoteUnwritten, RefusedError
from target_databricks.loading.backend import Backend, Blame, Failure
from target_databricks.loading.batch import Batch, LoadResult, combined
from target_databricks.loading.filling import Filling
from target_databricks.loading.fitting import Fitting
from target_databricks.loading.history import as_loaded
from target_databricks.loading.isolation import isolate
from target_databricks.loading.ledger import Ledger
from target_databricks.loading.overwriting import is_aside
from target_databricks.loading.quarantine import Quarantine
from target_databricks.loading.refusals import Refusals
from target_databricks.loading.waiting import Staged, as_one
from target_databricks.reading.unfit import Unfit
from target_databricks.schema.plan import JOB_ID, StreamPlan


class Application:
    """How the batches of one run get into their tables.

    Args:
        backend: The place.
        memory: What was appended and no state covers yet.
        ledger: Where it is noted.
        load_method: The setting of that name.
        job_id: The run.
        note_unwritten: What is done with these.

    Attributes:
        filling: What was added to tables that had rows.
        fitting: Brings plans and tables together.
        quarantine: What is set aside.
        refusals: What of it is this run's, and the streams that it holds up.
    """

    def __init__(
        self,
        backend: Backend,
        memory: AppendMemory[Any],
        ledger: Ledger,
        *,
        load_method: str,
        job_id: str,
        note_unwritten: NoteUnwritten,
    ) -> None:
        self._backend = backend
        self._staging = backend.staging
        self._memory = memory
        self._ledger = ledger
        self._load_method = load_method
        self._job_id = job_id
        self._parts = 0
        self.filling = Filling(backend)
        self.fitting = Fitting(backend, self.filling)
        self.quarantine = Quarantine(backend.staging)
        self._attempts = Attempts(
            backend,
            memory,
            ledger,
            self.fitting,
            self.filling,
            self.quarantine,
            appends=self.appends,
            note_unwritten=note_unwritten,
        )
        self.base = self._attempts.base
        self.refusals = Refusals(self.quarantine)

    def appends(self, plan: StreamPlan) -> bool:
        """Whether rows of a stream are appended instead of merged."""
        return appends(plan, self._load_method)

    @contextmanager
    def guard(self, plan: StreamPlan) -> Iterator[None]:
        """Let what goes wrong with a stream's tables stop that stream only.

        Raises:
            LoadError: Nothing can be loaded now.
        """
        try:
            yield
        except (LoadError, BusyError):
            raise
        except Exception as error:
            failure = self._backend.failure(error)
            sentence = f"{self._backend.location(plan.table)}: {failure.sentence}"
            if failure.blame is Blame.PLACE:
                raise LoadError(f"Nothing can be loaded into {sentence}") from error
            self.refusals.stop(plan.stream, sentence)

    def again(self, batch: Batch, path: Any, tries: int) -> LoadResult:
        """Try rows again that failed in an earlier run, and so are certainly not in."""
        if self.appends(batch.plan):
            # They are this run's from here on: how many an earlier one has appended tells nothing.
            self._staging.done(path)
            rows = batch.rows.set_column(
                batch.rows.column_names.index(JOB_ID),
                JOB_ID,
                pa.repeat(pa.scalar(self._job_id), batch.rows.num_rows),
            )
            self.quarantine.forget(self._staging.name(path))
            batch = self._part(replace(batch, rows=rows), rows)
            path = self._staging.stage(batch)
        return self.apply(batch, path, replayed=True, tries=tries)

    def apply(
        self, batch: Batch, path: Any, *, replayed: bool = False, tries: int = 0
    ) -> LoadResult:
        """Get a staged batch into its tables, all but the rows that they refuse.

        Args:
            batch: The batch.
            path: Where it is staged.
            replayed: Whether an earlier run staged it.
            tries: Runs in which it was refused before.
        """
        if replayed:
            batch, path = self._as_loaded(batch, path)
        try:
            result = self._attempts.load(batch, [path], replayed=replayed)
        except RefusedError as error:
            return self._set_aside(batch, path, error.failure, replayed=replayed, tries=tries)
        self.quarantine.forget(self._staging.name(path))
        self.refusals.note_attempts(batch.plan.stream, 1, success=True)
        return result

    def _as_loaded(self, batch: Batch, path: Any) -> tuple[Batch, Any]:
        """A batch that an earlier run staged, as it is loaded with the `load_method` of today."""
        if is_aside(batch.plan.table):
            return batch, path
        with suppress(Exception):  # What is wrong with its table is said when it is loaded.
            history = self.fitting.history(batch.plan, self._load_method)
            today = as_loaded(batch, history=history, appended=self.appends(batch.plan))
            if today is not batch:
                place = self._staging.stage(today)
                if place != path:
                    self._staging.done(path)
                    self.quarantine.forget(self._staging.name(path))
                return today, place
        return batch, path

    def apply_together(self, group: Sequence[Staged]) -> list[LoadResult]:
        """Get staged batches of one stream into their tables, by one statement a table if possible.

        Where their tables refuse them together, they are applied one after the other, and only a
        batch that is refused by itself is halved.
        """
        if len(group) == 1:
            return [self.apply(group[0].batch, group[0].path)]
        whole, paths = as_one(group), [one.path for one in group]
        try:
            result = self._attempts.load(whole, paths)
        except RefusedError as error:
            if error.failure.blame is Blame.MOMENT:
                return [self._stop(whole, paths, error.failure)]
            return self._one_by_one(group)
        for path in paths:
            self.quarantine.forget(self._staging.name(path))
        self.refusals.note_attempts(whole.plan.stream, 1, success=True)
        return [result]

    def _one_by_one(self, group: Sequence[Staged]) -> list[LoadResult]:
        results: list[LoadResult] = []
        for one in group:
            batch, path = one.batch, one.path
            if results and batch.plan.stream in self.refusals.failed:
                break  # The rest stays staged: what is older comes first, or not at all.
            if results and self.appends(batch.plan):
                # Fewer rows than it was staged to come after may be in now.
                batch = replace(batch, marks=self._backend.marks(batch))
                path = self._staging.stage(batch)
            results.append(self.apply(batch, path))
        return results

    def reject(self, batch: Batch, error: Exception) -> LoadResult:
        """Set a batch aside whose tables cannot even be looked at.

        Raises:
            LoadError: Nothing can be loaded now.
        """
        failure = self._backend.failure(error)
        path = self._staging.stage(batch)
        if failure.blame is Blame.PLACE:
            raise LoadError(self._attempts.sentence(batch.plan, failure, path)) from error
        if failure.blame is Blame.ROWS:
            failure = replace(failure, blame=Blame.TABLE)
        return self._set_aside(batch, path, failure, replayed=False, tries=0)

    def _stop(self, batch: Batch, paths: Sequence[Any], failure: Failure) -> LoadResult:
        """Load nothing more of a stream in this run, for a reason that lies with the moment."""
        plan = batch.plan
        self.refusals.stop(plan.stream, self._attempts.sentence(plan, failure, paths[0]))
        result = replace(self.base(batch, paths), error=failure.reason)
        self._ledger.add(result)
        return result

    def _set_aside(
        self, batch: Batch, path: Any, failure: Failure, *, replayed: bool, tries: int
    ) -> LoadResult:
        """Apply what can be applied of a batch that was refused, and set the rest aside."""
        plan, results, attempts = batch.plan, [self.base(batch, [path])], 1
        if failure.blame is Blame.MOMENT:
            return self._stop(batch, [path], failure)

        def attempt(rows: pa.Table) -> Failure | None:
            part = self._part(batch, rows)
            place = self._staging.stage(part)
            try:
                results.append(self._attempts.load(part, [place], replayed=replayed))
            except RefusedError as error:
                self._staging.done(place)
                return error.failure
            return None

        bad = batch
        if failure.blame is Blame.ROWS and batch.rows.num_rows > 1:
            if self.appends(plan):
                # A run that dies in the middle of this must find no row twice; what it does not
                # find, the tap sends again.
                self._staging.done(path)
            found = isolate(batch.rows, failure, attempt, most=self._backend.attempts)
            failure, attempts = found.failure, attempts + found.attempts
            if self.appends(plan) or found.bad.num_rows < batch.rows.num_rows:
                bad = self._part(batch, found.bad)
        sentence = f"{self._backend.location(plan.table)}: {failure.sentence}"
        hopeless = self.refusals.note_attempts(plan.stream, attempts, success=len(results) > 1)
        if failure.blame is not Blame.ROWS or hopeless:
            self.refusals.stop(plan.stream, sentence)
        self._keep_aside(batch, path, bad, failure, tries)
        error = failure.reason
        refused = replace(self.base(bad, [path]), read=0, set_aside=bad.rows.num_rows, error=error)
        self._ledger.add(refused)
        results = [replace(r, read=0, rescued=0) for r in results[1:]]
        return combined([replace(self.base(batch, [path]), error=error), *results, refused])

    def _keep_aside(
        self, batch: Batch, path: Any, bad: Batch, failure: Failure, tries: int
    ) -> None:
        """Keep rows that were refused, unless it is enough that others are of the same table."""
        stream, table = batch.plan.stream, batch.plan.table
        whole = failure.blame is Blame.TABLE
        others = [e for e in self.quarantine.of([table]) if e.whole]
        name = self._staging.name(path)
        if whole and not tries and others:
            # The table takes nothing: more of the same need not be kept, the tap sends it again.
            self._staging.done(path)
            self.refusals.add(stream, *others)
            return
        place = path
        if bad is not batch:
            place = self._staging.stage(bad)
        entry = self.quarantine.fail(bad, failure.sentence, tries=tries, whole=whole, path=place)
        if place != path:
            self._staging.done(path)
        if self._staging.name(place) != name:
            self.quarantine.forget(name)
        self.refusals.add(stream, entry)

    def _part(self, batch: Batch, rows: pa.Table) -> Batch:
        """Some rows of a batch, as a batch of their own."""
        part = replace(batch, rows=rows, read=rows.num_rows)
        if not self.appends(batch.plan):
            return part
        self._parts += 1
        salt = f"{self._job_id}:{batch.through}:{self._parts}"
        return replace(part, salt=salt, marks=self._backend.marks(batch))

    def refuse(self, plan: StreamPlan, unfit: Sequence[Unfit]) -> LoadResult:
        """Set records aside that could not become rows."""
        started = _now()
        entries, dropped = self.quarantine.refuse(plan, unfit)
        result = LoadResult(plan.stream, plan.table, "", len(unfit), started, _now())
        result = replace(result, set_aside=len(unfit) - dropped, dropped=dropped)
        if entries:
            self.refusals.add(plan.stream, *entries)
            result = replace(result, error=entries[0].reason)
            self._ledger.add(result)
        return result

    def set_damaged_aside(self, path: Any, damage: DamagedFileError) -> None:
        """Set a staged file aside that cannot be read."""
        self.refusals.add_damaged(self.quarantine.damaged(self._staging.name(path), str(damage)))


def _now() -> datetime:
    return datetime.now(UTC)
