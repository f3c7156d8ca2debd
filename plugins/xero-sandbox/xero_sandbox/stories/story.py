"""The form in which business is told: strands of stories, and the documents they leave.

A story is everything that will ever happen to a few documents that belong together (an invoice,
its payments, its credit note). It is a pure function of the organisation and a number, and so is
what can be seen of it at any instant; that is why books brought forward in many steps equal books
brought forward in one.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Document(NamedTuple):
    """A document as it stands at some instant.

    Attributes:
        resource: Envelope key.
        id: Value of its key property.
        body: The full document in wire form.
        updated: Milliseconds of its last change.
    """

    resource: str
    id: str
    body: dict[str, Any]
    updated: int


class Story(Protocol):
    """What happens to a few documents that belong together."""

    @property
    def events(self) -> tuple[int, ...]:
        """Instants at which any of its documents changes, ascending; the first is its birth."""
        ...

    def documents(self, now: int) -> list[Document]:
        """Return its documents as they stand at `now`, which is not before its birth."""
        ...


class Strand(Protocol):
    """Stories of one kind, numbered from 0, born one after the other."""

    name: str

    def birth(self, index: int) -> int:
        """Return when story number `index` begins; never earlier than the one before."""
        ...

    def story(self, index: int) -> Story:
        """Return story number `index`."""
        ...


def latest(now: int, *instants: int | None) -> int:
    """Return the latest of `instants` that is not after `now`; 0 when there is none."""
    return max((at for at in instants if at is not None and at <= now), default=0)
