"""What one run shares: the way to Xero, the organisations, the state, the usage report.

Nothing is opened before it is needed, so that discovery touches neither the network nor
the sandbox.

A refusal looks the same whether a scope is missing or all access was taken away. So before a
stream counts as one that a scope is missing for, a call that worked in this run is made again.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError, SkippableAPIError

from tap_xero.api.client import read
from tap_xero.api.connection import Connection, connect
from tap_xero.api.errors import (
    AccessDeniedError,
    ClosedError,
    DayLimitError,
    OrganisationGoneError,
    TemporaryError,
)
from tap_xero.api.retries import Retries
from tap_xero.narration import level_of_details
from tap_xero.sync.backlog import Backlog, calls_left
from tap_xero.sync.commentary import Commentary
from tap_xero.sync.usage_report import NOT_DUE, UsageReport
from tap_xero.text import plural

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from tap_xero.api.client import Client, Tenant
    from tap_xero.api.usage import Usage
    from tap_xero.models.resources import Resource
    from tap_xero.sync.output import LineWriter
    from tap_xero.sync.page import Fetch, Page
    from tap_xero.sync.scheduler import Scheduler
    from tap_xero.sync.state import Partition, State

_Call = tuple[str, dict[str, str], str | None]
"""Path, parameters and If-Modified-Since of a call."""


class Run:
    """One run of the tap.

    Attributes:
        state: What the run before has left behind, and what this one will.
        writer: Writes messages.
        logger: The tap's.
        report: What the run has cost so far.
        commentary: Says how far it is.
        missing: Organisations that the settings name and the credentials do not reach.
        schedule: Reads the streams ahead of the SDK; None when each is read on its own.
        begun: When it began, in seconds since 1970.
        unfinished: By name of the organisation and stream, why not all of it is certain to be read.
    """

    def __init__(
        self, config: Mapping[str, Any], state: State, writer: LineWriter, logger: logging.Logger
    ) -> None:
        """Prepare; nothing is opened yet."""
        self.state = state
        self.writer = writer
        self.logger = logger
        self.report = UsageReport()
        self.commentary = Commentary(logger.info)
        self.missing: list[str] = []
        self.schedule: Scheduler[Any] | None = None
        self.begun = time.time()
        self.unfinished: dict[tuple[str, str], str] = {}
        self._config = config
        self._retries = Retries(notify=logger.info)
        self._connection: Connection | None = None
        self._stopped: dict[str, str] = {}
        self._probes: dict[str, _Call] = {}
        self._readable: set[tuple[str, str, str]] = set()
        self._gated: set[str] = set()
        self._unproven: dict[str, Usage] = {}

    @cached_property
    def client(self) -> Client:
        """The way to Xero, or to the sandbox, which is started here."""
        self._connection = connect(self._config, self._retries, self.logger.warning)
        return self._connection.client

    @cached_property
    def tenants(self) -> list[Tenant]:
        """The organisations to read: those of `tenant_ids`, else all that are connected.

        Those of `tenant_ids` that are not connected are remarked on; the others are read.

        Raises:
            ConfigValidationError: There is none to read.
        """
        connected = self.client.tenants()
        wanted = wanted_tenants(self._config)
        by_id = {tenant.id.lower(): tenant for tenant in connected}
        tenants = [by_id[each] for each in wanted if each in by_id] if wanted else connected
        self.missing = [each for each in wanted if each not in by_id]
        names = ", ".join(f"{tenant.name} ({tenant.id})" for tenant in connected) or "none"
        message = (
            f"Setting tenant_ids: {', '.join(self.missing)} is not connected to this app. "
            f"Connected organisations: {names}. Connect it with tap-xero-login, or take it out."
            if self.missing
            else "No organisation is connected to this app: connect one in Xero first."
        )
        if not tenants:
            raise ConfigValidationError(message, errors=[message])
        if self.missing:
            self.remark(message)
        return tenants

    def fetch(
        self,
        tenant: Tenant,
        stream: str,
        *,
        verbatim: bool,
        turn: Callable[[], None] = lambda: None,
    ) -> Fetch:
        """A function that starts calls for a stream of an organisation.

        Each call travels on a thread of its own, so that what came before is written
        meanwhile. The thread is a daemon: a run that is told to stop does not wait. What
        has come stays JSON text until it is waited for and its turn has come: read, a page
        takes four times as much memory.

        Args:
            tenant: The organisation.
            stream: Name of the stream.
            verbatim: Whether numbers are kept as their characters.
            turn: Returns when there is room for another page.
        """
        usage = self.report.entry(tenant, stream).usage

        def start(
            path: str, params: dict[str, str], since: str | None
        ) -> Callable[[], dict[str, Any]]:
            # Without the ids: of one kind of records all are refused, or none.
            part = (tenant.id, stream, "/".join(path.split("/")[::2]))

            def ask() -> bytes:
                content = self.client.ask(tenant, path, params, usage=usage, since=since)
                self._probes.setdefault(tenant.id, (path, params, since))
                self._readable.add(part)
                return content

            arrive = _in_background(ask)

            def envelope() -> dict[str, Any]:
                try:
                    content = arrive()
                except AccessDeniedError as error:
                    # Not before it is known what the streams before have come to.
                    turn()
                    self._make_sure(tenant, usage)
                    if part in self._readable:
                        raise TemporaryError(
                            f"Xero gave this app {path} of {tenant.name} in this run and refuses "
                            f"it now ({error.detail}), though it gives other data."
                        ) from error
                    raise
                turn()
                return read(content, verbatim=verbatim)

            return envelope

        return start

    def _make_sure(self, tenant: Tenant, usage: Usage) -> None:
        """Make a call again that has worked, if any has, after one that was refused.

        Raises:
            OrganisationGoneError: It does not work any more.
        """
        if tenant.id not in self._probes:
            self._unproven[tenant.id] = usage
            return
        path, params, since = self._probes[tenant.id]
        if "pageSize" in params:
            params = {**params, "pageSize": "1"}
        try:
            self.client.ask(tenant, path, params, usage=usage, since=since)
        except AccessDeniedError as error:
            raise OrganisationGoneError(
                f"Xero gave this app {path} of {tenant.name} in this run and refuses it now "
                f"({error.detail}), so its access was taken away. Connect the organisation again "
                "with tap-xero-login."
            ) from error
        except ClosedError:
            pass

    def conclude(self) -> None:
        """Note, once all is read, which organisations gave nothing or were lost unseen."""
        for each in self.missing:
            self.report.failures.append(f"organisation {each}, which is not connected")
        for tenant in self.tenants:
            if tenant.id not in self._gated or self.is_stopped(tenant):
                continue
            if tenant.id not in self._probes:
                self.report.failures.append(f"all of {tenant.name}")
                self.logger.error(
                    "%s: Xero refused every call of this run, so nothing of it was read. Connect "
                    "the organisation again with tap-xero-login, with the scopes that the streams "
                    "need.",
                    tenant.name,
                )
            elif tenant.id in self._unproven:
                try:
                    self._make_sure(tenant, self._unproven[tenant.id])
                except OrganisationGoneError as error:
                    self.stop(tenant, error)
                except (DayLimitError, TemporaryError) as error:
                    self.logger.info("Whether access was lost cannot be told: %s", error)

    def is_stopped(self, tenant: Tenant) -> bool:
        """Whether nothing more of an organisation can be read in this run."""
        return tenant.id in self._stopped

    def stop(self, tenant: Tenant, error: SkippableAPIError) -> None:
        """Read no more of an organisation in this run."""
        self._stopped[tenant.id] = str(error)
        if isinstance(error, OrganisationGoneError):
            self.report.failures.append(f"the rest of {tenant.name}")
        if isinstance(error, DayLimitError):
            self.report.backlogs[tenant.name] = Backlog(
                tenant.id, error.resumes, self.client.calls_a_day(tenant)
            )
        self.remark(f"{tenant.name}, from here on: {error}")

    def note_unread(self, tenant: Tenant, stream: str) -> None:
        """Note that a stream is not read, or not to its end, as its organisation was left."""
        self.report.entry(tenant, stream).skipped = self._stopped.get(tenant.id, "")

    def note_backlog(self, tenant: Tenant, resource: Resource, partition: Partition) -> None:
        """Note what a used-up day left of a stream; nothing when another reason stopped it."""
        if (backlog := self.report.backlogs.get(tenant.name)) is not None:
            backlog.add(resource.stream, *calls_left(resource, partition.items, partition.page))

    def remark(self, remark: str) -> None:
        """Note what could not be read, in the log now and in the usage report at the end."""
        self.report.remarks.append(remark)
        self.logger.warning("%s", remark)

    def note_gated(self, tenant: Tenant, stream: str, reason: str) -> None:
        """Note that Xero does not hand a stream out; warn once for all organisations."""
        self._gated.add(tenant.id)
        self.report.entry(tenant, stream).skipped = reason
        names = self.report.gated.setdefault((stream, reason), [])
        if not names:
            self.logger.warning("%s of %s: %s", stream, tenant.name, reason)
        names.append(tenant.name)

    def note_failure(self, tenant: Tenant, stream: str, error: Exception) -> None:
        """Note a stream that failed lastingly; the run goes on and ends with an error."""
        self.report.failures.append(f"{stream} of {tenant.name}")
        self.report.entry(tenant, stream).skipped = str(error)
        self.logger.error("%s of %s failed, the rest goes on: %s", stream, tenant.name, error)

    def note_not_due(self, tenant: Tenant, stream: str) -> None:
        """Note a stream that is not read in this run because of its cadence."""
        self.report.entry(tenant, stream).skipped = NOT_DUE

    def note_unchanged(self, tenant: Tenant, stream: str) -> None:
        """Note that the rows of a stream were not written, because they say nothing new."""
        self.report.entry(tenant, stream).unchanged = True

    def note_page(self, tenant: Tenant, resource: Resource, page: Page, records: int) -> None:
        """Count the rows of a page."""
        self.report.entry(tenant, resource.stream).rows += records
        self.commentary.note_page(f"{resource.stream} of {tenant.name}", page, records)

    def log_stream(self, stream: str) -> None:
        """Say, to whom wants details, what a stream gave of all organisations."""
        entries = {n: e for (n, each), e in self.report.entries.items() if each == stream}
        if entries:
            rows = plural(sum(entry.rows for entry in entries.values()), "row")
            each = ", ".join(f"{name} {entry.rows:,}" for name, entry in entries.items())
            again = ", not sent again" if any(e.unchanged for e in entries.values()) else ""
            self.logger.log(level_of_details(), "%s: %s (%s)%s", stream, rows, each, again)

    def close(self) -> None:
        """Stop reading, and the sandbox, if there is one. Safe to call again."""
        if self.schedule is not None:
            self.schedule.close()
        if self._connection is not None:
            self._connection.close()


def wanted_tenants(config: Mapping[str, Any]) -> list[str]:
    """Tenant ids of the organisations that the settings name, in small letters; none for all."""
    named = config.get("tenant_ids") or [config.get("tenant_id") or ""]
    return list(dict.fromkeys(filter(None, (each.strip().lower() for each in named))))


def _in_background(call: Callable[[], bytes]) -> Callable[[], bytes]:
    future: Future[bytes] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 (whoever waits gets it)
            future.set_exception(error)

    threading.Thread(target=run, name="xero-call", daemon=True).start()
    return future.result
