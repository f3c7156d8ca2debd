"""GRANT, REVOKE, SHOW GRANTS and owners.

Source: Databricks SQL, "GRANT", "REVOKE", "SHOW GRANTS", "ALTER … OWNER TO".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks_sandbox.unity.metastore import Securable
from databricks_sandbox.unity.result_set import Answer, nothing, rows_answer
from databricks_sandbox.unity.tag_statements import named

if TYPE_CHECKING:
    from databricks_sandbox.unity.execution import Call
    from databricks_sandbox.unity.metastore import Kind
    from databricks_sandbox.unity.sql_text import Reader

_KINDS: dict[str, Kind] = {
    "CATALOG": "CATALOG",
    "SCHEMA": "SCHEMA",
    "DATABASE": "SCHEMA",
    "TABLE": "TABLE",
    "VIEW": "TABLE",
    "VOLUME": "VOLUME",
}


def grant(call: Call) -> Answer:
    """`GRANT privilege [, …] ON kind name TO principal`."""
    reader = call.reader()
    reader.expect("GRANT")
    privileges = _privileges(reader)
    securable = _securable(call, reader)
    reader.expect("TO")
    principal = reader.next().value
    reader.expect_end()
    call.require("MANAGE", securable)
    call.front.grants.grant(privileges, securable, principal)
    return nothing()


def revoke(call: Call) -> Answer:
    """`REVOKE privilege [, …] ON kind name FROM principal`."""
    reader = call.reader()
    reader.expect("REVOKE")
    privileges = _privileges(reader)
    securable = _securable(call, reader)
    reader.expect("FROM")
    principal = reader.next().value
    reader.expect_end()
    call.require("MANAGE", securable)
    call.front.grants.revoke(privileges, securable, principal)
    return nothing()


def show(call: Call) -> Answer:
    """`SHOW GRANTS [principal] ON kind name`, what is inherited included."""
    reader = call.reader()
    reader.expect("SHOW")
    reader.next()
    following = reader.peek()
    principal = None
    if following is not None and following.upper != "ON":
        principal = reader.next().value
    securable = _securable(call, reader)
    reader.expect_end()
    sender = call.session.principal
    if principal is None and not call.front.grants.has(sender, "MANAGE", securable):
        # Who does not manage it sees their own grants only.
        principal = sender.name
    elif principal not in (None, sender.name):
        call.require("MANAGE", securable)
    return rows_answer(
        ("Principal", "ActionType", "ObjectType", "ObjectKey"),
        call.front.grants.listed(securable, principal),
    )


def set_owner(call: Call) -> Answer:
    """`ALTER kind name [SET] OWNER TO principal`."""
    reader = call.reader()
    reader.expect("ALTER")
    securable = named(call, reader, _KINDS[reader.next().upper])
    reader.accept("SET")
    reader.expect("OWNER", "TO")
    owner = reader.next().value
    reader.expect_end()
    call.require("MANAGE", securable)
    call.front.grants.set_owner(securable, owner)
    return nothing()


def _privileges(reader: Reader) -> list[str]:
    found: list[str] = []
    words: list[str] = []
    while not reader.accept("ON"):
        token = reader.next()
        if token.text == ",":
            found.append(" ".join(words))
            words = []
        else:
            words.append(token.upper)
    found.append(" ".join(words))
    # The short form means the long one, as it always did.
    return ["ALL PRIVILEGES" if name == "ALL" else name for name in found]


def _securable(call: Call, reader: Reader) -> Securable:
    reader.accept("ON")
    if reader.accept("METASTORE"):
        return Securable("METASTORE", ())
    following = reader.peek()
    kind = _KINDS.get(following.upper) if following is not None else None
    if kind is not None:
        reader.next()
    return named(call, reader, kind or "TABLE")
