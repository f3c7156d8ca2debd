"""The executor: gives each statement to the rule that knows it, and everything else to Spark."""

from __future__ import annotations

from databricks_sandbox.errors import SqlError
from databricks_sandbox.limits import STATEMENT_BYTES
from databricks_sandbox.session import Session
from databricks_sandbox.statements import Statement
from databricks_sandbox.switches import Switches
from databricks_sandbox.unity.catalog_statements import CatalogStatements
from databricks_sandbox.unity.describe_statements import DescribeStatements
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grant_statements import GrantStatements
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.information_schema import Contents
from databricks_sandbox.unity.keeping import MetastoreFile
from databricks_sandbox.unity.metastore import Metastore
from databricks_sandbox.unity.names import Names
from databricks_sandbox.unity.policy_statements import PolicyStatements
from databricks_sandbox.unity.result_set import ResultSet
from databricks_sandbox.unity.rules import statement_rules, text_rules
from databricks_sandbox.unity.settings import ANSI, spark_setting
from databricks_sandbox.unity.spark_statements import SparkStatements
from databricks_sandbox.unity.sql_text import head
from databricks_sandbox.unity.table_statements import TableStatements
from databricks_sandbox.unity.tag_statements import TagStatements
from databricks_sandbox.unity.volume_statements import VolumeStatements
from databricks_sandbox.unity.volumes import Volumes


class Executor:
    """Answers statements.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
        volumes: files.
        switches: what accounts have in different ways.
        file: keeps the metastore.

    Attributes:
        text_rules: for names inside statements that go to Spark.
        statement_rules: for whole statements.
    """

    def __init__(
        self,
        metastore: Metastore,
        grants: Grants,
        volumes: Volumes,
        switches: Switches,
        file: MetastoreFile,
    ) -> None:
        self._metastore = metastore
        self._grants = grants
        self._switches = switches
        self._file = file
        self.text_rules = text_rules(Names(metastore, grants, volumes))
        self._spark = SparkStatements(self.text_rules, grants)
        self._catalogs = CatalogStatements(metastore, grants, volumes, self._spark)
        tables = TableStatements(metastore, grants, self._spark, switches)
        self._policies = PolicyStatements(metastore, grants, self._spark, tables)
        self.statement_rules = statement_rules(
            catalogs=self._catalogs,
            describe=DescribeStatements(metastore, grants),
            grants=GrantStatements(metastore, grants),
            policies=self._policies,
            tables=tables,
            tags=TagStatements(metastore, grants),
            volumes=VolumeStatements(metastore, grants, volumes),
        )

    def begin(self, session: Session, catalog: str | None, schema: str | None) -> None:
        """Bring a new session into the namespace and with the settings its client asked for.

        Raises:
            SqlError: there is no such catalog or schema, or no such setting.
        """
        engine = session.engine
        engine.attach_catalogs(self._metastore.catalogs)
        engine.set_conf(ANSI, str(self._switches.ansi_mode).lower())
        for name, value in session.configuration.items():
            setting = spark_setting(name)
            if setting is not None:
                engine.set_conf(setting, value)
        if catalog:
            self._catalogs.use(Execution.of_session(session, "OpenSession"), catalog.lower())
        if schema:
            engine.begin_in_schema(schema.lower())

    def execute(self, session: Session, text: str, line: Statement, group: str) -> ResultSet:
        """Answer one statement.

        Args:
            session: the session that sent it.
            text: as it was sent, parameters bound.
            line: its line in the statement log; the name of the rule goes there.
            group: the name to cancel it by.

        Raises:
            SqlError: a rule refuses it.
            pyspark.errors.PySparkException: Spark does.
        """
        size = len(text.encode())
        if size > STATEMENT_BYTES:
            raise SqlError(
                "INVALID_PARAMETER_VALUE",
                f"The text of the statement has {size} bytes; the most is {STATEMENT_BYTES}.",
            )
        execution = Execution(session, text, line, group)
        session.engine.attach_catalogs(self._metastore.catalogs)
        self._policies.require_own(execution)
        words = head(text)
        for rule in self.statement_rules:
            if rule.pattern.match(words):
                line.answered_by = rule.name
                try:
                    return rule.answer(execution)
                finally:
                    self._file.save()
        return self._spark.run(execution)

    def contents(self, session: Session, name: str) -> Contents:
        """What the principal of a session sees of the metastore.

        Args:
            session: whose call it is.
            name: of the metadata call that asks.
        """
        return Contents(Execution.of_session(session, name), self._metastore, self._grants)
