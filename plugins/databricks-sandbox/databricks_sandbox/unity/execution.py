"""One statement on its way through the front: who sent it, and the way to Spark."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.metastore import Kind, Name, Securable
from databricks_sandbox.unity.result_set import Answer
from databricks_sandbox.unity.sql_text import Reader

if TYPE_CHECKING:
    from databricks_sandbox.engine.session import EngineSession
    from databricks_sandbox.protocol.operations import Session
    from databricks_sandbox.statements import Statement
    from databricks_sandbox.unity.executor import Front

# How many parts the full name of each kind has.
_PARTS: dict[Kind, int] = {"CATALOG": 1, "SCHEMA": 2, "TABLE": 3, "VOLUME": 3}


@dataclass
class Call:
    """A statement and what its rules need.

    Attributes:
        front: the state of Unity Catalog, and the engine.
        session: the session that sent it.
        text: as it was sent, parameters bound.
        line: its line in the statement log.
        group: the name to cancel it by.
        views: temporary views made for it, dropped when it is done.
    """

    front: Front
    session: Session
    text: str
    line: Statement
    group: str
    views: set[str] = field(default_factory=set)

    @property
    def engine(self) -> EngineSession:
        """The Spark session of the client's session."""
        return self.session.engine

    @property
    def principal(self) -> str:
        """Who sent it."""
        return self.session.principal.name

    def reader(self) -> Reader:
        """A reader at the start of the text."""
        return Reader(self.text)

    def spark(self, text: str | None = None) -> Answer:
        """Run a text in Spark, after the text rules, and with the sender's permissions."""
        try:
            statement = self.front.prepared(self, self.text if text is None else text)
            self.front.authorise(self, statement)
            return self.engine_answer(statement)
        finally:
            while self.views:
                self.engine.drop_view(self.views.pop())

    def engine_answer(self, text: str) -> Answer:
        """Run a text in Spark exactly as it is, with no check."""
        started = time.perf_counter()
        try:
            result = self.engine.sql(text, group=self.group)
        finally:
            self.line.engine_seconds += time.perf_counter() - started
        return Answer(result.table, result.schema, result.modified_rows)

    def full_name(self, name: Name, kind: Kind) -> Name:
        """A name with the parts it leaves out, in lower case.

        Raises:
            SqlError: it has more parts than such a name can have.
        """
        wanted = _PARTS[kind]
        if len(name) > wanted:
            raise SqlError("PARSE_SYNTAX_ERROR", f"'{'.'.join(name)}' has too many parts.")
        current = (self.engine.current_catalog, *self.engine.current_namespace())
        missing = wanted - len(name)
        return tuple(part.lower() for part in (*current[:missing], *name))

    def securable(self, name: Name, kind: Kind) -> Securable:
        """What a name means here."""
        return Securable(kind, self.full_name(name, kind))

    def require(self, privilege: str, securable: Securable) -> None:
        """Check a privilege of the sender, and USE on what is above.

        Raises:
            SqlError: INSUFFICIENT_PERMISSIONS, as Databricks words it.
        """
        self.front.grants.require(self.session.principal, privilege, securable)
