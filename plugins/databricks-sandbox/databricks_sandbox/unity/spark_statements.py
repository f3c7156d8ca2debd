"""Statements that Spark answers, and the names in them that it does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from databricks_sandbox.errors import SqlError
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.permissions import authorise
from databricks_sandbox.unity.result_set import ResultSet


@dataclass(frozen=True)
class TextRule:
    """A name inside a statement that Spark does not know.

    Attributes:
        name: how the statement log calls it.
        triggers: the text is looked at when one of these is in it, in lower case.
        reason: why Spark does not get it as it is.
        change: the text to give to Spark.
    """

    name: str
    triggers: tuple[str, ...]
    reason: str
    change: Callable[[Execution, str], str]


class SparkStatements:
    """Runs statements in Spark.

    Args:
        rules: for the names in them, in the order in which they are applied.
        grants: who may do what.
    """

    def __init__(self, rules: Sequence[TextRule], grants: Grants) -> None:
        self._rules = rules
        self._grants = grants

    def run(self, execution: Execution, text: str | None = None) -> ResultSet:
        """Run a text in Spark, after the text rules, and with the sender's permissions.

        Args:
            execution: the statement it belongs to.
            text: what to run; the statement's own text by default.

        Raises:
            SqlError: a name in it means nothing, or the sender may not run it.
            pyspark.errors.PySparkException: Spark refuses it.
        """
        try:
            statement = self.rewrite(execution, execution.text if text is None else text)
            if not execution.principal.admin:
                authorise(execution, self._grants, statement)
            words = statement.upper()
            if "UNION" in words and ("VARIANT" in words or "PARSE_JSON" in words):
                _require_no_variants(execution, statement)
            return execution.run(statement)
        finally:
            execution.drop_views()

    def rewrite(self, execution: Execution, text: str) -> str:
        """The text as Spark can read it: the few names it does not know, replaced."""
        lowered = text.lower()
        for rule in self._rules:
            if any(trigger in lowered for trigger in rule.triggers):
                changed = rule.change(execution, text)
                if changed != text and execution.line.answered_by == "spark":
                    execution.line.answered_by = rule.name
                text = changed
        return text


def _require_no_variants(execution: Execution, text: str) -> None:
    """Let no set operator have a VARIANT; Spark's UNION ALL takes it, Databricks has none that do.

    Raises:
        SqlError: one has.
    """
    if execution.engine.unites_variants(text):
        raise SqlError(
            "UNSUPPORTED_FEATURE.SET_OPERATION_ON_VARIANT_TYPE",
            "The feature is not supported: Cannot have VARIANT type columns in DataFrame which "
            "calls set operations (INTERSECT, EXCEPT, etc.).",
        )
