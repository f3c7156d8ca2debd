"""Sales and purchases: decides how an invoice or bill comes about, changes, and is settled."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from xero_sandbox.stories.deal import Advance, Batch, Deal, Note, Payment
from xero_sandbox.stories.deal_documents import BatchStory, DealStory
from xero_sandbox.stories.lines import (
    EXCLUSIVE,
    INCLUSIVE,
    NO_TAX,
    Line,
    draw,
    revised,
    totals,
)
from xero_sandbox.stories.organisation import uuid_text
from xero_sandbox.stories.timeline import HOUR, Pace
from xero_sandbox.wire import DAY

if TYPE_CHECKING:
    from random import Random

    from xero_sandbox.stories.contacts import Contact, Contacts
    from xero_sandbox.stories.organisation import Organisation

_STRAND, _SIDE, _OUTCOME = 2, 202, 203
BATCH_OF = 12
"""Bills that are entered within so many deals of each other may be paid in one batch."""
_BATCH_AFTER = 5 * DAY

# What becomes of a deal, with its share in a thousand; sales first, then purchases.
_SALE_OUTCOMES = (
    ("paid", 560), ("open", 90), ("part", 30), ("two parts", 60), ("draft", 20),
    ("submitted", 10), ("deleted", 20), ("voided", 40), ("credited", 50), ("credited in full", 20),
    ("refunded", 20), ("credit open", 10), ("prepaid", 25), ("overpaid", 20), ("repaid", 25),
)  # fmt: skip
_COST_OUTCOMES = (
    ("paid", 380), ("batch", 260), ("open", 100), ("part", 20), ("two parts", 40), ("draft", 40),
    ("submitted", 30), ("deleted", 20), ("voided", 30), ("credited", 30),
    ("credited in full", 10), ("refunded", 10), ("prepaid", 15), ("overpaid", 10),
    ("repaid", 5),
)  # fmt: skip
# The first deals of every organisation show each outcome once, so that small books have them all.
_SHOWCASE = (
    (True, "paid"), (False, "batch"), (True, "credited"), (False, "batch"), (True, "voided"),
    (True, "prepaid"), (True, "overpaid"), (True, "repaid"), (False, "batch"), (True, "draft"),
    (True, "two parts"), (False, "paid"), (True, "refunded"), (False, "voided"),
    (True, "deleted"), (False, "submitted"), (True, "open"), (False, "open"), (False, "credited"),
    (True, "credit open"), (False, "prepaid"), (False, "overpaid"), (True, "part"),
    (False, "refunded"), (True, "credited in full"), (False, "draft"), (True, "paid"),
    (False, "two parts"), (True, "voided"),
)  # fmt: skip
# In a foreign currency a deal is settled in one go, so that no fraction of a cent is left over.
_ABROAD = frozenset(("paid", "open", "draft", "submitted", "deleted", "voided", "credited in full"))


def _spread(outcomes: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    return tuple(name for name, share in outcomes for _ in range(share // 5))


_SALE_DRAW, _COST_DRAW = _spread(_SALE_OUTCOMES), _spread(_COST_OUTCOMES)


class Deals:
    """The strand of invoices and bills."""

    name = "deals"

    def __init__(self, organisation: Organisation, contacts: Contacts) -> None:
        self.organisation = organisation
        self._contacts = contacts
        self.pace = Pace(organisation.invoices)
        # Members of a batch are told one after the other: a few batches remembered are enough.
        self.batch = lru_cache(maxsize=64)(self._batch)

    def birth(self, index: int) -> int:
        """Return when invoice number `index` is entered."""
        return self.pace.at(index, self.organisation.jitter(_STRAND, index))

    def batch_at(self, number: int) -> int:
        """Return when batch `number` is paid: after all its bills are approved."""
        return self.pace.at((number + 1) * BATCH_OF, 0) + _BATCH_AFTER

    def story(self, index: int) -> DealStory:
        """Return the story of the deal with this number."""
        return DealStory(self.deal(index), self.batch)

    def deal(self, index: int) -> Deal:
        """Return the deal with this number."""
        organisation = self.organisation
        dice = organisation.random(_STRAND, index)
        roll = dice.random
        created = self.birth(index)
        sale, outcome = self._outcome(index)
        contact = self._contacts.choose(dice, created, customer=sale, local=outcome not in _ABROAD)
        abroad = contact.currency != organisation.currency
        day = organisation.local_day(created)
        chance = roll()
        mode = EXCLUSIVE if chance < 0.7 else INCLUSIVE
        if abroad or chance > 0.95:
            mode = NO_TAX
        deal_id = uuid_text(dice.getrandbits(128))
        first = last = draw(organisation, dice, sale=sale, mode=mode, taxed=not abroad)

        approved: int | None = created + int(roll() * 3 * DAY) if roll() < 0.7 else created
        edited = submitted = ended = None
        if outcome in ("draft", "submitted", "deleted"):
            approved = None
            submitted = created + int(roll() * 8 * HOUR) if outcome != "draft" else None
            ended = created + int((1 + roll() * 4) * DAY) if outcome == "deleted" else None
        elif outcome == "voided":
            ended = (approved or created) + int((1 + roll() * 20) * DAY)
        elif outcome not in ("batch", "prepaid") and roll() < 0.12:
            edited = created + int((3 + roll() * 2) * DAY)
            last = revised(first, mode)
        total = totals(last, mode).total
        settled = _Settlement(self, dice, index, sale, outcome, contact, abroad)
        payments, note, advance, approved = settled.plan(
            created, approved, edited, last, mode, total
        )
        return Deal(
            organisation=organisation,
            index=index,
            id=deal_id,
            sale=sale,
            outcome=outcome,
            contact=contact,
            rate=organisation.rate(contact.currency, day),
            mode=mode,
            # A supplier's number is the supplier's own, and comes back on another bill.
            number=f"INV-{index + 1:06d}" if sale else f"B{index % 900 + 100}",
            reference=(f"PO {1000 + index}" if roll() < 0.4 else "") if sale else None,
            first_lines=first,
            last_lines=last,
            created=created,
            submitted=submitted,
            approved=approved,
            edited=edited,
            ended=ended,
            payments=payments,
            note=note,
            advance=advance,
        )

    def _batch(self, number: int) -> Batch:
        members = range(number * BATCH_OF, (number + 1) * BATCH_OF)
        return Batch(
            organisation=self.organisation,
            index=number,
            id=self.organisation.id_of("batch", number),
            at=self.batch_at(number),
            deals=tuple(self.deal(index) for index in members if self._is_in_batch(index)),
        )

    def _is_in_batch(self, index: int) -> bool:
        return self._outcome(index)[1] == "batch"

    def _outcome(self, index: int) -> tuple[bool, str]:
        """Return whether a deal is a sale, and what becomes of it."""
        if index < len(_SHOWCASE):
            return _SHOWCASE[index]
        chance = self.organisation.jitter(_OUTCOME, index)
        if self.organisation.jitter(_SIDE, index) < 0.6:
            return True, _SALE_DRAW[int(chance * len(_SALE_DRAW))]
        return False, _COST_DRAW[int(chance * len(_COST_DRAW))]


class Batches:
    """The strand of batch payments: one for each `BATCH_OF` deals, where any bill is in it."""

    name = "batches"

    def __init__(self, deals: Deals) -> None:
        self._deals = deals

    def birth(self, index: int) -> int:
        """Return when the batch is paid."""
        return self._deals.batch_at(index)

    def story(self, index: int) -> BatchStory:
        """Return the story of the batch with this number."""
        return BatchStory(self._deals.batch(index))


class _Settlement:
    """Decides the money side of one deal."""

    def __init__(
        self,
        deals: Deals,
        dice: Random,
        index: int,
        sale: bool,
        outcome: str,
        contact: Contact,
        abroad: bool,
    ) -> None:
        self._deals, self._dice, self._index, self._sale = deals, dice, index, sale
        self._outcome, self._contact, self._abroad = outcome, contact, abroad

    def plan(
        self,
        created: int,
        approved: int | None,
        edited: int | None,
        last: list[Line],
        mode: str,
        total: int,
    ) -> tuple[tuple[Payment, ...], Note | None, Advance | None, int | None]:
        """Return payments, credit note, advance, and the approval (moved for an advance)."""
        roll, outcome = self._dice.random, self._outcome
        if approved is None or outcome in ("open", "voided"):
            return (), None, None, approved
        if outcome == "batch":
            number = self._index // BATCH_OF
            paid = self._deals.batch_at(number)
            return (self._pay(paid, total, batch=number),), None, None, approved
        ready = max(approved, edited or 0)
        pay = ready + int((1 + roll() * 45) * DAY)
        if outcome == "paid":
            return (self._pay(pay, total),), None, None, approved
        if outcome in ("part", "two parts"):
            first = total * int(20 + roll() * 60) // 100
            payments = [self._pay(pay, first)] if first else []
            if outcome == "two parts":
                payments.append(self._pay(pay + int((5 + roll() * 20) * DAY), total - first))
            return tuple(payments), None, None, approved
        if outcome == "repaid":
            bounced = self._pay(pay, total, deleted=pay + 3 * DAY)
            return (bounced, self._pay(pay + 6 * DAY, total)), None, None, approved
        if outcome in ("prepaid", "overpaid"):
            return self._in_advance(created, approved, pay, total)
        return self._with_note(ready, pay, last, mode, total, approved)

    def _in_advance(
        self, created: int, approved: int, pay: int, total: int
    ) -> tuple[tuple[Payment, ...], None, Advance, int]:
        prepaid = self._outcome == "prepaid"
        if prepaid:
            at = created + HOUR
            approved = allocated_at = max(approved, at + HOUR)
            amount = total * (40, 100, 130)[self._index % 3] // 100
        else:
            at = allocated_at = pay
            amount = total + 5_000
        allocated = min(amount, total)
        advance = Advance(
            self._id(),
            self._id(),
            "PREPAYMENT" if prepaid else "OVERPAYMENT",
            at,
            amount,
            allocated_at,
            allocated,
            self._id(),
            self._id(),
        )
        payments = []
        if allocated < total:
            payments.append(self._pay(max(pay, allocated_at + DAY), total - allocated))
        if not prepaid and self._index % 2 == 0:
            payments.append(self._pay(pay + 20 * DAY, amount - total, target="overpayment"))
        return tuple(payments), None, advance, approved

    def _with_note(
        self, ready: int, pay: int, last: list[Line], mode: str, total: int, approved: int
    ) -> tuple[tuple[Payment, ...], Note, None, int]:
        credited = last if self._outcome == "credited in full" else last[:1]
        credited = [line._replace(id=self._id()) for line in credited]
        note_totals = totals(credited, mode)
        allocated = note_totals.total if self._outcome.startswith("credited") else 0
        at = ready + DAY if allocated else pay + 4 * DAY
        note = Note(self._id(), at, credited, note_totals, allocated, self._id())
        payments = []
        if total - allocated:
            payments.append(self._pay(max(pay, ready + 2 * DAY), total - allocated))
        if self._outcome == "refunded":
            payments.append(self._pay(at + 5 * DAY, note_totals.total, target="note"))
        # What is owed back for an open credit has been paid in full before.
        return tuple(payments), note, None, approved

    def _pay(
        self,
        at: int,
        amount: int,
        *,
        target: str = "invoice",
        deleted: int | None = None,
        batch: int | None = None,
    ) -> Payment:
        organisation = self._deals.organisation
        accounts = organisation.accounts
        account = accounts["bank"]
        if self._abroad:
            if accounts["foreign"].foreign == self._contact.currency:
                account = accounts["foreign"]
        elif not self._sale and batch is None and self._index % 9 == 0:
            account = accounts["card"]
        rate = organisation.rate(self._contact.currency, organisation.local_day(at))
        return Payment(self._id(), at, amount, account, rate, target, deleted, batch)

    def _id(self) -> str:
        return uuid_text(self._dice.getrandbits(128))
