"""The columns that lists select and order by, and how SQL names any other property.

A document's id, time of change and these few properties stand in the narrow table `heads`; its
text in `bodies`, one row for one row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xero_sandbox.shapes import RESOURCES
from xero_sandbox.wire import parse_net_date

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = """
CREATE TABLE heads (
    row INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id TEXT NOT NULL,
    updated INTEGER NOT NULL, number, status TEXT, type TEXT, date INTEGER, contact TEXT,
    name TEXT, story TEXT
);
CREATE UNIQUE INDEX heads_by_id ON heads (collection, id);
CREATE INDEX heads_by_updated ON heads (collection, updated, id);
CREATE INDEX heads_by_number ON heads (collection, number) WHERE number IS NOT NULL;
CREATE TABLE bodies (row INTEGER PRIMARY KEY, document BLOB NOT NULL);
"""

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

_COLUMNS = {
    "UpdatedDateUTC": "h.updated",
    "CreatedDateUTC": "h.updated",
    "Status": "h.status",
    "ContactStatus": "h.status",
    "Type": "h.type",
    "Date": "h.date",
    "JournalDate": "h.date",
    "Contact.ContactID": "h.contact",
    "Name": "h.name",
}


def column(resource: str, path: str, kind: str) -> str:
    """Return the SQL of a property, for use in `Store.page`.

    Args:
        resource: Envelope key.
        path: Property, with dots between nested ones.
        kind: s (string), u (guid), d (date: milliseconds since 1970), n (number), b (boolean).

    Raises:
        ValueError: `path` is not a property path.
    """
    shape = RESOURCES.get(resource)
    if shape is not None and path == shape.key:
        return "h.id"
    if shape is not None and path == shape.number:
        return "h.number"
    if path in _COLUMNS:
        return _COLUMNS[path]
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not a property of {resource}.")
    # The cast tells SQLite that the blob is text, which newer versions ask for.
    sql = f"json_extract(CAST(b.document AS TEXT), '$.{path}')"
    # The number after "/Date(" ends where its digits end: CAST stops there by itself.
    return f"CAST(substr({sql}, 7) AS INTEGER)" if kind == "d" else sql


def values_of(
    resource: str, document: Mapping[str, Any], number: str | int | None
) -> tuple[Any, ...]:
    """Return number, status, type, date, contact and name of a document.

    Args:
        resource: Envelope key.
        document: The document in wire form.
        number: What else it may be asked for by; None for the property that `shapes` names.
    """
    shape = RESOURCES.get(resource)
    if number is None and shape is not None and shape.number is not None:
        number = document.get(shape.number)
    date = document.get("Date", document.get("JournalDate"))
    contact = document.get("Contact")
    return (
        number,
        document.get("Status", document.get("ContactStatus")),
        document.get("Type"),
        None if date is None else parse_net_date(date),
        None if contact is None else contact.get("ContactID"),
        document.get("Name"),
    )
