"""The front: gives each statement to the rule that knows it, and everything else to Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks_sandbox.errors import SqlError
from databricks_sandbox.statements import Statement
from databricks_sandbox.unity.catalog_statements import use as use_catalog
from databricks_sandbox.unity.execution import Call
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.permissions import authorise
from databricks_sandbox.unity.rules import STATEMENT_RULES, TEXT_RULES
from databricks_sandbox.unity.settings import spark_setting
from databricks_sandbox.unity.sql_text import head

if TYPE_CHECKING:
    from databricks_sandbox.engine.spark import Engine
    from databricks_sandbox.identity import Identity
    from databricks_sandbox.protocol.operations import Session
    from databricks_sandbox.statements import StatementLog
    from databricks_sandbox.unity.metastore import Metastore, Name, Securable
    from databricks_sandbox.unity.result_set import Answer
    from databricks_sandbox.unity.volumes import Volumes


class Front:
    """Answers statements.

    Args:
        engine: Spark.
        metastore: what Spark does not keep.
        volumes: files.
        identity: who there is.
        log: where moved files are noted.

    Attributes:
        grants: who may do what.
    """

    def __init__(
        self,
        engine: Engine,
        metastore: Metastore,
        volumes: Volumes,
        identity: Identity,
        log: StatementLog,
    ) -> None:
        self.engine = engine
        self.metastore = metastore
        self.volumes = volumes
        self.identity = identity
        self.log = log
        self.grants = Grants(metastore, identity)

    def begin(self, session: Session, catalog: str | None, schema: str | None) -> None:
        """Bring a new session into the namespace and with the settings its client asked for.

        Raises:
            SqlError: there is no such catalog or schema, or a setting is not known.
        """
        engine = session.engine
        engine.attach_catalogs(self.metastore.catalogs)
        for name, value in session.configuration.items():
            setting = spark_setting(name)
            if setting is not None:
                engine.set_conf(setting, value)
        line = Statement("OpenSession", session.identifier, session.principal.name)
        call = Call(self, session, "", line, session.identifier)
        if catalog:
            use_catalog(call, catalog.lower())
        if schema:
            engine.begin_in_schema(schema.lower())

    def execute(
        self,
        session: Session,
        text: str,
        line: Statement,
        group: str,
    ) -> Answer:
        """Answer one statement.

        Args:
            session: the session that sent it.
            text: as it was sent, parameters bound.
            line: its line in the statement log; the name of the rule goes there.
            group: the name to cancel it by.

        Raises:
            SqlError: the front refuses it.
            pyspark.errors.PySparkException: Spark does.
        """
        call = Call(self, session, text, line, group)
        session.engine.attach_catalogs(self.metastore.catalogs)
        words = head(text)
        for rule in STATEMENT_RULES:
            if rule.pattern.match(words):
                line.answered_by = rule.name
                return rule.answer(call)
        return call.spark()

    def prepared(self, call: Call, text: str) -> str:
        """The text as Spark can read it: the few names it does not know, replaced."""
        lowered = text.lower()
        for rule in TEXT_RULES:
            if any(trigger in lowered for trigger in rule.triggers):
                changed = rule.change(call, text)
                if changed != text and call.line.answered_by == "spark":
                    call.line.answered_by = rule.name
                text = changed
        return text

    def authorise(self, call: Call, text: str) -> None:
        """Check that the sender may run this text in Spark."""
        if not self.grants.is_admin(call.session.principal):
            authorise(call, text)

    def schemas(self, call: Call) -> list[Name]:
        """Catalog and name of every schema there is."""
        answer = call.engine_answer("SHOW SCHEMAS")
        first = self.engine.catalog
        return [
            (self.metastore.schemas.get(name, first), name)
            for name in answer.table.column(0).to_pylist()
        ]

    def require_schema(self, call: Call, schema: Securable) -> None:
        """Let only a schema pass that exists.

        Raises:
            SqlError: SCHEMA_NOT_FOUND.
        """
        if schema.name not in self.schemas(call):
            raise SqlError(
                "SCHEMA_NOT_FOUND",
                f"The schema `{'`.`'.join(schema.name)}` cannot be found. Verify the spelling and "
                "correctness of the schema and catalog.",
            )

    def forget(self, securable: Securable) -> None:
        """Drop all that is known of something that is gone."""
        self.metastore.forget(securable)
        self.grants.forget(securable)

    def drop_volumes(self, schema: Name) -> None:
        """Remove the volumes of a schema with their files."""
        for name in [name for name in self.metastore.volumes if name[:2] == schema]:
            self.volumes.drop(name)
