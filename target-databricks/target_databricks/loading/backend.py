"""The seam between "a batch to apply" and "where it goes".

A destination is a lakehouse folder or a SQL warehouse. `apply`, `replace` and `activate_version`
are called from up to `parallelism` threads at once, for one stream never from two and always in
the order its rows came. `reconcile` is called while nothing of its stream is under way, `confirm`
at any time by one thread, the rest while nothing else is. A destination keeps its own staging, its
own ledger and its own retries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from target_databricks.errors import LoadError
from target_databricks.loading.batch import Batch, LoadResult
from target_databricks.schema.plan import StreamPlan


class Destination(Protocol):
    """Where batches go."""

    @property
    def failed(self) -> Mapping[str, LoadError]:
        """Streams that are not loaded in this run, since an earlier run left what does not go in.

        An older batch must not come after a newer one, so the stream waits for somebody to look.
        """

    @property
    def parallelism(self) -> int:
        """How many streams it can load at once, from 1."""

    def open(self) -> list[LoadResult]:
        """Get ready: reach the place, keep others out, apply what a failed run left staged.

        A batch that cannot be applied is in nobody's way but its own stream's: see `failed`.

        Returns:
            What the replayed batches did.

        Raises:
            ConfigurationError: The place cannot be reached as configured.
            BusyError: Another run holds it.
        """

    def reconcile(self, plan: StreamPlan) -> StreamPlan:
        """Bring a plan and the tables it already has together: widen the table, or bend the plan.

        Called before the first batch of each SCHEMA; must not create anything.
        """

    def apply(self, batch: Batch) -> LoadResult:
        """Stage a batch, then make its tables hold it. All of it, or none and it stays staged.

        Raises:
            LoadError: It could not be applied; the message says what to do.
        """

    def replace(self, plan: StreamPlan) -> int:
        """Empty a stream's tables, for `load_method: overwrite`. Returns the rows removed."""

    def activate_version(self, plan: StreamPlan, version: int) -> LoadResult:
        """Retire the rows that were not sent with this version.

        Args:
            plan: The stream.
            version: The version that is now the whole truth.
        """

    def confirm(self, covered: Mapping[str, int]) -> None:
        """A state went out: these many records of each stream will not be sent again."""

    def close(self, *, failed: bool) -> None:
        """Finish: write the ledger, tidy up small files, let others in."""
