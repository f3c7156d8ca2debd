"""Taking batches in: what is set aside already is sorted out, the rest is staged and waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from target_databricks.loading.appending import AppendMemory
from target_databricks.loading.application import Application
from target_databricks.loading.backend import Backend
from target_databricks.loading.batch import Batch, marks_after
from target_databricks.loading.history import prepared
from target_databricks.loading.left_out import with_cleared
from target_databricks.loading.overwriting import is_aside
from target_databricks.loading.waiting import Staged, WaitingRoom, together
from target_databricks.reading.unfit import Unfit
from target_databricks.schema.sources import Owners


class Intake:
    """Stages the batches of one run.

    Args:
        backend: The place.
        application: Applies them.
        memory: What was appended and no state covers yet.
        job_id: The run.
    """

    def __init__(
        self,
        backend: Backend,
        application: Application,
        memory: AppendMemory[Any],
        job_id: str,
    ) -> None:
        self._backend = backend
        self._staging = backend.staging
        self._application = application
        self._appends = application.appends
        self._memory = memory
        self._job_id = job_id
        self._waits = backend.merge_every > 0
        self._room = WaitingRoom()
        self._expected: Counter[str] = Counter()
        """Rows of this run that each table to append to will have, by what is staged."""

    def close(self) -> None:
        """Forget what waits; it stays staged."""
        self._room.close()

    def stage(self, batch: Batch, unfit: Sequence[Unfit]) -> list[Staged]:
        """Stage a batch; see `Load.stage`."""
        staged = [self._stage(piece) for piece in self._staging.pieces(batch)]
        return [*staged[:-1], replace(staged[-1], unfit=unfit)]

    def without_repeats(self, staged: Sequence[Staged]) -> Sequence[Staged]:
        """What is staged less the rows that, as is known only now, another run has appended."""
        return [self._without_repeats(one) for one in staged]

    def _without_repeats(self, one: Staged) -> Staged:
        batch, path = one.batch, one.path
        if path is None or not self._appends(batch.plan) or is_aside(batch.plan.table):
            return one
        fresh = self._memory.fresh(batch)
        if fresh.rows.num_rows == batch.rows.num_rows:
            return one
        shorter = self._staging.stage(fresh)
        self._staging.done(path)
        return replace(one, path=shorter, passage=replace(one.passage, batch=fresh))

    def groups(self, staged: Sequence[Staged]) -> Iterator[Sequence[Staged]]:
        """What is staged, in groups that go into their tables together."""
        due = [one for one in staged if one.path is not None]
        if not due or not self._appends(due[0].batch.plan):
            yield from together(due, append=False)
            return
        # What has come before leaves batches without rows, which nothing marks.
        yield from ([one] for one in due if not one.batch.rows.num_rows)
        rows = [one for one in due if one.batch.rows.num_rows]
        yield from map(self._marked, together(rows, append=True))

    def _stage(self, batch: Batch) -> Staged:
        plan = batch.plan
        if self._appends(plan) and self._staging.keeps and not is_aside(plan.table):
            batch = batch.with_places()
        passage = self._application.quarantine.sort(batch)
        batch, read = passage.batch, batch.read
        if not batch.rows.num_rows or plan.stream in self._application.refusals.failed:
            return Staged(passage, None, read)
        if self._appends(plan):
            # The same rows may come twice and be meant: two batches of them are two files.
            salt = f"{self._job_id}:{batch.through}"
            fresh = batch if is_aside(plan.table) else self._memory.fresh(batch)
            batch = replace(fresh, salt=salt, marks=self._marks(fresh))
        elif plan.history:
            batch = prepared(batch)
        else:
            try:
                owners = Owners(lambda: self._backend.properties(plan.table))
                batch = with_cleared(batch, self._backend.columns(plan.table), owners)
                if not is_aside(plan.table):
                    batch = self._application.filling.batch(batch)
            except Exception as error:  # noqa: BLE001 - of a table that cannot be looked at
                return Staged(passage, None, read, error=error)
        path = self._staging.stage(batch)
        if self._waits:
            batch = self._room.keep(batch)
        return Staged(replace(passage, batch=batch), path, read)

    def _marks(self, batch: Batch) -> Mapping[str, int]:
        """The marks of a batch that will be appended after those that wait."""
        marks = self._backend.marks(batch)
        if not marks:
            return marks
        marks = {table: max(count, self._expected[table]) for table, count in marks.items()}
        self._expected |= Counter(marks_after(marks, batch))
        return marks

    def _marked(self, group: Sequence[Staged]) -> Sequence[Staged]:
        """Batches to append, staged again if fewer or more rows are in than was expected."""
        first = group[0]
        marks = self._backend.marks(first.batch)
        if marks == first.batch.marks:
            return group
        again = []
        for one in group:
            batch = replace(one.batch, marks=marks)
            again.append(replace(one, passage=replace(one.passage, batch=batch)))
            self._staging.stage(batch)
            marks = marks_after(marks, batch)
        return again
