"""One resource of one organisation, as the write path sees it: find, check, save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xero_sandbox import wire
from xero_sandbox.columns import column
from xero_sandbox.shapes import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xero_sandbox.books import Books
    from xero_sandbox.store import Store

ZERO_ID = "00000000-0000-0000-0000-000000000000"
Document = dict[str, Any]


class ValidationError(Exception):
    """An element that fails validation.

    Attributes:
        messages: Xero's messages, one for each rule broken.
    """

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


@dataclass(frozen=True)
class Collection:
    """The documents of one resource of one organisation."""

    books: Books
    store: Store
    tenant_id: str
    resource: str

    def of(self, resource: str) -> Collection:
        """Another resource of the same organisation."""
        return Collection(self.books, self.store, self.tenant_id, resource)

    def get(self, document_id: str) -> Document | None:
        """The document with this id, whatever its status."""
        key = RESOURCES[self.resource].key
        text = self.store.get(self.tenant_id, self.resource, document_id.lower())
        document: Document | None = None if text is None else wire.decode(text)
        # The store also finds by number, which is another question.
        return document if document and document[key] == document_id.lower() else None

    def find(self, path: str, value: str, *, ignore_case: bool = False) -> list[Document]:
        """The documents whose text property has this value."""
        sql = column(self.resource, path, "s")
        where = f"lower({sql}) = lower(?)" if ignore_case else f"{sql} = ?"
        page = self.store.page(self.tenant_id, self.resource, where=where, parameters=[value])
        return [wire.decode(text) for text in page.documents]

    def all(self) -> list[Document]:
        """All documents; for resources that an organisation has few of."""
        page = self.store.page(self.tenant_id, self.resource)
        return [wire.decode(text) for text in page.documents]

    def mentions(self, text: str) -> bool:
        """Whether any document contains a text, such as the id of another document."""
        page = self.store.page(
            self.tenant_id,
            self.resource,
            where="instr(CAST(b.document AS TEXT), ?) > 0",
            parameters=[text],
            limit=0,
        )
        return page.total > 0

    def save(self, document: Document) -> Document:
        """Store a document as changed now; returns it with its new timestamp."""
        books, document_id = self.books, document[RESOURCES[self.resource].key]
        old = self.get(document_id)
        if old is None:
            return books.add(self.tenant_id, self.resource, **document)
        # To the books, None removes a property.
        changes = {**dict.fromkeys(old), **document}
        return books.edit(self.tenant_id, self.resource, document_id, **changes)

    def remove(self, document_id: str) -> None:
        """Delete a document for good."""
        self.books.delete(self.tenant_id, self.resource, document_id)


def too_long(element: Mapping[str, Any], lengths: Mapping[str, int]) -> list[str]:
    """A message for each text longer than Xero takes."""
    return [
        f"The {name} field must be no more than {limit} characters."
        for name, limit in lengths.items()
        if isinstance(element.get(name), str) and len(element[name]) > limit
    ]
