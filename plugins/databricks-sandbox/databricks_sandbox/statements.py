"""The statement log: what was sent, by whom, how long the engine had it. For tests to read."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Statement:
    """One statement that reached the warehouse.

    Attributes:
        text: as it was sent.
        session: id of the session, hexadecimal.
        principal: who sent it.
        query_tags: of the session, overlaid with those of the statement.
        parameters: names or positions and texts of native parameters.
        answered_by: `spark`, or the name of the rule that answered or changed it.
        seconds: from arrival to result.
        engine_seconds: inside Spark, over all that was run for it.
        modified_rows: rows inserted, updated and deleted; None when it changes none.
        error: the error text; None when it succeeded.
        state: `running`, `finished`, `failed` or `canceled`.
    """

    text: str
    session: str
    principal: str
    query_tags: dict[str, str | None] = field(default_factory=dict)
    parameters: list[tuple[str, str, str | None]] = field(default_factory=list)
    answered_by: str = "spark"
    seconds: float = 0.0
    engine_seconds: float = 0.0
    modified_rows: int | None = None
    error: str | None = None
    state: str = "running"


@dataclass(frozen=True)
class Staging:
    """One file that was moved.

    Attributes:
        operation: `PUT`, `GET`, `REMOVE` or, when it failed, the same with ` failed` behind.
        path: in the volume, from `/Volumes` on.
        size: bytes moved.
    """

    operation: str
    path: str
    size: int


class StatementLog:
    """Statements, stagings and calls in the order of their arrival; for use by several threads."""

    def __init__(self) -> None:
        self._statements: list[Statement] = []
        self._stagings: list[Staging] = []
        self._calls: list[str] = []
        self._lock = threading.Lock()

    def begin(self, statement: Statement) -> Statement:
        """Note a statement on arrival; the object is filled in while it runs."""
        with self._lock:
            self._statements.append(statement)
        return statement

    def add_staging(self, operation: str, path: str, size: int) -> None:
        """Note a file that was moved."""
        with self._lock:
            self._stagings.append(Staging(operation, path, size))

    def add_call(self, call: str) -> None:
        """Note a call of the REST API on arrival: its method and its path."""
        with self._lock:
            self._calls.append(call)

    @property
    def calls(self) -> list[str]:
        """All calls of the REST API so far; those of files are among the stagings as well."""
        with self._lock:
            return list(self._calls)

    @property
    def statements(self) -> list[Statement]:
        """All statements so far."""
        with self._lock:
            return list(self._statements)

    @property
    def stagings(self) -> list[Staging]:
        """All files moved so far."""
        with self._lock:
            return list(self._stagings)

    def texts(self, starting_with: str = "") -> list[str]:
        """Texts of the statements that begin like this, whatever the case."""
        start = starting_with.upper()
        return [s.text for s in self.statements if s.text.lstrip().upper().startswith(start)]

    def clear(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self._statements.clear()
            self._stagings.clear()
            self._calls.clear()

    def as_json(self) -> dict[str, list[Any]]:
        """Everything as JSON values."""
        return {
            "statements": [asdict(statement) for statement in self.statements],
            "stagings": [asdict(staging) for staging in self.stagings],
            "calls": self.calls,
        }
