"""What a statement that Spark runs needs permission for, read from Spark's own parse of it.

Only asked for principals that are no metastore admins, so that nobody else pays for the parse.
Source: Databricks SQL, "Required permissions" of each statement.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from databricks_sandbox.unity.sql_text import head

if TYPE_CHECKING:
    from databricks_sandbox.unity.execution import Call
    from databricks_sandbox.unity.metastore import Name

_RELATION = re.compile(r"'?Unresolved(Relation|Table|View|TableOrView|Identifier) \[([^\]]*)\]")
_WRITTEN = "__required_write_privileges__="
_CTE = re.compile(r"^CTE \[(.*)\]", re.MULTILINE)

# First words of a statement to the privilege on the table it names first; the rest only reads.
_ON_TARGET = (
    (r"ALTER TABLE .* (ADD|DROP|ALTER|CHANGE|RENAME) COLUMN", "MODIFY"),
    (r"ALTER TABLE .* (SET|UNSET) TBLPROPERTIES", "MODIFY"),
    (r"ALTER ", "MANAGE"),
    (r"COMMENT ON TABLE", "MODIFY"),
    (r"(OPTIMIZE|VACUUM|REORG|TRUNCATE|RESTORE|REFRESH|ANALYZE)\b", "MODIFY"),
    (r"DROP ", "MANAGE"),
)


def authorise(call: Call, text: str) -> None:
    """Check what a text needs.

    Raises:
        SqlError: INSUFFICIENT_PERMISSIONS for the first privilege that is missing.
    """
    words = head(text)
    plan = call.engine.plan_text(text)
    hidden = {name.strip().lower() for found in _CTE.findall(plan) for name in found.split(",")}
    on_target = next((p for pattern, p in _ON_TARGET if re.match(pattern, words)), None)
    # What is updated, deleted from or merged into is read as well.
    reads_target = words.split(" ", 1)[0] in ("MERGE", "UPDATE", "DELETE")
    first = True
    for line in plan.splitlines():
        found = _RELATION.search(line)
        if not found:
            continue
        parts = tuple(part.strip() for part in found[2].split(","))
        if _is_temporary(call, parts, hidden):
            continue
        if found[1] == "Identifier":
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
        table = call.securable(parts, "TABLE")
        if table.name[1] == "information_schema":
            continue
        call.require(privilege, table)
        if written and reads_target:
            call.require("SELECT", table)
    if re.match(r"(USE|SHOW TABLES|SHOW VIEWS|SHOW COLUMNS)", words):
        _authorise_namespace(call, words)


def _authorise_namespace(call: Call, words: str) -> None:
    found = re.match(r"USE (?:SCHEMA |DATABASE )?(.+)$", words)
    named = found[1] if found else next(iter(re.findall(r"(?:IN|FROM) ([\w` .]+)$", words)), "")
    parts = tuple(part.strip(" `").lower() for part in named.split(".") if part.strip(" `"))
    schema = call.securable(parts[:2], "SCHEMA")
    call.front.grants.require(call.session.principal, "USE SCHEMA", schema)


def _is_temporary(call: Call, parts: Name, hidden: set[str]) -> bool:
    # A path read as format.`path` was checked when its volume was looked up.
    if len(parts) == 2 and parts[1].startswith("/"):
        return True
    return len(parts) == 1 and (parts[0].lower() in hidden or call.engine.has_view(parts[0]))
