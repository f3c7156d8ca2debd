"""The story of an invoice or bill and of all that settles it, as plain facts.

`deals` decides these facts; `deal_documents` says what they look like at a given instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xero_sandbox.stories import deal_documents
from xero_sandbox.stories.lines import Line, Totals, totals, wire_line

if TYPE_CHECKING:
    from xero_sandbox.stories.contacts import Contact
    from xero_sandbox.stories.deals import Deals
    from xero_sandbox.stories.organisation import Account, Organisation
    from xero_sandbox.stories.story import Document


@dataclass(frozen=True)
class Payment:
    """Money that moves because of a deal.

    Attributes:
        id: PaymentID.
        at: When it is entered.
        amount: Cents in the currency of the deal.
        account: Bank account.
        rate: Exchange rate on the day, in millionths.
        target: `invoice`, `note` or `overpayment`.
        deleted: When it is taken back, if it is.
        batch: Number of the batch it belongs to.
    """

    id: str
    at: int
    amount: int
    account: Account
    rate: int
    target: str = "invoice"
    deleted: int | None = None
    batch: int | None = None

    def counts(self, now: int) -> bool:
        """Whether it stands at `now`."""
        return self.at <= now and not (self.deleted is not None and self.deleted <= now)


@dataclass(frozen=True)
class Note:
    """A credit note for a deal, allocated to its invoice as far as `allocated` goes (cents)."""

    id: str
    at: int
    lines: list[Line]
    totals: Totals
    allocated: int
    allocation_id: str


@dataclass(frozen=True)
class Advance:
    """A prepayment or overpayment, with the part that is allocated to the invoice (cents)."""

    id: str
    bank_transaction_id: str
    kind: str
    at: int
    amount: int
    allocated_at: int
    allocated: int
    allocation_id: str
    line_id: str


@dataclass(frozen=True)
class Deal:
    """The story of one invoice or bill and of what settles it."""

    organisation: Organisation
    index: int
    id: str
    sale: bool
    outcome: str
    contact: Contact
    rate: int
    mode: str
    number: str
    reference: str | None
    first_lines: list[Line]
    last_lines: list[Line]
    created: int
    submitted: int | None
    approved: int | None
    edited: int | None
    ended: int | None
    payments: tuple[Payment, ...]
    note: Note | None
    advance: Advance | None
    batches: Deals

    @property
    def events(self) -> tuple[int, ...]:
        """Every instant at which one of its documents changes."""
        found = {self.created, self.submitted, self.approved, self.edited, self.ended}
        for payment in self.payments:
            found |= {payment.at, payment.deleted}
        if self.note is not None:
            found.add(self.note.at)
        if self.advance is not None:
            found |= {self.advance.at, self.advance.allocated_at}
        return tuple(sorted(at for at in found if at is not None))

    def lines_at(self, now: int) -> tuple[list[dict[str, Any]], Totals]:
        """Return the line items as they stand at `now`, on the wire and summed up."""
        edited = self.edited is not None and self.edited <= now
        return self._last_wire if edited else self._first_wire

    # A deal is looked at once for each of its events when it is booked.
    @cached_property
    def _first_wire(self) -> tuple[list[dict[str, Any]], Totals]:
        return [wire_line(line) for line in self.first_lines], totals(self.first_lines, self.mode)

    @cached_property
    def _last_wire(self) -> tuple[list[dict[str, Any]], Totals]:
        if self.last_lines is self.first_lines:
            return self._first_wire
        return [wire_line(line) for line in self.last_lines], totals(self.last_lines, self.mode)

    def documents(self, now: int) -> list[Document]:
        """Return the invoice and everything that settles it, as of `now`."""
        return deal_documents.documents(self, now)


@dataclass(frozen=True)
class Batch:
    """The story of a batch payment; `deals` are the bills it pays, perhaps none."""

    organisation: Organisation
    index: int
    id: str
    at: int
    deals: tuple[Deal, ...]

    @property
    def events(self) -> tuple[int, ...]:
        """The instant it is made."""
        return (self.at,)

    @property
    def total(self) -> int:
        """Cents paid in all."""
        return sum(payment.amount for deal in self.deals for payment in deal.payments)

    def documents(self, now: int) -> list[Document]:
        """Return the batch payment, if it pays anything."""
        return deal_documents.batch_documents(self) if self.deals and self.at <= now else []
