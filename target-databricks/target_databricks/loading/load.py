"""The life of a batch, wherever its rows go.

One batch is applied in this order, and any of it can be done again:

1. stage it; where the place has batches wait for others, go on with reading,
2. take the lease of its stream's tables,
3. write its child rows, then their parents (their hash is the commit mark: from here on the batch
   counts as applied), or append its rows unless they are in the table already,
4. note what it did in the ledger, and which rows came with a version without being written,
5. forget the staged file; of an appended batch when a state has covered it.

Batches of a stream that wait are applied together (`waiting.py`), and if that fails one by one.
Rows that cannot be applied are set aside (`quarantine.py`), and only they: a batch that fails is
halved until they are alone (`isolation.py`). What failed leaves nothing in any table.

A run that dies before 5 leaves the batch staged, and the next run does 3 to 5 again before anything
else. Other runs may load the same schema meanwhile: what is staged for a table is looked at under
its lease only, and a table that another run is loading is left to it, until there are rows for it.
Only a run that has applied a file, or set its rows aside, removes it, so that one which is missing
is done.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from target_databricks.errors import BusyError, DamagedFileError
from target_databricks.loading.activation import Activation
from target_databricks.loading.appending import AppendMemory
from target_databricks.loading.application import Application
from target_databricks.loading.backend import Backend
from target_databricks.loading.batch import Batch, LoadResult, combined
from target_databricks.loading.intake import Intake
from target_databricks.loading.ledger import Ledger
from target_databricks.loading.overwriting import (
    GATHERER,
    OVERTAKEN,
    aside,
    is_aside,
    own,
    own_name,
    whole,
)
from target_databricks.loading.quarantine import WAITING
from target_databricks.loading.waiting import Staged
from target_databricks.reading.unfit import Unfit
from target_databricks.schema.evolution import tables_of
from target_databricks.schema.plan import ChildPlan, StreamPlan

logger = logging.getLogger("target-databricks")


class Load:
    """What a run does to the tables of one schema.

    `apply`, `prepare`, `overwrite` and `activate_version` are called from up to `parallelism`
    threads at once, for one stream never from two and always in the order its rows came; `stage`
    by one thread beside them. `reconcile` is called while nothing of its stream is under way,
    `confirm` at any time by one thread, the rest while nothing else is.

    Args:
        backend: The place.
        load_method: The setting of that name.
        job_id: The run.
        started_at: When it began, in milliseconds since 1970.

    Attributes:
        refusals: What could not be applied, and the streams that it holds up.
        parallelism: How many streams it can load at once, from 1.
        merge_every: Seconds that staged batches wait for others at most; 0 for not at all.
    """

    def __init__(
        self, backend: Backend, *, load_method: str, job_id: str, started_at: int = 0
    ) -> None:
        self._backend = backend
        self._staging = backend.staging
        self._gathering = load_method == "overwrite"
        self._job_id = job_id
        self._ledger = Ledger(backend.write_ledger, backend.defer_ledger, job_id)
        self._memory = AppendMemory[Any](backend.staging, backend.hashes)
        self._activation = Activation(backend, self._memory, job_id, started_at)
        self._plans: dict[str, StreamPlan] = {}
        self._loaded: set[str] = set()
        self._gatherer = f"{job_id} {uuid.uuid4()}"
        self._gathered: dict[str, dict[str, ChildPlan]] = {}
        """Child tables of the streams to overwrite whose rows have begun to gather."""
        self._busy: set[str] = set()
        """Tables that another run was loading when this one began: perhaps it left something."""
        self._application = Application(
            backend,
            self._memory,
            self._ledger,
            load_method=load_method,
            job_id=job_id,
            note_unwritten=self._activation.note_unwritten,
        )
        self._quarantine, self.refusals = self._application.quarantine, self._application.refusals
        self.parallelism = backend.parallelism
        self.merge_every = backend.merge_every
        self._intake = Intake(backend, self._application, self._memory, job_id)

    # Life cycle

    def open(self) -> list[LoadResult]:
        """Get ready: reach the place and apply what earlier runs left staged.

        A batch that cannot be applied is in nobody's way: see `refusals`.

        Returns:
            What the replayed batches did.

        Raises:
            ConfigurationError: The place cannot be reached as configured.
            BusyError: Another run holds it.
        """
        self._backend.open()
        try:
            self._quarantine.load()
            for path, damage in self._memory.load():
                self._application.set_damaged_aside(path, damage)
            return [
                r
                for table in self._staging.staged_tables()
                for r in self._replay_unless_busy(table)
            ]
        except BaseException:
            self._backend.release()
            raise

    def close(self, *, failed: bool) -> None:
        """Write the ledger, forget what need not be remembered, tidy up, let others in."""
        try:
            if failed:
                self._backend.hurry()
            complete = {} if failed else self._plans.items()
            self._ledger.close({s: p.table for s, p in complete if s not in self.refusals.held})
            if not failed:
                self._memory.finish(self.refusals.held)
                loaded = [self._plans[stream] for stream in sorted(self._loaded)]
                merged = [p for p in loaded if not (p.history or self._application.appends(p))]
                self._backend.finish(self._plans.values(), merged)
        finally:
            self._activation.close()
            self._intake.close()
            self._backend.release()

    def confirm(self, covered: Mapping[str, int]) -> None:
        """A state went out: these many records of each stream will not be sent again."""
        self._memory.confirm(covered)

    # Loading

    def reconcile(self, plan: StreamPlan) -> StreamPlan:
        """Bring a plan and the tables it already has together: widen the table, or bend the plan.

        Called before the first batch of each SCHEMA; creates nothing. Where the tables cannot be
        used the plan stays as it is, and the first batch is refused.

        Raises:
            LoadError: Nothing can be loaded at all.
        """
        if (sentence := self._application.fitting.refusal(plan)) is not None:
            self.refusals.stop(plan.stream, sentence)
            return plan
        if plan.stream in self._gathered:
            # First: the table that gathers knows whose the columns of the run's SCHEMAs are.
            plan = own(self._application.fitting.reconcile(aside(plan)))
        reconciled = self._application.fitting.reconcile(plan)
        self._plans[plan.stream] = reconciled
        self._backend.expect(reconciled)
        return reconciled

    def exists(self, table: str, *, former: bool = False) -> bool:
        """Whether there is a table of a name, made by an earlier version where that is asked."""
        return self._application.fitting.exists(table, former=former)

    def stage(self, batch: Batch, unfit: Sequence[Unfit] = ()) -> list[Staged]:
        """Stage a batch, which needs nobody who works for money.

        Args:
            batch: The batch.
            unfit: Records that came with it and could not become rows.

        Returns:
            What `apply` takes: one, or several that must be applied one after the other.

        Raises:
            LoadError: It could not be staged.
        """
        if self._gathering:
            batch = replace(batch, plan=aside(batch.plan))
        return self._intake.stage(batch, unfit)

    def apply(self, staged: Sequence[Staged]) -> LoadResult:
        """Make the tables of a stream hold what is staged for them, all but what they refuse.

        Args:
            staged: Batches of one stream, in the order they came.

        Raises:
            LoadError: They could not be applied for a reason that others would meet, too; they
                stay staged.
        """
        plan = own(staged[0].batch.plan) if self._gathering else staged[0].batch.plan
        results: list[LoadResult] = []
        with self._lease(plan.table), self._application.guard(plan):
            staged = self._intake.without_repeats(staged)
            if self._gathering:
                self._gathers(plan, rows=True)
            rest = [result for one in staged for result in self._account(one)]
            for group in self._intake.groups(staged):
                if plan.stream in self.refusals.failed:
                    break
                results += self._application.apply_together(group)
            results += rest
        result = combined(results or [self._application.base(staged[0].batch)])
        if result.written:
            self._loaded.add(plan.stream)
        return result

    def prepare(self, plan: StreamPlan) -> None:
        """Make the tables of a stream that brings no rows, or add the columns that they lack."""
        application = self._application
        with application.guard(plan):
            if plan.stream in self.refusals.failed or application.fitting.is_ready(plan):
                return
        with self._lease(plan.table), application.guard(plan):
            application.filling.note(plan, appended=plan.history or application.appends(plan))
            self._backend.prepare(plan)

    def overwrite(self, plan: StreamPlan, *, stateful: bool) -> None:
        """Let the rows that a stream has gathered take the place of those in its tables.

        Args:
            plan: The stream.
            stateful: Whether its tap sends states.
        """
        if plan.stream in self.refusals.held:
            logger.warning(
                "Stream '%s': its table keeps the rows it had, because not all rows are in.",
                plan.stream,
            )
            return
        with self._lease(plan.table), self._application.guard(plan):
            if not self._gathers(plan):
                return
            properties = self._backend.properties(aside(plan).table)
            every = whole(plan, self._gathered.get(plan.stream, {}), properties)
            self._backend.prepare(every)
            self._application.filling.note_sources(every)
            self._backend.overwrite(every, aside(every))
            self._memory.forget(plan.stream)
            if stateful and not self._staging.stateful(plan.table):
                self._staging.note_state(plan.table)

    def is_stateful(self, plan: StreamPlan) -> bool:
        """Whether the stream's tap ever sent a state that covered rows of it."""
        return self._staging.stateful(plan.table)

    def _gathers(self, plan: StreamPlan, *, rows: bool = False) -> bool:
        """Whether the stream's rows gather in this run; else another one has come in between.

        Args:
            plan: The stream.
            rows: Whether there are some: then the tables that they gather in are made.
        """
        gathered = aside(plan)
        own = {child.table: child for child in plan.children}
        if (begun := self._gathered.get(plan.stream)) is not None:
            if self._backend.properties(gathered.table).get(GATHERER) != self._gatherer:
                self.refusals.stop(plan.stream, OVERTAKEN)
                return False
            new = tuple(child for table, child in own.items() if table not in begun)
            for name in tables_of(aside(replace(plan, children=new)))[1:]:
                self._backend.drop(name)
            begun.update(own)
            return True
        for name in tables_of(gathered):
            self._backend.drop(name)
        if rows:
            self._backend.prepare(gathered)
            self._backend.set_properties(gathered, {GATHERER: self._gatherer})
            self._gathered[plan.stream] = own
        return True

    def activate_version(self, plan: StreamPlan, version: int) -> LoadResult:
        """Retire the rows that were sent neither with a version nor in this run.

        Args:
            plan: The stream.
            version: The version that is now the whole truth, unless a later one is already.
        """
        started = _now()
        if plan.stream in self.refusals.held:
            logger.warning(
                "Stream '%s': version %d is not activated, because not all of its rows are in.",
                plan.stream,
                version,
            )
            return LoadResult(plan.stream, plan.table, "", 0, started, _now())
        count = 0
        with self._lease(plan.table), self._application.guard(plan):
            appended = self._application.appends(plan)
            count = self._activation.activate(plan, version, appended=appended)
        if count:
            schema = self._backend.schema
            logger.info("%s.%s: %d rows are gone at the source", schema, plan.table, count)
        result = LoadResult(plan.stream, plan.table, "", 0, started, _now(), deleted=count)
        self._ledger.add(result)
        return result

    # Earlier and other runs

    def _replay_unless_busy(self, table: str) -> list[LoadResult]:
        try:
            with self._staging.lease(own_name(table), wait=False):
                return self._replay(table)
        except BusyError:
            logger.info("Another run is loading %s; what it has staged is left to it.", table)
            self._busy.add(table)
            return []

    def _replay(self, table: str) -> list[LoadResult]:
        """Apply what earlier runs left staged for a table, under its lease."""
        results = []
        for path, batch in self._staging.staged_batches(table):
            if is_aside(table):
                self._staging.done(path)
                continue
            if isinstance(batch, DamagedFileError):
                self._application.set_damaged_aside(path, batch)
                continue
            stream = batch.plan.stream
            if stream in self.refusals.failed:
                continue  # What is older comes first, or not at all.
            entry = self._quarantine.entry(self._staging.name(path))
            if entry is not None and entry.status != WAITING:
                self._quarantine.settle(entry)
                continue
            title = self._staging.title(path)
            logger.info("Applying %s, which an earlier run left staged.", title)
            if entry is not None:
                results.append(self._application.again(batch, path, entry.tries))
            elif (left := self._without_set_aside(batch, path)) is not None:
                results.append(self._application.apply(*left, replayed=True))
        return results

    def _without_set_aside(self, batch: Batch, path: Any) -> tuple[Batch, Any] | None:
        """A staged batch less what was set aside of it by a run that died then; None of nothing."""
        left = self._quarantine.sort(batch).batch
        # An appended batch is not staged any more when parts of it are.
        if left is batch or self._application.appends(batch.plan):
            return batch, path
        place = self._staging.stage(left) if left.rows.num_rows else None
        self._staging.done(path)
        return None if place is None else (left, place)

    @contextmanager
    def _lease(self, table: str) -> Iterator[None]:
        """Keep other runs from a stream's tables, and first apply what one of them has left."""
        with self._staging.lease(table):
            if table in self._busy or self._staging.others_staged(table):
                self._quarantine.load()
                self._replay(table)
                self._busy.discard(table)
            yield

    # One batch

    def _account(self, one: Staged) -> list[LoadResult]:
        """Note what of a batch is not applied, and why."""
        passage, plan = one.passage, one.batch.plan
        if passage.barred:
            self.refusals.add(plan.stream, *passage.barred)
        if passage.dropped is not None and not self._application.appends(plan):
            # Rows that somebody has decided to pass over came nevertheless.
            self._activation.note_keys(plan, passage.dropped)
        dropped = 0 if passage.dropped is None else passage.dropped.num_rows
        counted = 0 if one.path is None and one.error is None else one.batch.read
        base = replace(self._application.base(one.batch), read=one.read - counted, rescued=0)
        passed = replace(base, set_aside=passage.barred_rows, dropped=dropped)
        if dropped or passage.barred_rows:
            self._ledger.add(replace(passed, read=0))
        results = [passed]
        if one.error is not None:
            results.append(self._application.reject(one.batch, one.error))
        if one.unfit:
            results.append(self._application.refuse(plan, one.unfit))
        return results


def _now() -> datetime:
    return datetime.now(UTC)
