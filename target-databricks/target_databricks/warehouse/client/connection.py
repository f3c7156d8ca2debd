"""Statements to a warehouse: a pool of connections that mend themselves.

A statement is sent until it is answered or the error is final: sessions that are gone are
reopened, a stopped warehouse is started, conflicts and outages are waited out. Only this module
sends a statement again; the connector's own retries are off, since it does not tell of them.

Where an answer is lost, the statement may be at work still, or wait for its turn. One that the
warehouse has given a handle for is asked after until it is known what became of it. Of another
nothing can be asked: whoever runs a statement that must not take effect twice says by `again` how a
copy of it is kept from that (`warehouse/fence.py`).

Source: databricks-sql-connector 4.9, `DatabricksRetryPolicy`: by default ExecuteStatement is sent
again after 429, 503 and a broken connection.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import pyarrow as pa
from singer_sdk.exceptions import FatalSyncError

from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client.access import Access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import Problem, answered, classify, failed_poll
from target_databricks.warehouse.client.rules import AGAIN, STATEMENT_TIMEOUT, Kind

logger = logging.getLogger("target-databricks")

T = TypeVar("T")

# At their own level the clients log every request in full; seen when the root logger is verbose.
for _name in ("databricks", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_RETRY_DELAY = 5.0
"""Seconds; the least the connector allows for the one retry that opening a session has."""
_LONGEST_POLL = 10.0
"""Seconds between two questions how a statement is doing that get no answer."""


_GRACE = 30.0
"""Seconds that the warehouse has to say itself that a statement took too long."""
_SOCKET_TIMEOUT = 900.0
"""Seconds that the connector waits for an answer by default."""

_RELIED_ON = {"timezone": "UTC", "ansi_mode": "true"}
"""Accounts have ANSI mode off, where casts turn what overflows into NULL."""


def session_settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Configuration parameters of sessions, as the target's settings have them.

    Raises:
        ConfigurationError: One of them is the target's own.
    """
    stated = {str(k).lower(): str(v) for k, v in (config.get("session_settings") or {}).items()}
    if own := sorted(_RELIED_ON.keys() & stated):
        raise ConfigurationError(
            f"The setting 'session_settings' has {' and '.join(own)}, which the target sets "
            "itself, because its statements rely on them. Take them out."
        )
    timeout = config.get("statement_timeout")
    return stated if timeout is None else {**stated, "statement_timeout": str(timeout)}


