"""The tap's part: fetches what the inbox says has changed, before anything else is read.

The state says, for each organisation, up to which position of the inbox its events are done. It
comes back with the next run only if the target has confirmed it, so a load that failed is repeated.
What Xero does not hand out is set aside in the inbox and counts as done; what could not be read for
a reason that passes, such as a used-up day, stays where it is, and with it what came later for the
same organisation.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError

from tap_xero.api.errors import (
    AccessDeniedError,
    ClosedError,
    DayLimitError,
    OddAnswerError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
    odd_answer,
)
from tap_xero.sync import scheduler
from tap_xero.sync.changes import ChangedRows
from tap_xero.sync.run import wanted_tenants
from tap_xero.sync.singer import utc_now
from tap_xero.sync.task import StreamTask
from tap_xero.text import plural
from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.plan import plan
from tap_xero.webhooks.settings import inbox_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tap_xero.api.client import Tenant
    from tap_xero.sync.changes import ChangedRows
    from tap_xero.sync.page import Page
    from tap_xero.sync.reading import Reading
    from tap_xero.sync.run import Run
    from tap_xero.sync.singer import SingerStream
    from tap_xero.webhooks.inbox import PendingEvent
    from tap_xero.webhooks.plan import Positions

_MOST = 5_000
"""Events of which the rows are fetched before the state is written."""

_DAY = 86_400.0


def take_in(config: Mapping[str, Any], run: Run, streams: Sequence[SingerStream]) -> None:
    """Fetch and write what changed, and the state after it.

    Args:
        config: The tap's settings.
        run: The run of the tap; its state is kept up to date.
        streams: Those that are selected, in their order.

    Raises:
        ConfigValidationError: The inbox cannot be used.
    """
    path = inbox_path(config)
    try:
        inbox = Inbox(path)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error
    try:
        with inbox:
            standby = config.get("webhook_standby")
            if not standby or inbox.wait_for_release(standby):
                Intake(config, run, inbox, streams).take_in()
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> ConfigValidationError:
    message = f"The webhook inbox {path} cannot be used ({error}): check webhook_inbox_path."
    return ConfigValidationError(message, errors=[message])


class Intake:
    """One reading of the inbox."""

    def __init__(
        self, config: Mapping[str, Any], run: Run, inbox: Inbox, streams: Sequence[SingerStream]
    ) -> None:
        """Prepare; nothing is read yet."""
        self.run = run
        self._config = config
        self._inbox = inbox
        self._streams = list(streams)
        self._positions = run.state.positions(inbox.id)
        self._begun: set[str] = set()
        self._unread: dict[str, list[int]] = {}
        self._gone: dict[str, str] = {}
        self._aside: dict[int, str] = {}
        self._lost: set[str] = set()
        self._given: set[str] = set()
        self._refused: dict[str, Tenant] = {}
        self._skipped = 0

    def take_in(self) -> None:
        """Take in what was there when it began."""
        inbox = self._inbox
        inbox.begin(self._positions)
        inbox.forget(float(self._config["webhook_retention_days"]) * _DAY)
        through = inbox.last_position()
        events = rows = aside = 0
        while waiting := inbox.waiting(
            self._positions, through, most=_MOST, without=self._unread.keys()
        ):
            rows += self._take(waiting)
            events += len(waiting)
            aside += len(self._aside)
        self._look_for_access()
        for name in sorted(self._lost):
            self.run.report.failures.append(f"events of {name}, which is not connected")
        if events:
            inbox.name({tenant.id: tenant.name for tenant in self.run.tenants})
            self.run.logger.info(
                "webhooks: %s, %s fetched, %s set aside, %s of what is not read",
                plural(events, "event"),
                plural(rows, "record"),
                f"{aside:,}",
                f"{self._skipped:,}",
            )

    def _take(self, waiting: Sequence[PendingEvent]) -> int:
        """Fetch and write the rows of some events; gives how many there were."""
        made = plan(
            waiting,
            streams={stream.name for stream in self._streams},
            tenants={tenant.id for tenant in self.run.tenants},
            chosen=wanted_tenants(self._config),
        )
        self._aside = dict(made.unfetchable)
        self._skipped += made.skipped
        self._lost |= made.unconnected
        lanes = [
            [
                ChangesTask(self, stream, tenant, made.rows[tenant.id, stream.name])
                for stream in self._streams
                if (tenant.id, stream.name) in made.rows
            ]
            for tenant in self.run.tenants
        ]
        scheduler.run(lane for lane in lanes if lane)
        self._inbox.set_aside(self._aside)
        self._advance(waiting)
        return sum(task.rows for lane in lanes for task in lane)

    def _look_for_access(self) -> None:
        """Tell a missing scope from access that was taken away, where every call was refused."""
        for tenant in self._refused.values():
            if tenant.id in self._given:
                continue
            usage = self.run.report.entry(tenant, "organisations").usage
            try:
                self.run.client.ask(tenant, "Organisation", {}, usage=usage)
            except AccessDeniedError as error:
                self.run.report.failures.append(f"all of {tenant.name}")
                self.run.remark(
                    f"{tenant.name}: Xero refused every call of this run ({error.detail}). Connect "
                    "the organisation again with tap-xero-login, with the scopes that the streams "
                    "need."
                )
            except (DayLimitError, OrganisationGoneError, TemporaryError, ClosedError) as error:
                self.run.logger.info("Whether access was lost cannot be told: %s", error)

    def _advance(self, waiting: Sequence[PendingEvent]) -> None:
        """Write how far each organisation is done."""
        for each in waiting:
            self._positions[each.event.tenant_id] = each.position
        for tenant_id, positions in self._unread.items():
            self._positions[tenant_id] = min(positions) - 1
        self.run.state.record_positions(self._inbox.id, self._positions)
        self.run.state.write_now()
        self._inbox.emitted(self._positions)

    # -- what the tasks tell --

    def begin(self, stream: SingerStream) -> None:
        """Announce a stream before anything of it is written."""
        if stream.name not in self._begun:
            self._begun.add(stream.name)
            stream.announce()

    def set_aside(
        self, stream: SingerStream, tenant: Tenant, positions: Sequence[int], reason: str
    ) -> None:
        """Note events whose rows Xero does not hand out."""
        if positions:
            self._aside.update(dict.fromkeys(positions, reason))
            self.run.remark(
                f"{stream.name} of {tenant.name}: {plural(len(positions), 'event')} set aside. "
                f"{reason} `tap-xero-webhooks retry` puts them back."
            )

    def given(self, tenant: Tenant) -> None:
        """Note that an organisation gave something."""
        self._given.add(tenant.id)

    def refused(self, tenant: Tenant) -> None:
        """Note that an organisation refused something."""
        self._refused[tenant.id] = tenant

    def leave(self, stream: SingerStream, tenant: Tenant, positions: Sequence[int]) -> None:
        """Note events whose rows were not fetched, as their organisation was left."""
        if tenant.id in self._gone:
            self.set_aside(stream, tenant, positions, self._gone[tenant.id])
        elif positions:
            self._unread.setdefault(tenant.id, []).extend(positions)

    def gone(self, tenant: Tenant, error: OrganisationGoneError) -> None:
        """Note that an organisation is not connected any more."""
        self._gone[tenant.id] = str(error)
        self._lost.add(tenant.name)


class ChangesTask(StreamTask):
    """A task of the scheduler: fetches changed rows of one stream of one organisation."""

    def __init__(
        self, intake: Intake, stream: SingerStream, tenant: Tenant, rows: Positions
    ) -> None:
        """Prepare; nothing is fetched yet."""
        super().__init__(stream, tenant)
        self.rows = 0
        self._intake = intake
        self._rows = rows
        self._left = dict(rows)

    def start(self, ahead: Callable[[], int], turn: Callable[[], None]) -> ChangedRows:
        """Begin to fetch."""
        return ChangedRows(
            self.fetch(turn), self.stream.resource, list(self._rows), now=utc_now, ahead=ahead
        )

    def take(self, page: Page) -> None:
        """Write a page."""
        self._intake.begin(self.stream)
        self._intake.given(self.tenant)
        identity = self.stream.resource.identity
        for row in page.rows:
            self._left.pop(str(row.get(identity)).lower(), None)
        self.rows += len(page.rows)
        with self._unless_odd():
            for _ in self.write(page):
                pass

    def end(self, reading: Reading | None, error: Exception | None) -> bool:
        """Sort out what was not received; False when the organisation has to be left.

        Raises:
            Exception: The error, when it concerns the whole run.
        """
        intake, stream, tenant = self._intake, self.stream, self.tenant
        error = self._odd or (None if error is None else odd_answer(error))
        if self._odd is not None:
            self._left = dict(self._rows)
        by_reason: dict[str, list[int]] = {}
        for row, reason in getattr(reading, "missing", {}).items():
            by_reason.setdefault(reason, []).extend(self._left.pop(row, []))
        if isinstance(error, (ClosedError, OddAnswerError, RequestRefusedError)):
            by_reason.setdefault(str(error), []).extend(self._unread())
        if isinstance(error, AccessDeniedError):
            intake.refused(tenant)
        for reason, positions in by_reason.items():
            intake.set_aside(stream, tenant, positions, reason)
        if error is None or isinstance(error, (ClosedError, OddAnswerError, RequestRefusedError)):
            return True
        if isinstance(error, OrganisationGoneError):
            intake.gone(tenant, error)
        elif isinstance(error, DayLimitError):
            intake.run.stop(tenant, error)
        elif isinstance(error, TemporaryError):
            intake.run.note_failure(tenant, stream.name, error)
        else:
            raise error
        intake.leave(stream, tenant, self._unread())
        return isinstance(error, TemporaryError)

    def leave(self) -> None:
        """Note that nothing was fetched, as the organisation was left."""
        self._intake.leave(self.stream, self.tenant, self._unread())

    def _unread(self) -> list[int]:
        """Positions of the events whose rows were not received."""
        return [position for positions in self._left.values() for position in positions]
