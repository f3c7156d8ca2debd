"""The story of an invoice or bill and of all that settles it.

`deals` decides these facts; `deal_documents` draws what they look like at a given instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xero_sandbox.stories.contacts import Contact
    from xero_sandbox.stories.lines import Line, Totals
    from xero_sandbox.stories.organisation import Account, Organisation


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
    """One invoice or bill and what settles it."""

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

    @property
    def events(self) -> tuple[int, ...]:
        """Every instant at which one of its documents changes."""
        instants = {self.created, self.submitted, self.approved, self.edited, self.ended}
        for payment in self.payments:
            instants |= {payment.at, payment.deleted}
        if self.note is not None:
            instants.add(self.note.at)
        if self.advance is not None:
            instants |= {self.advance.at, self.advance.allocated_at}
        return tuple(sorted(at for at in instants if at is not None))


@dataclass(frozen=True)
class Batch:
    """A batch payment; `deals` are the bills it pays, perhaps none."""

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