class StatementError(FatalSyncError):
    """A statement that failed for good.

    Attributes:
        problem: What was wrong.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


class Connections:
    """Connections to one warehouse, opened when needed and used by one thread at a time.

    Args:
        access: Where it is, and the way in.
        tags: What the warehouse's query history should show of every statement.
        backoff: How long to keep trying one statement.
        start: Makes sure that the warehouse runs; called before the first statement, and after an
            outage.
        settings: Configuration parameters of sessions, beside those that the statements rely on.
    """

    def __init__(
        self,
        access: Access,
        tags: Mapping[str, str],
        backoff: Backoff,
        start: Callable[[], None],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._access = access
        self._settings = {**(settings or {}), **_RELIED_ON}
        limit = float(self._settings.get("statement_timeout") or 0)
        self._longest = limit + _GRACE if limit else math.inf
        self._tags = dict(tags)
        self.backoff = backoff
        self._start = start
        self._idle: list[Any] = []
        self._accepted = False
        self._awake = False
        self._waking = threading.Lock()
        self._lock = threading.Lock()

    def run(
        self,
        statement: str,
        tags: Mapping[str, str] | None = None,
        *,
        again: Callable[[], str] | None = None,
    ) -> pa.Table:
        """Run a statement, as often as it takes.

        Args:
            statement: SQL.
            tags: More query tags, for this statement.
            again: Keeps a copy that may still be at work from taking effect, if it has not by then,
                and gives the statement to send next.

        Returns:
            Its rows.

        Raises:
            StatementError: It failed for good.
        """
        return self._until_answered(
            statement, lambda connection, text: self._once(connection, text, tags or {}), again
        )

    def stream(self, statement: str, rows: int = 10_000) -> Iterator[pa.Table]:
        """Run a query and take its rows as they come.

        It is sent again until it is answered, and not once its first rows are there: another
        answer may have them in another order.

        Args:
            statement: SQL that changes nothing.
            rows: The most that come at once.

        Yields:
            Its rows, some at a time.

        Raises:
            StatementError: It failed for good, or its rows stopped coming.
        """
        connection, cursor = self._until_answered(statement, self._opened)
        try:
            while (some := cursor.fetchmany_arrow(rows)).num_rows:
                yield some
        except Exception as error:
            raise StatementError(classify(error)) from error
        finally:
            _close(connection)

    def _opened(self, connection: Any, statement: str) -> tuple[Any, Any]:
        """A connection and its cursor, whose rows are yet to be fetched."""
        try:
            cursor = connection.cursor()
            self._execute(cursor, statement, self._tags)
        except BaseException:
            _close(connection)
            raise
        return connection, cursor

    def _until_answered(
        self,
        statement: str,
        send: Callable[[Any, str], T],
        again: Callable[[], str] | None = None,
    ) -> T:
        with self._waking:
            if not self._awake:
                self._start()
                self._awake = True
        attempts = self.backoff.attempts()
        failed = Counter[Kind]()
        while True:
            last, sent = next(attempts), False
            try:
                connection = self._take()
                sent = True
                return send(connection, statement)
            except StatementError:
                raise
            except Exception as error:
                problem = classify(error)
                failed[problem.kind] += 1
                often = failed[problem.kind] > AGAIN.get(problem.kind, math.inf)
                # Credentials that were never accepted will not be better in a second.
                wrong = problem.kind is Kind.REFUSED and not self._accepted
                if last or often or wrong:
                    raise StatementError(problem) from error
                lost = sent and not answered(error, problem)
            logger.info("A statement failed (%s): %s.", problem.reason, problem.kind.value)
            if problem.kind is not Kind.CONFLICT:
                # The connector keeps a token for as long as a connection lives; a new connection
                # asks the SDK, which has renewed it.
                self._drop_idle()
                self._start()
            if lost and again is not None:
                statement = again()

    def make(self, statement: str) -> None:
        """Run a statement that makes something; if somebody else was faster, all is well."""
        try:
            self.run(statement)
        except StatementError as error:
            if error.problem.kind is not Kind.EXISTS:
                raise

    def close(self) -> None:
        """Close all sessions."""
        self._drop_idle()

    def _once(self, connection: Any, statement: str, tags: Mapping[str, str]) -> pa.Table:
        try:
            with connection.cursor() as cursor:
                self._execute(cursor, statement, {**self._tags, **tags})
                rows = cursor.fetchall_arrow() if cursor.description else pa.table({})
        except BaseException:
            # After a failure nobody knows what the session is good for; a new one costs little.
            _close(connection)
            raise
        with self._lock:
            self._idle.append(connection)
        return rows

    def _execute(self, cursor: Any, statement: str, tags: Mapping[str, str]) -> None:
        """Run a statement to its end, also where the connector gives up asking how it is doing.

        Raises:
            StatementError: The warehouse has taken it and did not say for too long what became of
                it, or let it run for too long.
        """
        # The connector asks for as long as the warehouse says that it is at it.
        bounded = self._longest < math.inf
        try:
            (cursor.execute_async if bounded else cursor.execute)(statement, query_tags=tags)
        except Exception as error:
            if not failed_poll(error):
                raise
        else:
            if not bounded:
                return
        self._await(cursor)
        cursor.get_async_execution_result()

    def _await(self, cursor: Any) -> None:
        from databricks.sql.backend.types import CommandState

        attempts, clock = self.backoff.attempts(longest=_LONGEST_POLL), self.backoff.clock
        end = clock() + self._longest
        while True:
            last = next(attempts)
            try:
                state = cursor.get_query_state()
            except Exception as error:
                if not failed_poll(error):
                    raise
                problem = classify(error)
                if last or clock() >= end:
                    raise StatementError(problem) from error
                logger.info("%s Asking again.", problem.reason)
                continue
            if state is CommandState.PENDING:
                # Its time begins when the warehouse begins with it.
                end = clock() + self._longest
            elif state is not CommandState.RUNNING:
                return
            elif clock() >= end:
                raise StatementError(_stopped(cursor, self._longest - _GRACE))
            # It answers again.
            attempts = self.backoff.attempts(longest=_LONGEST_POLL)

    def _take(self) -> Any:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        from databricks import sql

        connection = sql.connect(
            **self._access.connect_arguments(),
            user_agent_entry=self._access.product,
            enable_telemetry=False,
            _retry_delay_min=1.0,
            _retry_delay_max=_RETRY_DELAY,
            _retry_stop_after_attempts_count=1,
            session_configuration=self._settings,
            _socket_timeout=min(_SOCKET_TIMEOUT, self._longest),
        )
        # No setting of the connector goes below one retry.
        client: Any = connection.session.backend
        client.retry_policy.total = 0
        # Whoever had a session had a token: one that is refused now has run out meanwhile.
        self._accepted = True
        return connection

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            _close(connection)


def _close(connection: Any) -> None:
    # A session that is gone already cannot be closed, and need not be.
    with suppress(Exception):
        connection.close()


def _stopped(cursor: Any, limit: float) -> Problem:
    """Stop a statement that the warehouse lets run for too long, and say what that means."""
    from databricks.sql.backend.types import CommandState

    over = {CommandState.CANCELLED, CommandState.CLOSED}
    reason = f"The statement ran for more than {limit:.0f} s, and the warehouse did not end it."
    ended = False
    with suppress(Exception):
        cursor.cancel()
        ended = cursor.get_query_state() in over
    # What may be at work still is left to the next run, which stands behind a fence.
    return Problem(Kind.TABLE if ended else Kind.FINAL, reason, STATEMENT_TIMEOUT)
