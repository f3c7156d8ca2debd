"""The fault plan: what goes wrong, where, and how often. Nothing goes wrong unless planned.

A fault waits at one place of the sandbox (see `PLACES`), is taken when something matching comes by,
and is gone after `times`. In Python: `sandbox.faults.add(Fault(...))` or the functions below; over
HTTP: `POST /sandbox/faults` with the same fields as JSON.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from databricks_sandbox.errors import SQLSTATES, SqlError

# Where a fault can wait, and what its `match` (a regular expression) is searched in.
PLACES = {
    "open_session": "the principal's name",
    "execute": "the text of the statement, before it runs",
    "after_execute": "the text of the statement, when it has run and before its answer is sent",
    "status": "the text of the statement, when its status is asked for",
    "fetch": "the text of the statement, when rows are fetched",
    "upload": "the path in the volume, when a file is sent",
    "uploaded": "the path in the volume, when a file is stored and before the answer is sent",
    "download": "the path in the volume, when a file is fetched",
    "remove": "the path in the volume, when a file is removed",
    "token": "the client id, when an OAuth token is asked for",
    "api": "method and path of a REST call",
}

# What a fault can do, and the fields that shape it.
EFFECTS = {
    "http": "answer with HTTP `status`, `retry_after`, `condition` and `message`",
    "error": "fail the statement with `condition`, `message`, `sqlstate`",
    "invalid_session": "close the session first",
    "cut": "close the connection, an upload after `after_bytes`",
    "delay": "wait `seconds` of real time",
    "disk_full": "store `after_bytes` of an upload, then answer HTTP 507",
}


@dataclass
class Fault:
    """One thing that goes wrong.

    Attributes:
        at: a key of `PLACES`.
        effect: a key of `EFFECTS`.
        match: regular expression, searched in what `PLACES` names; everything matches by default.
        times: how often it happens; None for ever.
        skip: how many matches pass before it happens.
        status: HTTP status of an `http` fault.
        retry_after: seconds of the Retry-After header of an `http` fault; None for no header.
        condition: error condition, as `errors.SqlError` takes it, or a REST error code.
        message: the sentence.
        sqlstate: five characters; None to look the condition up.
        seconds: how long a `delay` is, in real time.
        lasts: seconds from its first time to its end, by the sandbox's clock, beside `times`; None
            for no end.
        after_bytes: how much of an upload is read before it goes wrong.
        happened: how often it has happened so far.
    """

    at: str
    effect: str
    match: str = ""
    times: int | None = 1
    skip: int = 0
    status: int = 503
    retry_after: int | None = 1
    condition: str = "TEMPORARILY_UNAVAILABLE"
    message: str = "The service is temporarily unavailable. Please try again later."
    sqlstate: str | None = None
    seconds: float = 0.0
    after_bytes: int = 0
    lasts: float | None = None
    happened: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False, repr=False)
    _began: float | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.at not in PLACES:
            raise ValueError(f"no place '{self.at}'; there are {', '.join(PLACES)}")
        if self.effect not in EFFECTS:
            raise ValueError(f"no effect '{self.effect}'; there are {', '.join(EFFECTS)}")
        if self.effect == "error" and not self.sqlstate and self.condition not in SQLSTATES:
            raise ValueError(f"the condition '{self.condition}' needs its sqlstate")
        re.compile(self.match)

    @property
    def delay(self) -> float:
        """Seconds to wait before it happens."""
        return self.seconds if self.effect == "delay" else 0.0

    def happen(self) -> None:
        """Let it happen, but for its delay.

        Raises:
            HttpError: the request is answered with a status.
            ConnectionCutError: the request is not answered at all.
            InvalidSessionError: the session is to be closed first.
            SqlError: the statement fails.
            ValueError: its effect is for uploads only.
        """
        if self.effect == "http":
            raise HttpError(self.status, self.condition, self.message, self.retry_after)
        if self.effect == "cut":
            raise ConnectionCutError
        if self.effect == "invalid_session":
            raise InvalidSessionError
        if self.effect == "error":
            raise SqlError(self.condition, self.message, self.sqlstate)
        if self.effect != "delay":
            raise ValueError(f"a '{self.effect}' fault cannot happen at '{self.at}'")


class HttpError(Exception):
    """Ends a request with an HTTP status instead of an answer."""

    def __init__(
        self, status: int, code: str, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class ConnectionCutError(Exception):
    """Ends a request by closing its connection without an answer."""


class InvalidSessionError(Exception):
    """The session of the request is to be closed before the request is looked at."""


class FaultPlan:
    """The faults that wait; safe to use from several threads.

    Args:
        now: the sandbox's time.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Plan a fault; the returned object counts how often it has happened."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def planned(self) -> list[dict[str, Any]]:
        """All faults that were added, those that are used up included."""
        with self._lock:
            return [
                {name: value for name, value in vars(fault).items() if not name.startswith("_")}
                for fault in self._faults
            ]

    def take(self, at: str, text: str, effects: Iterable[str] = EFFECTS) -> Fault | None:
        """The first fault that applies here and now, counted as happened."""
        with self._lock:
            for fault in self._faults:
                if fault.at != at or fault.effect not in effects:
                    continue
                if not re.search(fault.match, text, re.IGNORECASE | re.DOTALL):
                    continue
                fault._seen += 1  # noqa: SLF001 - the plan keeps the count
                used_up = fault.times is not None and fault.happened >= fault.times
                if used_up or fault._seen <= fault.skip or self._is_over(fault):  # noqa: SLF001
                    continue
                fault.happened += 1
                return replace(fault)
        return None

    def _is_over(self, fault: Fault) -> bool:
        now = self._now()
        began = fault._began = now if fault._began is None else fault._began  # noqa: SLF001
        return fault.lasts is not None and now - began >= fault.lasts

    def strike(self, at: str, text: str) -> None:
        """Let happen here what is planned here; in a thread that may wait.

        Raises:
            Exception: what `Fault.happen` raises.
        """
        fault = self.take(at, text)
        if fault is not None:
            time.sleep(fault.delay)
            fault.happen()

    async def strike_call(self, at: str, text: str) -> None:
        """The same for a call on its way in, while others are answered.

        Raises:
            Exception: what `Fault.happen` raises.
        """
        fault = self.take(at, text)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            fault.happen()


