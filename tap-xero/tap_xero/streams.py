"""The one stream class: a row of the resource table, read for every organisation.

The SDK reads one stream after the other. What it asks a stream for is read by tasks, one for each
organisation (`tap_xero.sync.task`), which the scheduler of the run takes up ahead of the SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.models.schema import TENANT
from tap_xero.sync.scheduler import Scheduler
from tap_xero.sync.singer import SingerStream
from tap_xero.sync.task import WindowTask

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from tap_xero.api.client import Tenant
    from tap_xero.sync.singer import Record


class XeroStream(SingerStream):
    """A resource of Xero as a Singer stream."""

    task_class: type[WindowTask] = WindowTask

    def tasks(self, tenant: Tenant, *, write_messages: bool = True) -> list[WindowTask]:
        """The stream of one organisation, to be read, in one part or several."""
        return [self.task_class(self, tenant, write_messages=write_messages)]

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """One for each organisation that is read."""
        return [{TENANT: tenant.id} for tenant in self.run.tenants]

    def get_records(self, context: Mapping[str, Any] | None) -> Generator[Record, None, None]:
        """The records of one organisation or, without a context, of all; nothing is written."""
        return self._sync_records(context, write_messages=False)

    def _sync_records(
        self, context: Mapping[str, Any] | None = None, *, write_messages: bool = True
    ) -> Generator[Record, None, None]:
        """Read the stream to its end.

        Batches and `--test` take the records one by one, of one organisation after the other.
        """
        try:
            if context is None and write_messages and self.ABORT_AT_RECORD_COUNT is None:
                self._drain()
            else:
                yield from self._one_by_one(context, write_messages=write_messages)
        finally:
            self.end_reading()

    def _one_by_one(
        self, context: Mapping[str, Any] | None, *, write_messages: bool
    ) -> Generator[Record, None, None]:
        tenants = [each for each in self.run.tenants if not context or each.id == context[TENANT]]
        tasks = [
            task for each in tenants for task in self.tasks(each, write_messages=write_messages)
        ]
        with self.get_record_counter() as counter, self.get_sync_timer():
            for task in tasks:
                for record in task.records():
                    yield record
                    counter.increment()

    def _drain(self) -> None:
        """Let the scheduler take over pages until the stream is read in every organisation."""
        schedule = self.run.schedule or Scheduler(plan([self], self.run.tenants))
        while self.pending and schedule.step():
            pass


def plan(streams: Sequence[XeroStream], tenants: Sequence[Tenant]) -> list[list[WindowTask]]:
    """The tasks of each organisation, in the order of the streams."""
    return [[task for stream in streams for task in stream.tasks(tenant)] for tenant in tenants]
