"""A run: read what is asked for against what Xero has, show the plan, then carry it out.

Exit codes: 0 when Xero has all that was asked for, 1 when something is in conflict, rejected or not
known, 2 when nothing was written because it was too much.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from singer_sdk.exceptions import ConfigurationError, RetriableAPIError, SkippableAPIError
from tap_xero.api.usage import Usage
from tap_xero.auth.places import state_folder

from target_xero.calls import calls
from target_xero.current import Books
from target_xero.ledger import (
    APPLIED,
    CONFLICT,
    OPEN,
    PLANNED,
    REJECTED,
    Entry,
    latest,
    text_of,
    value_of,
)
from target_xero.planning import Change, Past, Step, planned
from target_xero.recovery import left_open, recover
from target_xero.resources import RESOURCES
from target_xero.wishes import without_contradictions
from target_xero.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_xero.api.client import Client, Tenant
    from tap_xero.api.retries import Clock

    from target_xero.lakehouse import Lakehouse
    from target_xero.ledger import Ledger
    from target_xero.wishes import Wish


@dataclass(frozen=True)
class Settings:
    """What the settings say of writing.

    Attributes:
        streams: Streams that may be written.
        policy: What to do in a conflict.
        max_changes: Writes of a stream in a run: `100`, or a share of its rows, `10%`.
    """

    streams: tuple[str, ...] = ()
    policy: str = "skip"
    max_changes: str = "100"


@dataclass
class Plan:
    """What would be written.

    Attributes:
        steps: What becomes of each wish, in the order of writing.
        streams: Streams that may be written.
        names: Names of organisations by their ids.
        excesses: Streams with more writes than max_changes, one sentence each.
    """

    steps: list[Step]
    streams: tuple[str, ...]
    names: Mapping[str, str]
    excesses: list[str] = field(default_factory=list)

    @property
    def writes(self) -> list[Step]:
        """What is to be written of streams that may be."""
        return [step for step in self._writes() if step.wish.resource.stream in self.streams]

    @property
    def held_back(self) -> list[Step]:
        """What would be written if its stream were on."""
        return [step for step in self._writes() if step.wish.resource.stream not in self.streams]

    @property
    def left(self) -> list[Step]:
        """What stays as it is although its stream is on."""
        return [
            step
            for step in self.steps
            if step.verdict in (CONFLICT, REJECTED) and step.wish.resource.stream in self.streams
        ]

    def _writes(self) -> Iterator[Step]:
        return (step for step in self.steps if step.verdict == "write")

    def calls(self, stream: str) -> int:
        """Calls that writing a stream takes."""
        entries = [entry_of(step) for step in self.writes if step.wish.resource.stream == stream]
        return sum(1 for _ in calls(entries, {}))


class Job:
    """One run over all organisations.

    Args:
        client: Calls Xero.
        ledger: The ledger.
        lakehouse: Tables as loaded, if there are any.
        settings: What may be written.
        clock: Time.
    """

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        lakehouse: Lakehouse | None,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._client, self._ledger, self._lakehouse = client, ledger, lakehouse
        self._settings, self._clock = settings, clock
        self.usage = Usage()
        self._books: dict[str, Books] = {}

    def plan(self, wishes: Sequence[Wish]) -> Plan:
        """What would be written; Xero is read, and nothing is written anywhere."""
        tenants = self._tenants if wishes else {}
        entries = self._ledger.entries()
        grouped: dict[tuple[str, str], list[Wish]] = defaultdict(list)
        for wish in without_contradictions(wishes):
            grouped[wish.resource.stream, wish.tenant_id].append(wish)
        steps: list[Step] = []
        for stream in RESOURCES:
            for (name, tenant_id), some in grouped.items():
                if name == stream:
                    steps += self._steps(stream, tenants.get(tenant_id), some, entries)
        names = {tenant_id: tenant.name for tenant_id, tenant in tenants.items()}
        plan = Plan(steps, self._settings.streams, names)
        plan.excesses = self._excesses(plan)
        return plan

    def recover(self) -> list[Entry]:
        """Find out what came of writes that a run left open."""
        open_calls = left_open(self._ledger.entries())
        if not open_calls:
            return []
        tenants = self._tenants
        done = []
        for tenant_id, some in open_calls.items():
            if tenant_id in tenants:
                books = self._books_of(tenants[tenant_id])
                done += recover(self._writer(), books, some, self._settings.streams)
        return done

    def apply(self, plan: Plan) -> list[Entry]:
        """Carry out a plan, no more and no less.

        Returns:
            The last row of each record that is not as it was.
        """
        last = latest(self._ledger.entries())
        noted = [entry_of(step) for step in plan.left]
        news = [each for each in noted if not _is_said(last.get(each.record), each)]
        updated = {entry_of(step).record: step.updated for step in plan.writes}
        listed = list(calls([entry_of(step) for step in plan.writes], updated))
        self._ledger.append([*news, *(each for call in listed for each in call.entries)])
        done = noted
        for tenant_id in dict.fromkeys(call.entries[0].tenant_id for call in listed):
            own = [call for call in listed if call.entries[0].tenant_id == tenant_id]
            done += self._writer().write(self._books[tenant_id], own)
        self._ledger.tidy()
        return done

    def _writer(self) -> Writer:
        return Writer(self._client, self._ledger, self._clock, self.usage)

    @cached_property
    def _tenants(self) -> dict[str, Tenant]:
        return {tenant.id.lower(): tenant for tenant in self._client.tenants()}

    def _books_of(self, tenant: Tenant) -> Books:
        return self._books.setdefault(tenant.id.lower(), Books(self._client, tenant, self.usage))

    def _steps(
        self, stream: str, tenant: Tenant | None, wishes: Sequence[Wish], entries: Sequence[Entry]
    ) -> list[Step]:
        if tenant is None:
            words = "the organisation is not connected; run tap-xero-login and choose it"
            return [Step(wish, REJECTED, words=words, id=wish.id) for wish in wishes]
        resource = RESOURCES[stream]
        naturals = {wish.natural for wish in wishes if wish.natural and not wish.problem}
        try:
            documents = self._books_of(tenant).records(
                resource, {wish.id for wish in wishes if wish.id}, naturals
            )
        except (RetriableAPIError, SkippableAPIError) as error:
            return [Step(wish, REJECTED, words=str(error), id=wish.id) for wish in wishes]
        ids = {str(document[resource.id]).lower() for document in documents}
        names = {name for wish in wishes for name in wish.fields}
        loaded = self._lakehouse.loaded(resource, ids, names) if self._lakehouse else {}
        own = {
            record: values
            for (owner, record), values in loaded.items()
            if owner == wishes[0].tenant_id
        }
        return planned(
            wishes,
            documents,
            own,
            _past(entries, wishes[0].tenant_id, stream),
            self._settings.policy,
            self._books_of(tenant).parents(resource),
        )

    def _excesses(self, plan: Plan) -> list[str]:
        excesses = []
        for stream in plan.streams:
            number = sum(step.wish.resource.stream == stream for step in plan.writes)
            most = self._most(stream) if number else 0
            if number > most:
                excesses.append(
                    f"{stream}: {number:,} writes are more than max_changes, which is {most:,} "
                    f"({self._settings.max_changes}), so nothing is written. If they are meant, "
                    "raise the setting for one run."
                )
        return excesses

    def _most(self, stream: str) -> int:
        setting = self._settings.max_changes.strip()
        if not setting.endswith("%"):
            return int(setting)
        rows = self._lakehouse.count(RESOURCES[stream]) if self._lakehouse else 0
        return int(rows * float(setting[:-1]) / 100)


def entry_of(step: Step) -> Entry:
    """The row of the ledger that a step begins with."""
    wish, status = step.wish, PLANNED if step.verdict == "write" else step.verdict
    changes = step.changes
    if step.verdict == CONFLICT:
        changes = tuple(change for change in changes if change.name in step.undecided)
    payload = text_of(step.payload) if step.payload is not None else None
    return Entry(
        job_id="",
        written_at=_NEVER,
        step=0,
        tenant_id=wish.tenant_id,
        stream=wish.resource.stream,
        key=step.key,
        action=step.action,
        status=status,
        words=step.words or None,
        reason=wish.reason,
        payload=payload,
        payload_hash=sha256(payload.encode()).hexdigest() if payload else None,
        before=_by_field(changes, "before"),
        after=_by_field(changes, "after"),
        natural_key=wish.key if step.id is None else None,
        xero_id=step.id,
    )


def _by_field(changes: Sequence[Change], side: str) -> str:
    return text_of({change.name: getattr(change, side) for change in changes})


def _is_said(last: Entry | None, entry: Entry) -> bool:
    """Whether the ledger's last row of a record says what a new one would, or is still open."""
    if last is None:
        return False
    if last.status in OPEN:
        return True
    names = ("status", "words", "before", "after", "payload_hash")
    return all(getattr(last, name) == getattr(entry, name) for name in names)


