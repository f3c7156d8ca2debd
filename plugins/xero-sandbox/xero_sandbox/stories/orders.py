"""What is asked for before it is billed: purchase orders, quotes, and billable expenses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xero_sandbox.stories.common import date_properties, exchange_rate, total_properties
from xero_sandbox.stories.lines import EXCLUSIVE, INCLUSIVE, Line, draw, totals, wire_line
from xero_sandbox.stories.organisation import uuid_text
from xero_sandbox.stories.story import Document
from xero_sandbox.stories.timeline import HOUR, Pace
from xero_sandbox.wire import DAY, money, net_date, net_date_short

if TYPE_CHECKING:
    from xero_sandbox.stories.contacts import Contact, Contacts
    from xero_sandbox.stories.deal import Deal
    from xero_sandbox.stories.deals import Deals
    from xero_sandbox.stories.organisation import Organisation

_ORDERS, _QUOTES, _LINKED = 5, 6, 7

_TYPED_WRONG = -DAY
"""31 December 1969: a date before time zero, where it makes no month of anybody's books."""

# How far documents get: statuses in the order they are reached.
_ORDER_PATHS = (
    ("DRAFT", "AUTHORISED", "BILLED"),
    ("DRAFT", "SUBMITTED", "AUTHORISED"),
    ("DRAFT", "SUBMITTED"),
    ("DRAFT", "DELETED"),
    ("DRAFT",),
)
_QUOTE_PATHS = (
    ("DRAFT", "SENT", "ACCEPTED", "INVOICED"),
    ("DRAFT", "SENT", "DECLINED"),
    ("DRAFT", "SENT"),
    ("DRAFT",),
    ("DRAFT", "SENT", "ACCEPTED"),
    ("DRAFT", "DELETED"),
)


@dataclass(frozen=True)
class OrderOrQuote:
    """The story of a purchase order or a quote: it goes from status to status."""

    organisation: Organisation
    index: int
    id: str
    is_order: bool
    contact: Contact
    mode: str
    lines: list[Line]
    steps: tuple[tuple[int, str], ...]

    @property
    def events(self) -> tuple[int, ...]:
        """When each status is reached."""
        return tuple(at for at, _ in self.steps)

    def documents(self, now: int) -> list[Document]:
        """Return the order or quote as of `now`."""
        updated, status = max(step for step in self.steps if step[0] <= now)
        body = self._order(status) if self.is_order else self._quote(status)
        body["UpdatedDateUTC"] = net_date(updated)
        return [Document("PurchaseOrders" if self.is_order else "Quotes", self.id, body, updated)]

    def _common_properties(self, status: str) -> dict[str, Any]:
        amounts = totals(self.lines, self.mode)
        day = self.organisation.local_day(self.steps[0][0])
        return {
            "Contact": self.contact.summary,
            **date_properties(day),
            "Status": status,
            "LineItems": [wire_line(line) for line in self.lines],
            **total_properties(amounts),
            "TotalDiscount": money(amounts.discount),
            "CurrencyCode": self.contact.currency,
            "CurrencyRate": exchange_rate(self.organisation.rate(self.contact.currency, day)),
            "BrandingThemeID": self.organisation.id_of("theme", 0),
        }

    def _order(self, status: str) -> dict[str, Any]:
        day = self.organisation.local_day(self.steps[0][0])
        body = {
            "PurchaseOrderID": self.id,
            "PurchaseOrderNumber": f"PO-{self.index + 1:05d}",
            "Type": "PURCHASEORDER",
            "Reference": f"Job {self.index % 40}" if self.index % 2 else "",
            "LineAmountTypes": self.mode,
            "SentToContact": status in ("AUTHORISED", "BILLED"),
            "DeliveryAddress": "Loading bay\n1 Harbour Road" if self.index % 2 else "",
            "AttentionTo": "",
            "Telephone": "",
            "DeliveryInstructions": "",
            "HasErrors": False,
            "IsDiscounted": False,
            "HasAttachments": False,
            **self._common_properties(status),
        }
        if self.index % 3:
            body.update(date_properties(day + 10 * DAY, "DeliveryDate"))
        if self.index % 5 == 1:
            body.update(date_properties(day + 14 * DAY, "ExpectedArrivalDate"))
        return body

    def _quote(self, status: str) -> dict[str, Any]:
        day = self.organisation.local_day(self.steps[0][0])
        return {
            "QuoteID": self.id,
            "QuoteNumber": f"QU-{self.index + 1:04d}",
            "Reference": f"Enquiry {self.index}" if self.index % 2 else "",
            "Terms": "Valid for thirty days.",
            # Quotes alone write this in capitals.
            "LineAmountTypes": self.mode.upper(),
            "Title": f"Quote for {self.contact.name}"[:100],
            "Summary": "As discussed",
            **date_properties(day + 30 * DAY if self.index else _TYPED_WRONG, "ExpiryDate"),
            **self._common_properties(status),
        }


