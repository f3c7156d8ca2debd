"""One statement under way: who sent it, its text, and the way to Spark."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from databricks_sandbox.engine.session import EngineSession
from databricks_sandbox.errors import SqlError
from databricks_sandbox.identity import Principal
from databricks_sandbox.session import Session
from databricks_sandbox.statements import Statement
from databricks_sandbox.unity.metastore import Kind, Name, Securable
from databricks_sandbox.unity.result_set import ResultSet
from databricks_sandbox.unity.sql_text import Reader

# How many parts the full name of each kind has.
_PARTS: dict[Kind, int] = {"CATALOG": 1, "SCHEMA": 2, "TABLE": 3, "VOLUME": 3}


@dataclass
class Execution:
    """A statement that is being answered.

    Attributes:
        session: the session that sent it.
        text: as it was sent, parameters bound.
        line: its line in the statement log.
        group: the name to cancel it by.
        views: temporary views made for it, dropped when it is done.
    """

    session: Session
    text: str
    line: Statement
    group: str
    views: set[str] = field(default_factory=set)

    @classmethod
    def of_session(cls, session: Session, name: str) -> Execution:
        """A call that is about a session and has no text of its own."""
        line = Statement(name, session.identifier, session.principal.name)
        return cls(session, "", line, session.identifier)

    @property
    def engine(self) -> EngineSession:
        """The Spark session of the client's session."""
        return self.session.engine

    @property
    def principal(self) -> Principal:
        """Who sent it."""
        return self.session.principal

    def reader(self) -> Reader:
        """A reader at the start of the text."""
        return Reader(self.text)

    def run(self, text: str) -> ResultSet:
        """Run a text in Spark exactly as it is, with no check."""
        started = time.perf_counter()
        try:
            result = self.engine.sql(text, group=self.group)
        finally:
            self.line.engine_seconds += time.perf_counter() - started
        return ResultSet(result.table, result.schema, result.modified_rows)

    def drop_views(self) -> None:
        """Drop the temporary views that were made for it."""
        while self.views:
            self.engine.drop_view(self.views.pop())

    def full_name(self, name: Name, kind: Kind) -> Name:
        """A name with the parts it leaves out, in lower case.

        Raises:
            SqlError: it has more parts than such a name can have.
        """
        parts = _PARTS[kind]
        if len(name) > parts:
            raise SqlError("PARSE_SYNTAX_ERROR", f"'{'.'.join(name)}' has too many parts.")
        current = (self.engine.current_catalog, *self.engine.current_namespace())
        missing = parts - len(name)
        return tuple(part.lower() for part in (*current[:missing], *name))

    def securable(self, name: Name, kind: Kind) -> Securable:
        """What a name means here."""
        return Securable(kind, self.full_name(name, kind))