def _past(entries: Sequence[Entry], tenant_id: str, stream: str) -> dict[str, Past]:
    """What the ledger knows of the records of a stream, by id and by natural key."""
    applied: dict[str, dict[str, Any]] = defaultdict(dict)
    conflict: dict[str, dict[str, tuple[Any, Any]]] = {}
    made: dict[str, str] = {}
    for each in entries:
        if (each.tenant_id, each.stream) != (tenant_id, stream):
            continue
        key = each.xero_id or each.key
        after = value_of(each.after)
        if each.status == APPLIED:
            applied[key].update(after)
            if each.natural_key:
                made[each.natural_key] = key
        if each.status == CONFLICT:
            before = value_of(each.before)
            conflict[key] = {name: (before[name], after[name]) for name in after}
        elif each.status == APPLIED:
            conflict.pop(key, None)
    keys = {*applied, *conflict, *made}
    return {key: Past(applied.get(key, {}), conflict.get(key, {}), made.get(key)) for key in keys}


_NEVER = datetime.fromtimestamp(0, UTC)
"""Until the ledger says when."""


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Keep other runs of this machine from writing by the same ledger.

    Raises:
        ConfigurationError: One is at it.
    """
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = path if "://" in path else str(Path(path).resolve())
    name = sha256(place.encode()).hexdigest()[:16]
    try:
        with FileLock(folder / f"writes-{name}.lock", timeout=0):
            yield
    except Timeout:
        raise ConfigurationError(
            f"Another target-xero is writing (ledger {path}). Run this one when it has ended."
        ) from None


def exit_code(plan: Plan, entries: Sequence[Entry]) -> int:
    """0, 1 or 2: see above."""
    if plan.excesses:
        return 2
    return int(any(each.status != APPLIED for each in entries))