class OrdersOrQuotes:
    """The strand of purchase orders, or that of quotes."""

    def __init__(self, organisation: Organisation, contacts: Contacts, *, is_order: bool) -> None:
        self.name = "orders" if is_order else "quotes"
        self._organisation, self._contacts, self._is_order = organisation, contacts, is_order
        self._strand = _ORDERS if is_order else _QUOTES
        self._pace = Pace(max(12, organisation.invoices // 20))

    def birth(self, index: int) -> int:
        """Return when number `index` is drafted."""
        return self._pace.at(index, self._organisation.jitter(self._strand, index))

    def story(self, index: int) -> OrderOrQuote:
        """Return number `index`."""
        organisation = self._organisation
        dice = organisation.random(self._strand, index)
        paths = _ORDER_PATHS if self._is_order else _QUOTE_PATHS
        at = self.birth(index)
        # Half take the straight way; the first few show every way there is.
        path = paths[index % len(paths) if index < 6 or dice.random() < 0.5 else 0]
        steps = []
        for status in path:
            steps.append((at, status))
            at += HOUR + int(dice.random() * 9 * DAY)
        contact = self._contacts.choose(
            dice, steps[0][0], customer=not self._is_order, local=index % 4 != 3
        )
        local = contact.currency == organisation.currency
        mode = EXCLUSIVE if dice.random() < 0.8 else INCLUSIVE
        return OrderOrQuote(
            organisation=organisation,
            index=index,
            id=uuid_text(dice.getrandbits(128)),
            is_order=self._is_order,
            contact=contact,
            mode=mode,
            lines=draw(organisation, dice, sale=not self._is_order, mode=mode, taxed=local),
            steps=tuple(steps),
        )


@dataclass(frozen=True)
class BillableExpense:
    """The story of a line of a bill that a customer is to pay for."""

    organisation: Organisation
    index: int
    source: Deal | None
    target: Deal | None
    steps: tuple[tuple[int, str], ...]

    @property
    def events(self) -> tuple[int, ...]:
        """When it was assigned, and when it was billed."""
        return tuple(at for at, _ in self.steps)

    def documents(self, now: int) -> list[Document]:
        """Return the linked transaction as of `now`, if there was a bill to link."""
        if self.source is None:
            return []
        updated, status = max(step for step in self.steps if step[0] <= now)
        link_id = self.organisation.id_of("linked", self.index)
        body = {
            "LinkedTransactionID": link_id,
            "SourceTransactionID": self.source.id,
            "SourceLineItemID": self.source.last_lines[0].id,
            "SourceTransactionTypeCode": "ACCPAY",
            "Type": "BILLABLEEXPENSE",
            "Status": status,
            "UpdatedDateUTC": net_date_short(updated),
            "HasValidationErrors": False,
        }
        if self.target is not None:
            body["ContactID"] = self.target.contact.id
            if status == "BILLED":
                body["TargetTransactionID"] = self.target.id
                body["TargetLineItemID"] = self.target.last_lines[0].id
        return [Document("LinkedTransactions", link_id, body, updated)]


class BillableExpenses:
    """The strand of linked transactions."""

    name = "linked"

    def __init__(self, organisation: Organisation, deals: Deals) -> None:
        self._organisation, self._deals = organisation, deals
        self._pace = Pace(max(3, organisation.invoices // 100))

    def birth(self, index: int) -> int:
        """Return when expense number `index` is assigned to a customer."""
        return self._pace.at(index, self._organisation.jitter(_LINKED, index))

    def story(self, index: int) -> BillableExpense:
        """Return expense number `index`."""
        at = self.birth(index)
        source = self._before(at, sale=False)
        target = self._before(at, sale=True) if index % 3 else None
        billed = target is not None and index % 2 == 1
        steps = ((at, "APPROVED"), (at + 3 * DAY, "BILLED")) if billed else ((at, "APPROVED"),)
        return BillableExpense(self._organisation, index, source, target, steps)

    def _before(self, at: int, *, sale: bool) -> Deal | None:
        """Return the latest standing bill or invoice that was entered before `at`."""
        last = self._deals.pace.begun(at)
        for index in range(last - 1, max(last - 60, -1), -1):
            deal = self._deals.deal(index)
            if deal.sale == sale and deal.approved is not None and deal.outcome != "voided":
                return deal
        return None
