"""Where the sandbox keeps documents: one throw-away SQLite file, one row for each document.

A document is stored as the JSON text Xero would send, so that a page is read and joined, never
built. The few properties that lists select and order by stand in a narrow table of their own
(`heads`); the text (`bodies`) is read only for the documents of the page. The order of a list is
remembered as row numbers, so page 250 costs what page 1 costs.

What a document means is the business of `books`; what a request may ask for, that of `endpoints`.
"""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections import OrderedDict
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xero_sandbox import columns
from xero_sandbox.wire import encode, to_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from typing import Self

# Enough for the head indexes of 250,000 documents; the bodies rely on the system's page cache.
_CACHE_KIB = 64 * 1024
# Several documents fit a page, and the tree above them stays low.
_PAGE_BYTES = 16 * 1024
_CACHED_LISTS = 64
_CHUNK = 2000


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
        story: Name of the generated story it belongs to, None for a manual one.
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
            f"PRAGMA cache_size=-{_CACHE_KIB};{columns.SCHEMA}"
        )
        self._collections: dict[tuple[str, str], int] = {}
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
                numbers: dict[tuple[int, str], int] = {}
                heads, bodies = [], []
                for row, head, text in chunk:
                    collection = self._collection(row.tenant_id, row.resource)
                    number = self._row_number(collection, row, numbers)
                    heads.append((number, collection, *head))
                    bodies.append((number, text))
                marks = ", ".join("?" * len(heads[0]))
                self._db.executemany(f"INSERT OR REPLACE INTO heads VALUES ({marks})", heads)  # noqa: S608
                self._db.executemany("INSERT OR REPLACE INTO bodies VALUES (?, ?)", bodies)

    def get(self, tenant_id: str, resource: str, id_or_number: str | int) -> bytes | None:
        """Return a document by its id or, failing that, by its number; None if there is none."""
        with self._lock:
            collection = self._collection(tenant_id, resource)
            for column in ("id", "number"):
                stored = self._db.execute(
                    f"SELECT document FROM heads JOIN bodies USING (row)"  # noqa: S608
                    f" WHERE collection = ? AND {column} = ? ORDER BY updated DESC LIMIT 1",
                    (collection, id_or_number),
                ).fetchone()
                if stored:
                    return bytes(stored[0])
        return None

    def story(self, tenant_id: str, resource: str, id: str) -> str | None:  # noqa: A002
        """Return the name of the generated story a document belongs to."""
        with self._lock:
            stored = self._db.execute(
                "SELECT story FROM heads WHERE collection = ? AND id = ?",
                (self._collection(tenant_id, resource), id),
            ).fetchone()
        return str(stored[0]) if stored and stored[0] is not None else None

    def updated(self, tenant_id: str, resource: str, id: str) -> int:  # noqa: A002
        """Return the milliseconds of a document's last change.

        Raises:
            LookupError: There is no such document.
        """
        with self._lock:
            stored = self._db.execute(
                "SELECT updated FROM heads WHERE collection = ? AND id = ?",
                (self._collection(tenant_id, resource), id),
            ).fetchone()
        if stored is None:
            raise LookupError(f"Organisation {tenant_id} has no {id} among its {resource}.")
        return int(stored[0])

    def is_manual(self, tenant_id: str, resource: str, id: str) -> bool:  # noqa: A002
        """Return whether there is such a document and it belongs to no generated story."""
        with self._lock:
            stored = self._db.execute(
                "SELECT story IS NULL FROM heads WHERE collection = ? AND id = ?",
                (self._collection(tenant_id, resource), id),
            ).fetchone()
        return bool(stored and stored[0])

    def delete(self, tenant_id: str, resource: str, id: str) -> bool:  # noqa: A002
        """Remove a document for good; return whether there was one."""
        with self._lock, self.transaction():
            collection = self._collection(tenant_id, resource)
            stored = self._db.execute(
                "SELECT row FROM heads WHERE collection = ? AND id = ?", (collection, id)
            ).fetchone()
            if stored is None:
                return False
            self._db.execute("DELETE FROM heads WHERE row = ?", stored)
            self._db.execute("DELETE FROM bodies WHERE row = ?", stored)
            self._versions[collection] += 1
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
            where: An SQL condition whose properties come from `columns.column`.
            parameters: Values for the question marks in `where`.
            order: Pairs of an SQL expression from `columns.column` and whether it descends.
                Ties, and lists without order, go by time of last change and id.
            limit: Size of the page; None for all.
            offset: Documents to skip.
        """
        with self._lock:
            collection = self._collection(tenant_id, resource)
            selection = (
                collection,
                None if since is None else to_ms(since),
                None if ids is None else tuple(ids),
                where,
                tuple(parameters),
                tuple(order),
            )
            rows = self._list(selection)
            page = rows[offset:] if limit is None else rows[offset : offset + limit]
            return Page(self._texts(page), len(rows))

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement of `books` on tables of its own, and return what it yields."""
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()

    def write_rows(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement of `books` on tables of its own once for each row."""
        with self._lock, self.transaction():
            self._db.executemany(sql, rows)

    def _collection(self, tenant_id: str, resource: str) -> int:
        # A small integer keeps the indexes narrow.
        collection = self._collections.setdefault((tenant_id, resource), len(self._collections) + 1)
        self._versions.setdefault(collection, 0)
        return collection

    def _row_number(self, collection: int, row: Row, numbers: dict[tuple[int, str], int]) -> int:
        self._versions[collection] += 1
        number = numbers.get((collection, row.id))
        if number is None and not row.is_new:
            stored = self._db.execute(
                "SELECT row FROM heads WHERE collection = ? AND id = ?", (collection, row.id)
            ).fetchone()
            number = int(stored[0]) if stored else None
        if number is None:
            self._last_row += 1
            number = self._last_row
        numbers[collection, row.id] = number
        return number

    def _list(self, selection: tuple[Any, ...]) -> array[int]:
        collection, since, ids, where, parameters, order = selection
        cached = self._lists.get(selection)
        if cached is not None and cached[0] == self._versions[collection]:
            self._lists.move_to_end(selection)
            return cached[1]
        conditions, values = ["h.collection = ?"], [collection]
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
        stored = self._db.execute(
            f"SELECT h.row FROM {tables} WHERE {' AND '.join(conditions)} ORDER BY {ordering}",  # noqa: S608
            values,
        )
        rows = array("q", (row for (row,) in stored))
        self._lists[selection] = (self._versions[collection], rows)
        self._lists.move_to_end(selection)
        if len(self._lists) > _CACHED_LISTS:
            self._lists.popitem(last=False)
        return rows

    def _texts(self, rows: Sequence[int]) -> list[bytes]:
        read = self._db.execute
        sql = "SELECT document FROM bodies WHERE row = ?"
        return [read(sql, (row,)).fetchone()[0] for row in rows]


def _head(row: Row) -> tuple[Any, ...]:
    values = columns.values_of(row.resource, row.document, row.number)
    return (row.id, row.updated, *values, row.story)
