"""Where the sandbox keeps documents: one throw-away SQLite file, one row for each document.

A document is stored as the JSON text Xero would send, so that a page is read and joined, never
built. The few properties that lists select and order by stand in a narrow table of their own
(`heads`); the text (`bodies`) is read only for the documents of the page. The order of a list is
remembered as row numbers, so page 250 costs what page 1 costs.

What a document means is the business of `books`; what a request may ask for, that of `endpoints`.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from array import array
from collections import OrderedDict
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xero_sandbox.shapes import RESOURCES
from xero_sandbox.wire import encode, parse_net_date, to_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from typing_extensions import Self

_SCHEMA = """
CREATE TABLE heads (
    row INTEGER PRIMARY KEY, shelf INTEGER NOT NULL, id TEXT NOT NULL, updated INTEGER NOT NULL,
    number, status TEXT, type TEXT, date INTEGER, contact TEXT, name TEXT, story TEXT
);
CREATE UNIQUE INDEX heads_by_id ON heads (shelf, id);
CREATE INDEX heads_by_updated ON heads (shelf, updated, id);
CREATE INDEX heads_by_number ON heads (shelf, number) WHERE number IS NOT NULL;
CREATE TABLE bodies (row INTEGER PRIMARY KEY, document BLOB NOT NULL);
"""

# Enough for the head indexes of 250,000 documents; the bodies rely on the system's page cache.
_CACHE_KIB = 64 * 1024
# Several documents fit a page, and the tree above them stays low.
_PAGE_BYTES = 16 * 1024
_REMEMBERED_LISTS = 64
_CHUNK = 2000
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

_HEADS = {
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


class Page(NamedTuple):
    """Documents of one page as JSON texts, and how many the whole list has."""

    documents: list[bytes]
    total: int


class Row(NamedTuple):
    """One document on its way into the store.

    Attributes:
        tenant_id: The organisation it belongs to.
        resource: Envelope key, such as `Invoices`.
        id: Value of its key property.
        document: The full document (strings, ints, bools, `Decimal`, lists, dicts), or JSON text.
        updated: Milliseconds of its last change.
        number: What else it may be asked for by.
        story: Name of the generated story it belongs to, None when made by hand.
        is_new: Whether the caller knows that the store has no such document yet.
    """

    tenant_id: str
    resource: str
    id: str
    document: dict[str, Any]
    updated: int
    number: str | int | None = None
    story: str | None = None
    is_new: bool = False


class Store:
    """Documents of all organisations; every method may be called from any thread.

    Args:
        path: File to use. By default one without a name, which is gone with the process
            however that ends.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path or "", check_same_thread=False, isolation_level=None)
        # A crash may cost the file: it is made anew from the seed.
        self._db.executescript(
            f"PRAGMA page_size={_PAGE_BYTES}; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            f"PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY;"
            f"PRAGMA cache_size=-{_CACHE_KIB};{_SCHEMA}"
        )
        self._shelves: dict[tuple[str, str], int] = {}
        self._versions: dict[int, int] = {}
        self._lists: OrderedDict[Any, tuple[int, array[int]]] = OrderedDict()
        self._last_row = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the store for a group of writes, and write them in one transaction."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def put(
        self,
        tenant_id: str,
        resource: str,
        id: str,  # noqa: A002 - Xero's own word for it
        document: dict[str, Any],
        updated: datetime,
        *,
        number: str | int | None = None,
    ) -> None:
        """Store a document, in place of the one with the same id if there is one.

        Args:
            tenant_id: The organisation it belongs to.
            resource: Envelope key, such as `Invoices`.
            id: Value of its key property.
            document: The full document in wire form; `Decimal` keeps its digits.
            updated: When it last changed, compared with `since`.
            number: What else it may be asked for by; by default the property named in
                `xero_sandbox.shapes`.
        """
        self.put_many([Row(tenant_id, resource, id, document, to_ms(updated), number)])

    def put_many(self, rows: Iterable[Row]) -> None:
        """Store many documents, a few thousand to a transaction; others may read in between."""
        rows = iter(rows)
        # Documents are let go as soon as they are text.
        while chunk := [
            (row._replace(document={}), _head(row), encode(row.document))
            for row in islice(rows, _CHUNK)
        ]:
            with self.transaction():
                # A document may come twice: the last word counts, on the same row.
                known: dict[tuple[int, str], int] = {}
                heads, bodies = [], []
                for row, head, text in chunk:
                    shelf = self._shelf(row.tenant_id, row.resource)
                    number = self._row_number(shelf, row, known)
                    heads.append((number, shelf, *head))
                    bodies.append((number, text))
                marks = ", ".join("?" * len(heads[0]))
                self._db.executemany(f"INSERT OR REPLACE INTO heads VALUES ({marks})", heads)  # noqa: S608
                self._db.executemany("INSERT OR REPLACE INTO bodies VALUES (?, ?)", bodies)

    def get(self, tenant_id: str, resource: str, id_or_number: str | int) -> bytes | None:
        """Return a document by its id or, failing that, by its number; None if there is none."""
        with self._lock:
            shelf = self._shelf(tenant_id, resource)
            for column in ("id", "number"):
                found = self._db.execute(
                    f"SELECT document FROM heads JOIN bodies USING (row)"  # noqa: S608
                    f" WHERE shelf = ? AND {column} = ? ORDER BY updated DESC LIMIT 1",
                    (shelf, id_or_number),
                ).fetchone()
                if found:
                    return bytes(found[0])
        return None

    def story(self, tenant_id: str, resource: str, id: str) -> str | None:  # noqa: A002
        """Return the name of the generated story a document belongs to."""
        with self._lock:
            found = self._db.execute(
                "SELECT story FROM heads WHERE shelf = ? AND id = ?",
                (self._shelf(tenant_id, resource), id),
            ).fetchone()
        return str(found[0]) if found and found[0] is not None else None

    def updated(self, tenant_id: str, resource: str, id: str) -> int:  # noqa: A002
        """Return the milliseconds of a document's last change.

        Raises:
            LookupError: There is no such document.
        """
        with self._lock:
            found = self._db.execute(
                "SELECT updated FROM heads WHERE shelf = ? AND id = ?",
                (self._shelf(tenant_id, resource), id),
            ).fetchone()
        if found is None:
            raise LookupError(f"Organisation {tenant_id} has no {id} among its {resource}.")
        return int(found[0])

    def is_by_hand(self, tenant_id: str, resource: str, id: str) -> bool:  # noqa: A002
        """Return whether there is such a document and it belongs to no generated story."""
        with self._lock:
            found = self._db.execute(
                "SELECT story IS NULL FROM heads WHERE shelf = ? AND id = ?",
                (self._shelf(tenant_id, resource), id),
            ).fetchone()
        return bool(found and found[0])

    def delete(self, tenant_id: str, resource: str, id: str) -> bool:  # noqa: A002
        """Remove a document for good; return whether there was one."""
        with self._lock, self.transaction():
            shelf = self._shelf(tenant_id, resource)
            found = self._db.execute(
                "SELECT row FROM heads WHERE shelf = ? AND id = ?", (shelf, id)
            ).fetchone()
            if found is None:
                return False
            self._db.execute("DELETE FROM heads WHERE row = ?", found)
            self._db.execute("DELETE FROM bodies WHERE row = ?", found)
            self._versions[shelf] += 1
            return True

    def count(self, tenant_id: str, resource: str) -> int:
        """Return how many documents a resource has."""
        return self.page(tenant_id, resource, limit=0).total

    def page(
        self,
        tenant_id: str,
        resource: str,
        *,
        since: datetime | None = None,
        ids: Sequence[str] | None = None,
        where: str | None = None,
        parameters: Sequence[Any] = (),
        order: Sequence[tuple[str, bool]] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> Page:
        """Return a part of a list.

        Args:
            tenant_id: The organisation.
            resource: Envelope key.
            since: Only documents changed at or after this moment.
            ids: Only documents with these ids.
            where: An SQL condition whose properties come from `column`.
            parameters: Values for the question marks in `where`.
            order: Pairs of an SQL expression from `column` and whether it descends. Ties, and
                lists without order, go by time of last change and id.
            limit: Size of the page; None for all.
            offset: Documents to skip.
        """
        with self._lock:
            shelf = self._shelf(tenant_id, resource)
            asked = (
                shelf,
                None if since is None else to_ms(since),
                None if ids is None else tuple(ids),
                where,
                tuple(parameters),
                tuple(order),
            )
            rows = self._list(asked)
            wanted = rows[offset:] if limit is None else rows[offset : offset + limit]
            return Page(self._texts(wanted), len(rows))

    def column(self, resource: str, path: str, kind: str) -> str:
        """Return the SQL of a property, for use in `page`.

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
        if path in _HEADS:
            return _HEADS[path]
        if not _PATH.fullmatch(path):
            raise ValueError(f"{path!r} is not a property of {resource}.")
        # The cast tells SQLite that the blob is text, which newer versions ask for.
        sql = f"json_extract(CAST(b.document AS TEXT), '$.{path}')"
        # The number after "/Date(" ends where its digits end: CAST stops there by itself.
        return f"CAST(substr({sql}, 7) AS INTEGER)" if kind == "d" else sql

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement of `books` on tables of its own, and return what it yields."""
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()

    def write_rows(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement of `books` on tables of its own once for each row."""
        with self._lock, self.transaction():
            self._db.executemany(sql, rows)

    def _shelf(self, tenant_id: str, resource: str) -> int:
        # A small integer keeps the indexes narrow.
        shelf = self._shelves.setdefault((tenant_id, resource), len(self._shelves) + 1)
        self._versions.setdefault(shelf, 0)
        return shelf

    def _row_number(self, shelf: int, row: Row, known: dict[tuple[int, str], int]) -> int:
        self._versions[shelf] += 1
        number = known.get((shelf, row.id))
        if number is None and not row.is_new:
            found = self._db.execute(
                "SELECT row FROM heads WHERE shelf = ? AND id = ?", (shelf, row.id)
            ).fetchone()
            number = int(found[0]) if found else None
        if number is None:
            self._last_row += 1
            number = self._last_row
        known[shelf, row.id] = number
        return number

    def _list(self, asked: tuple[Any, ...]) -> array[int]:
        shelf, since, ids, where, parameters, order = asked
        remembered = self._lists.get(asked)
        if remembered is not None and remembered[0] == self._versions[shelf]:
            self._lists.move_to_end(asked)
            return remembered[1]
        conditions, values = ["h.shelf = ?"], [shelf]
        if since is not None:
            conditions.append("h.updated >= ?")
            values.append(since)
        if ids is not None:
            conditions.append(f"h.id IN ({', '.join('?' * len(ids))})")
            values.extend(ids)
        if where is not None:
            conditions.append(f"({where})")
            values.extend(parameters)
        keys = [f"{sql} {'DESC' if descending else 'ASC'}" for sql, descending in order]
        ordering = ", ".join([*keys, "h.updated", "h.id"])
        tables = "heads h"
        if "b.document" in f"{where} {ordering}":
            tables += " JOIN bodies b ON b.row = h.row"
        found = self._db.execute(
            f"SELECT h.row FROM {tables} WHERE {' AND '.join(conditions)} ORDER BY {ordering}",  # noqa: S608
            values,
        )
        rows = array("q", (row for (row,) in found))
        self._lists[asked] = (self._versions[shelf], rows)
        self._lists.move_to_end(asked)
        if len(self._lists) > _REMEMBERED_LISTS:
            self._lists.popitem(last=False)
        return rows

    def _texts(self, rows: Sequence[int]) -> list[bytes]:
        read = self._db.execute
        sql = "SELECT document FROM bodies WHERE row = ?"
        return [read(sql, (row,)).fetchone()[0] for row in rows]


def _head(row: Row) -> tuple[Any, ...]:
    document = row.document
    shape = RESOURCES.get(row.resource)
    number = row.number
    if number is None and shape is not None and shape.number is not None:
        number = document.get(shape.number)
    date = document.get("Date", document.get("JournalDate"))
    contact = document.get("Contact")
    return (
        row.id,
        row.updated,
        number,
        document.get("Status", document.get("ContactStatus")),
        document.get("Type"),
        None if date is None else parse_net_date(date),
        None if contact is None else contact.get("ContactID"),
        document.get("Name"),
        row.story,
    )
