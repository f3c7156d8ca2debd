"""What contacts owe and are owed, kept up as documents change.

Balances follow from open invoices and unused credit, in base currency. They move without moving
the contact's UpdatedDateUTC, as in Xero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from xero_sandbox.stories.contacts import balances
from xero_sandbox.stories.lines import to_base
from xero_sandbox.wire import cents, parse_net_date

if TYPE_CHECKING:
    from collections.abc import Iterator

_CREDITS = ("CreditNotes", "Prepayments", "Overpayments")
_SALES = ("ACCREC", "ACCRECCREDIT", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT")


class _Open(NamedTuple):
    contact_id: str
    sale: bool
    amount: int
    due: int


class ContactBalances:
    """The open documents of one organisation, by contact."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._of_contact: dict[str, set[str]] = {}
        self._stale: set[str] = set()

    def observe(self, resource: str, id: str, body: dict[str, Any]) -> None:  # noqa: A002
        """Take note of a document as it now stands."""
        if resource == "Contacts":
            # It was just written with the balances of whoever wrote it.
            self._stale.add(id)
            return
        if resource == "Invoices":
            standing = body["Status"] == "AUTHORISED" and body["AmountDue"]
            amount = body["AmountDue"]
        elif resource in _CREDITS:
            standing = body["Status"] == "AUTHORISED" and body["RemainingCredit"]
            amount = -body["RemainingCredit"]
        else:
            return
        previous = self._open.pop(id, None)
        if previous is not None:
            self._of_contact[previous.contact_id].discard(id)
            self._stale.add(previous.contact_id)
        if not standing:
            return
        contact_id = body["Contact"]["ContactID"]
        rate = int(body.get("CurrencyRate", 1) * 1_000_000)
        due = parse_net_date(body["DueDate"]) if "DueDate" in body else 1 << 62
        self._open[id] = _Open(
            contact_id, body["Type"] in _SALES, to_base(cents(amount), rate), due
        )
        self._of_contact.setdefault(contact_id, set()).add(id)
        self._stale.add(contact_id)

    def new_day(self) -> None:
        """Look at everybody again: what was due yesterday is overdue today."""
        self._stale.update(contact for contact, documents in self._of_contact.items() if documents)

    def changes(self, today: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield contact ids and their `ContactBalances` wherever these may have changed.

        Args:
            today: Midnight of the organisation's calendar date.
        """
        stale, self._stale = sorted(self._stale), set()
        for contact_id in stale:
            sides = {True: [0, 0], False: [0, 0]}
            for document_id in self._of_contact.get(contact_id, ()):
                document = self._open[document_id]
                sides[document.sale][0] += document.amount
                if document.due < today:
                    sides[document.sale][1] += document.amount
            (owed, late), (owing, late_owing) = sides[True], sides[False]
            yield contact_id, balances((owed, late), (owing, late_owing))