def concurrent_append(match: str = "MERGE", times: int | None = 1) -> Fault:
    """A conflict as Delta words it, forced on statements that match, before they run."""
    return Fault(
        "execute",
        "error",
        match,
        times,
        condition="DELTA_CONCURRENT_APPEND",
        message="ConcurrentAppendException: Files were added to the root of the table by a "
        "concurrent update. Please try the operation again.",
    )


def outage(at: str, match: str = "", effect: str = "http", seconds: float = 300.0) -> Fault:
    """Whatever matches gets no answer, or HTTP 503, for minutes of the sandbox's clock."""
    return Fault(at, effect, match, times=None, lasts=seconds, retry_after=None)


def not_ready(times: int | None = 2) -> Fault:
    """A warehouse that says it is RUNNING, and refuses sessions in the words of a cold start."""
    return Fault(
        "open_session",
        "error",
        times=times,
        condition="INTERNAL_ERROR",
        message="Query could not be scheduled: HTTP Response code: 503. Please try again later.",
    )


def already_there(match: str, kind: str) -> Fault:
    """Somebody else makes a `SCHEMA`, `VOLUME` or `TABLE` at once, so that IF NOT EXISTS fails."""
    condition, state = {
        "SCHEMA": ("SCHEMA_ALREADY_EXISTS", "42P06"),
        "VOLUME": ("VOLUME_ALREADY_EXISTS", "42000"),
        "TABLE": ("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
    }[kind]
    message = f"Cannot create the {kind.lower()} because it already exists."
    return Fault(
        "after_execute", "error", match, condition=condition, message=message, sqlstate=state
    )


def unavailable(
    at: str = "execute", match: str = "", times: int | None = 1, retry_after: int | None = 1
) -> Fault:
    """503 TEMPORARILY_UNAVAILABLE, as while a warehouse starts."""
    return Fault(at, "http", match, times, status=503, retry_after=retry_after)


def too_many_requests(
    at: str = "execute", match: str = "", times: int | None = 1, retry_after: int | None = 1
) -> Fault:
    """429 with Retry-After."""
    return Fault(
        at,
        "http",
        match,
        times,
        status=429,
        retry_after=retry_after,
        condition="REQUEST_LIMIT_EXCEEDED",
        message="Too many requests. Please wait a moment and try again.",
    )
