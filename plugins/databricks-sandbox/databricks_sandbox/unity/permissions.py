"""What a statement that Spark runs needs permission for, read from Spark's own parse of it.

Only looked at for principals that are no metastore admins, so that nobody else pays for the parse.
Source: Databricks SQL, "Required permissions" of each statement.
"""

from __future__ import annotations

import re

from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Name
from databricks_sandbox.unity.sql_text import head

_RELATION = re.compile(r"'?Unresolved(Relation|Table|View|TableOrView|Identifier) \[([^\]]*)\]")
_WRITTEN = "__required_write_privileges__="
_CTE = re.compile(r"\bCTE \[([^\]]*)\]")

# First words of a statement to the privilege on the table it names first; the rest only reads.
_ON_TARGET = (
    (r"ALTER TABLE .* (ADD|DROP|ALTER|CHANGE|RENAME) COLUMN", "MODIFY"),
    (r"ALTER TABLE .* (SET|UNSET) TBLPROPERTIES", "MODIFY"),
    (r"ALTER ", "MANAGE"),
    (r"COMMENT ON TABLE", "MODIFY"),
    (r"(OPTIMIZE|VACUUM|REORG|TRUNCATE|RESTORE|REFRESH|ANALYZE)\b", "MODIFY"),
    (r"DROP ", "MANAGE"),
)


def authorise(execution: Execution, grants: Grants, text: str) -> None:
    """Check what a text needs.

    Raises:
        SqlError: INSUFFICIENT_PERMISSIONS for the first privilege that is missing.
    """
    words = head(text)
    plan = execution.engine.plan_text(text)
    ctes = {name.strip().lower() for names in _CTE.findall(plan) for name in names.split(",")}
    on_target = next((p for pattern, p in _ON_TARGET if re.match(pattern, words)), None)
    # What is updated, deleted from or merged into is read as well.
    reads_target = words.split(" ", 1)[0] in ("MERGE", "UPDATE", "DELETE")
    first = True
    for line in plan.splitlines():
        relation = _RELATION.search(line)
        if not relation:
            continue
        parts = tuple(part.strip() for part in relation[2].split(","))
        if _is_temporary(execution, parts, ctes):
            continue
        if relation[1] == "Identifier":
            # What is created is checked by the rule that creates it.
            first = False
            continue
        written = _WRITTEN in line
        if written:
            privilege = "MODIFY"
        elif first and on_target:
            privilege = on_target
        else:
            privilege = "SELECT"
        first = False
        table = execution.securable(parts, "TABLE")
        if table.name[1] == "information_schema":
            continue
        grants.require(execution.principal, privilege, table)
        if written and reads_target:
            grants.require(execution.principal, "SELECT", table)
    if re.match(r"(USE|SHOW TABLES|SHOW VIEWS|SHOW COLUMNS)", words):
        _authorise_namespace(execution, grants, words)


def _authorise_namespace(execution: Execution, grants: Grants, words: str) -> None:
    use = re.match(r"USE (?:SCHEMA |DATABASE )?(.+)$", words)
    name = use[1] if use else next(iter(re.findall(r"(?:IN|FROM) ([\w` .]+)$", words)), "")
    parts = tuple(part.strip(" `").lower() for part in name.split(".") if part.strip(" `"))
    schema = execution.securable(parts[:2], "SCHEMA")
    grants.require(execution.principal, "USE SCHEMA", schema)


def _is_temporary(execution: Execution, parts: Name, ctes: set[str]) -> bool:
    # A path read as format.`path` was checked when its volume was looked up.
    if len(parts) == 2 and parts[1].startswith("/"):
        return True
    return len(parts) == 1 and (parts[0].lower() in ctes or execution.engine.has_view(parts[0]))
