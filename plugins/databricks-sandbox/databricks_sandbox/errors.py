"""Errors as Databricks words them: a condition in brackets, a sentence, and the SQLSTATE.

Only errors the sandbox raises itself are worded here; Spark's and Delta's own stay as they are.
Source: Databricks, "Error conditions" and "SQLSTATE error codes".
"""

from __future__ import annotations

# Conditions the sandbox raises, with the state that Databricks' list gives each.
SQLSTATES = {
    "CATALOG_ALREADY_EXISTS": "42710",
    "CATALOG_NOT_FOUND": "42704",
    "CLUSTER_BY_AUTO_REQUIRES_PREDICTIVE_OPTIMIZATION": "56038",
    "COLUMN_MASKS_MERGE_INTO_TARGET_UNSUPPORTED": "0A000",
    "COLUMN_NOT_FOUND": "42703",
    "DELTA_CONCURRENT_APPEND": "2D521",
    "DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT": "0AKDE",
    "DELTA_NOT_NULL_CONSTRAINT_VIOLATED": "23502",
    "FEATURE_NOT_SUPPORTED": "0A000",
    "INSUFFICIENT_PERMISSIONS": "42501",
    "FOREIGN_KEY_MISMATCH": "42830",
    "INTERNAL_ERROR": "XX000",
    "INVALID_PARAMETER_VALUE": "22023",
    "MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.UNSUPPORTED_OPERATION": "56038",
    "PARSE_SYNTAX_ERROR": "42601",
    "PRINCIPAL_DOES_NOT_EXIST": "42704",
    "ROW_LEVEL_SECURITY_MERGE_INTO_TARGET_UNSUPPORTED": "0A000",
    "SCHEMA_NOT_EMPTY": "2BP01",
    "SCHEMA_NOT_FOUND": "42704",
    "STREAMING_TABLE_OPERATION_NOT_ALLOWED.UNSUPPORTED_OPERATION": "42601",
    "TABLE_OR_VIEW_NOT_FOUND": "42P01",
    "UC_CONSTRAINT_ALREADY_EXISTS": "42710",
    "UC_CONSTRAINT_DOES_NOT_EXIST": "42704",
    "UC_PRIMARY_KEY_ON_NULLABLE_COLUMN": "42831",
    "UNSUPPORTED_FEATURE.SET_OPERATION_ON_VARIANT_TYPE": "0A000",
    "VOLUME_ALREADY_EXISTS": "42000",
    "VOLUME_NOT_EMPTY": "55000",
    "UC_VOLUME_NOT_FOUND": "42704",
    "UNBOUND_SQL_PARAMETER": "42P02",
}


class SqlError(Exception):
    """A statement that failed.

    Args:
        condition: a key of `SQLSTATES`, or any other condition together with `sqlstate`.
        message: the sentence, without condition and state.
        sqlstate: five characters; looked up from the condition when left out.
    """

    def __init__(self, condition: str, message: str, sqlstate: str | None = None) -> None:
        self.condition = condition
        self.sqlstate = sqlstate or SQLSTATES[condition]
        super().__init__(f"[{condition}] {message} SQLSTATE: {self.sqlstate}")


class EngineError(Exception):
    """What Spark or Delta finds wrong, where pyspark has no exception of its own for it.

    Args:
        message: as the engine says it, without the trace of its stack.
        sqlstate: five characters.
    """

    def __init__(self, message: str, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        state = f"SQLSTATE: {sqlstate}"
        super().__init__(message if state in message else f"{message} {state}")


def unsupported(what: str) -> SqlError:
    """For what Databricks has and this sandbox has not: refused, never silently accepted."""
    return SqlError("FEATURE_NOT_SUPPORTED", f"databricks-sandbox does not support {what}.")
