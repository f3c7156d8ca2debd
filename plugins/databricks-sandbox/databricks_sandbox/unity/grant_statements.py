"""GRANT, REVOKE, SHOW GRANTS and owners.

Source: Databricks SQL, "GRANT", "REVOKE", "SHOW GRANTS", "ALTER … OWNER TO".
"""

from __future__ import annotations

from collections.abc import Callable

from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore, Securable
from databricks_sandbox.unity.result_set import ResultSet, empty, result_set
from databricks_sandbox.unity.securables import KINDS, read_securable
from databricks_sandbox.unity.sql_text import Reader


class GrantStatements:
    """GRANT, REVOKE, SHOW GRANTS and OWNER TO.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
    """

    def __init__(self, metastore: Metastore, grants: Grants) -> None:
        self._metastore = metastore
        self._grants = grants

    def grant(self, execution: Execution) -> ResultSet:
        """`GRANT privilege [, …] ON kind name TO principal`."""
        return self._change(execution, "GRANT", "TO", self._grants.grant)

    def revoke(self, execution: Execution) -> ResultSet:
        """`REVOKE privilege [, …] ON kind name FROM principal`."""
        return self._change(execution, "REVOKE", "FROM", self._grants.revoke)

    def show(self, execution: Execution) -> ResultSet:
        """`SHOW GRANTS [principal] ON kind name`, what is inherited included."""
        reader = execution.reader()
        reader.expect("SHOW")
        reader.next()
        following = reader.peek()
        principal = None
        if following is not None and following.upper != "ON":
            principal = reader.next().value
        securable = self._securable(execution, reader)
        reader.expect_end()
        if principal != execution.principal.name:
            # Of others, and of all, only those may know who manage it.
            self._grants.require(execution.principal, "MANAGE", securable)
        return result_set(
            ("Principal", "ActionType", "ObjectType", "ObjectKey"),
            self._grants.of(securable, principal),
        )

    def set_owner(self, execution: Execution) -> ResultSet:
        """`ALTER kind name [SET] OWNER TO principal`."""
        reader = execution.reader()
        reader.expect("ALTER")
        securable = read_securable(execution, self._metastore, reader, KINDS[reader.next().upper])
        reader.accept("SET")
        reader.expect("OWNER", "TO")
        owner = reader.next().value
        reader.expect_end()
        self._grants.require(execution.principal, "MANAGE", securable)
        self._grants.set_owner(securable, owner)
        return empty()

    def _change(
        self,
        execution: Execution,
        verb: str,
        preposition: str,
        change: Callable[[list[str], Securable, str], None],
    ) -> ResultSet:
        reader = execution.reader()
        reader.expect(verb)
        privileges = _privileges(reader)
        securable = self._securable(execution, reader)
        reader.expect(preposition)
        principal = reader.next().value
        reader.expect_end()
        self._grants.require(execution.principal, "MANAGE", securable)
        change(privileges, securable, principal)
        return empty()

    def _securable(self, execution: Execution, reader: Reader) -> Securable:
        reader.accept("ON")
        if reader.accept("METASTORE"):
            return Securable("METASTORE", ())
        following = reader.peek()
        kind = KINDS.get(following.upper) if following is not None else None
        if kind is not None:
            reader.next()
        return read_securable(execution, self._metastore, reader, kind or "TABLE")


def _privileges(reader: Reader) -> list[str]:
    privileges: list[str] = []
    words: list[str] = []
    while not reader.accept("ON"):
        token = reader.next()
        if token.text == ",":
            privileges.append(" ".join(words))
            words = []
        else:
            words.append(token.upper)
    privileges.append(" ".join(words))
    # The short form means the long one, as it always did.
    return ["ALL PRIVILEGES" if name == "ALL" else name for name in privileges]
