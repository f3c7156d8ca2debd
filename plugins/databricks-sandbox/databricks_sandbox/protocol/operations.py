"""Sessions and operations of the warehouse, by handle.

An operation runs in a thread of its own, so that a client that wants to can poll, cancel or leave.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from databricks_sandbox.clock import Clock
from databricks_sandbox.engine.spark import Engine
from databricks_sandbox.identity import Principal
from databricks_sandbox.limits import IDLE_SESSION_SECONDS, STATEMENTS_AT_ONCE
from databricks_sandbox.protocol.results import WireResult
from databricks_sandbox.session import Session
from databricks_sandbox.statements import Statement
from databricks_sandbox.unity.executor import Executor


@dataclass
class Operation:
    """A statement or metadata call on its way.

    Attributes:
        identifier: 16 bytes, hexadecimal.
        session: the session that sent it.
        statement: its line in the statement log.
        done: ends when it has a result, an error, or was cancelled.
        result: what it answered.
        error: what went wrong; the exception as it was raised.
        cancelled: the client gave up on it.
    """

    identifier: str
    session: Session
    statement: Statement
    done: Future[None] = field(default_factory=Future)
    result: WireResult | None = None
    error: BaseException | None = None
    cancelled: bool = False

    def cancel(self) -> None:
        """Stop it in the engine; its result, if any, is forgotten."""
        if self.done.done():
            return
        self.cancelled = True
        self.statement.state = "canceled"
        self.session.engine.cancel(self.identifier)
        self.end()

    def end(self) -> None:
        """Let those go on who wait for it; it may have ended before."""
        # Its thread and the one that cancels it may come at once.
        with suppress(InvalidStateError):
            self.done.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Wait for it to end, but no longer than this."""
        if not self.done.done():
            await asyncio.wait([asyncio.wrap_future(self.done)], timeout=seconds)


class Registry:
    """All open sessions and operations.

    Args:
        clock: decides when sessions were idle for too long.
        engine: makes the Spark session behind each.
        executor: brings new sessions into their namespace.

    Attributes:
        idle_seconds: how long an unused session stays open.
        settings: Spark's settings of sessions that are opened from now on, beside those of their
            clients.
    """

    def __init__(self, clock: Clock, engine: Engine, executor: Executor) -> None:
        self.idle_seconds = IDLE_SESSION_SECONDS
        self.settings: dict[str, str] = {}
        self._clock = clock
        self._engine = engine
        self._executor = executor
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._operations: dict[str, Operation] = {}
        self._threads = ThreadPoolExecutor(STATEMENTS_AT_ONCE, thread_name_prefix="statement")

    def open(
        self,
        principal: Principal,
        catalog: str | None,
        schema: str | None,
        configuration: dict[str, str],
        base_url: str,
    ) -> Session:
        """Open a session.

        Args:
            principal: who opens it.
            catalog: its current catalog; None for the sandbox's own.
            schema: its current schema, which need not exist; None for `default`.
            configuration: settings of the client, Databricks' own in lower case.
            base_url: where the client reaches the server.

        Raises:
            SqlError: there is no such catalog, or no such setting.
        """
        engine = self._engine.session(principal.name)
        for name, value in self.settings.items():
            engine.set_conf(name, value)
        session = Session(
            uuid.uuid4().hex, principal, engine, configuration, base_url, self._clock.now()
        )
        with self._lock:
            self._sessions[session.identifier] = session
        try:
            self._executor.begin(session, catalog, schema)
        except BaseException:
            self.close(session.identifier)
            raise
        return session

    def session(self, identifier: str) -> Session:
        """The open session of this id.

        Raises:
            KeyError: it is closed, was idle for too long, or never was.
        """
        now = self._clock.now()
        with self._lock:
            session = self._sessions[identifier]
            if now - session.used_at > self.idle_seconds:
                del self._sessions[identifier]
                raise KeyError(identifier)
            session.used_at = now
            return session

    def close(self, identifier: str) -> None:
        """Close a session and cancel what it still runs."""
        with self._lock:
            self._sessions.pop(identifier, None)
            operations = [
                o for o in self._operations.values() if o.session.identifier == identifier
            ]
        for operation in operations:
            operation.cancel()
            self.forget(operation.identifier)

    def close_all(self) -> None:
        """Close every session, as a warehouse does when it stops."""
        for identifier in self.session_ids():
            self.close(identifier)

    def restore(self) -> None:
        """Close every session; those to come are as in a new sandbox."""
        self.close_all()
        self.idle_seconds = IDLE_SESSION_SECONDS
        self.settings.clear()

    def session_ids(self) -> list[str]:
        """Ids of the open sessions."""
        with self._lock:
            return list(self._sessions)

    def submit(
        self, session: Session, statement: Statement, run: Callable[[Operation], WireResult]
    ) -> Operation:
        """Run something as an operation of a session."""
        operation = Operation(uuid.uuid4().hex, session, statement)
        with self._lock:
            self._operations[operation.identifier] = operation
        self._threads.submit(self._run, operation, run)
        return operation

    def operation(self, identifier: str) -> Operation:
        """The operation of this id.

        Raises:
            KeyError: it was closed, or never was.
        """
        with self._lock:
            return self._operations[identifier]

    def forget(self, identifier: str) -> None:
        """Drop an operation and its result."""
        with self._lock:
            self._operations.pop(identifier, None)

    def shutdown(self) -> None:
        """Close everything; running statements are cancelled."""
        self.close_all()
        self._threads.shutdown(wait=True, cancel_futures=True)

    @staticmethod
    def _run(operation: Operation, run: Callable[[Operation], Any]) -> None:
        started = time.perf_counter()
        line = operation.statement
        try:
            operation.result = run(operation)
        except Exception as error:  # noqa: BLE001 - the answer to the client that waits for it
            operation.error = error
        line.seconds = time.perf_counter() - started
        if not operation.cancelled:
            line.state = "failed" if operation.error else "finished"
            line.error = str(operation.error) if operation.error else None
        operation.end()
