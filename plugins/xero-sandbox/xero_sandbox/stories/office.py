"""The accountant's corner: manual journals, expense claims and their receipts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xero_sandbox.stories.common import total_properties
from xero_sandbox.stories.lines import INCLUSIVE, Line, draw, half_up, totals, wire_line
from xero_sandbox.stories.organisation import uuid_text
from xero_sandbox.stories.story import Document, latest
from xero_sandbox.stories.timeline import START, Pace
from xero_sandbox.wire import DAY, money, net_date

if TYPE_CHECKING:
    from xero_sandbox.stories.contacts import Contact, Contacts
    from xero_sandbox.stories.organisation import Account, Organisation

_JOURNALS, _CLAIMS = 8, 9
_SHARE_CAPITAL = 1_000_00
_BALANCED = (
    ("Depreciation for the month", "depreciation", "depreciated"),
    ("Wages accrued", "wages", "payroll"),
    ("Prepaid insurance released", "insurance", "prepaid"),
    ("Loan interest", "fees", "loan"),
)
USERS = (
    ("Ari", "Ashgrove", "FINANCIALADVISER", True),
    ("Bryn", "Coldwater", "STANDARD", False),
    ("Esme", "Fairstead", "INVOICEONLY", False),
    ("Hale", "Dunmarsh", "REMOVED", False),
)
"""Given name, family name, role, whether they pay the subscription."""


def user_copy(organisation: Organisation, number: int) -> dict[str, Any]:
    """Return the copy of a user that receipts and claims embed."""
    given, family, _, _ = USERS[number]
    return {
        "UserID": organisation.id_of("user", number),
        "FirstName": given,
        "LastName": family,
        "EmailAddress": f"{given.lower()}@{organisation.id_of('mail')[:8]}.example",
    }


@dataclass(frozen=True)
class ManualJournal:
    """The story of a manual journal: posted at once or later, perhaps voided."""

    organisation: Organisation
    index: int
    id: str
    narration: str
    date: int
    lines: tuple[tuple[Account, int], ...]
    tracking: list[dict[str, Any]]
    created: int
    posted: int | None
    ended: int | None

    @property
    def events(self) -> tuple[int, ...]:
        """When it was drafted, posted, and voided or deleted."""
        instants = {self.created, self.posted, self.ended}
        return tuple(sorted(at for at in instants if at is not None))

    def documents(self, now: int) -> list[Document]:
        """Return the manual journal as of `now`."""
        updated = latest(now, *self.events)
        status = "POSTED" if self.posted is not None and self.posted <= now else "DRAFT"
        if self.ended is not None and self.ended <= now:
            status = "VOIDED" if self.posted is not None else "DELETED"
        # Xero shows time zero on some of the voided ones.
        date = 0 if status == "VOIDED" and self.index % 2 == 0 else self.date
        body: dict[str, Any] = {
            "ManualJournalID": self.id,
            "Narration": self.narration,
            "Date": net_date(date),
            "Status": status,
            "LineAmountTypes": "NoTax",
            "JournalLines": [self._line(account, cents) for account, cents in self.lines],
            "ShowOnCashBasisReports": self.index % 2 == 1,
            "HasAttachments": False,
            "UpdatedDateUTC": net_date(updated),
        }
        if self.index % 4 == 1:
            body["Url"] = f"https://payroll.example/runs/{self.index}"
        return [Document("ManualJournals", self.id, body, updated)]

    def _line(self, account: Account, cents: int) -> dict[str, Any]:
        # No id: the lines of a manual journal have none.
        return {
            "LineAmount": money(cents),
            "AccountCode": account.fact.code,
            "AccountID": account.id,
            "Description": self.narration if self.index % 3 else "",
            "TaxType": "NONE",
            "TaxAmount": money(0),
            "Tracking": self.tracking,
            "IsBlank": False,
        }


class ManualJournals:
    """The strand of manual journals; the first two open the books."""

    name = "manual"

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._pace = Pace(max(10, organisation.invoices * 3 // 100))

    def birth(self, index: int) -> int:
        """Return when manual journal number `index` is drafted."""
        if index < 2:
            return START + index
        return self._pace.at(index, self._organisation.jitter(_JOURNALS, index))

    def story(self, index: int) -> ManualJournal:
        """Return manual journal number `index`."""
        organisation = self._organisation
        dice = organisation.random(_JOURNALS, index)
        created, accounts = self.birth(index), organisation.accounts
        narration, debit, credit = _BALANCED[index % len(_BALANCED)]
        amount = dice.randrange(5_000, 400_000)
        third = amount // 3
        sides = [(accounts[debit], amount - third), (accounts[debit], third)]
        date = organisation.local_day(created)
        posted = ended = None
        if index == 0:
            narration, credit, amount = "Founding capital", "capital", _SHARE_CAPITAL
            sides = [(accounts["equipment"], amount)]
        elif index == 1:
            narration, credit = "Opening stock", "capital"
            amount = sum(stock_value(item.cost, item.on_hand or 0) for item in organisation.items)
            sides = [(accounts["inventory"], amount)]
        if index % 9 not in (4, 7):
            posted = created + (int(dice.random() * 2 * DAY) if index > 1 else 0)
            ended = posted + 8 * DAY if index % 10 in (5, 6) else None
        elif index % 9 == 4:
            ended = created + 5 * DAY
        return ManualJournal(
            organisation=organisation,
            index=index,
            id=uuid_text(dice.getrandbits(128)),
            narration=narration,
            date=date,
            lines=(*sides, (accounts[credit], -amount)),
            tracking=organisation.tracking_wire[0][-1] if index % 5 == 2 else [],
            created=created,
            posted=posted,
            ended=ended,
        )


def stock_value(cost: int, on_hand: int) -> int:
    """Return the cents that `on_hand` units at `cost` ten-thousandths are worth."""
    return half_up(cost * on_hand, 100)


@dataclass(frozen=True)
class ExpenseClaim:
    """The story of a claim with its receipts: submitted, approved, paid back or voided."""

    organisation: Organisation
    index: int
    contact: Contact
    receipts: tuple[list[Line], ...]
    steps: tuple[tuple[int, str], ...]

    @property
    def events(self) -> tuple[int, ...]:
        """When each status is reached; DRAFT is that of receipts not yet claimed."""
        return tuple(at for at, _ in self.steps)

    def documents(self, now: int) -> list[Document]:
        """Return receipts and, once it is submitted, the claim."""
        updated, status = max(step for step in self.steps if step[0] <= now)
        receipts = [self._receipt(number, status, updated) for number in range(len(self.receipts))]
        documents = [Document("Receipts", body["ReceiptID"], body, updated) for body in receipts]
        if status != "DRAFT":
            documents.append(self._claim(status, updated, receipts))
        return documents

    def _receipt(self, number: int, status: str, updated: int) -> dict[str, Any]:
        lines = self.receipts[number]
        return {
            "ReceiptID": self.organisation.id_of("receipt", self.index, number),
            "ReceiptNumber": str(self.index * 10 + number + 1),
            "Status": "AUTHORISED" if status == "PAID" else status,
            "User": user_copy(self.organisation, self.index % 3),
            "Contact": self.contact.summary,
            "Date": net_date(self.organisation.local_day(self.steps[0][0])),
            "UpdatedDateUTC": net_date(updated),
            "Reference": "",
            "LineAmountTypes": INCLUSIVE,
            "LineItems": [wire_line(line) for line in lines],
            **total_properties(totals(lines, INCLUSIVE)),
            "HasAttachments": number == 0,
        }

    def _claim(self, status: str, updated: int, receipts: list[dict[str, Any]]) -> Document:
        organisation = self.organisation
        claim_id = organisation.id_of("claim", self.index)
        total = sum(totals(lines, INCLUSIVE).total for lines in self.receipts)
        day = organisation.local_day(self.steps[0][0])
        paid = status == "PAID"
        body = {
            "ExpenseClaimID": claim_id,
            "Status": status,
            "User": user_copy(organisation, self.index % 3),
            "Receipts": receipts,
            "Payments": [
                {
                    "PaymentID": organisation.id_of("claim", self.index, "payment"),
                    "Date": net_date(organisation.local_day(updated)),
                    "Amount": money(total),
                    "Account": {"AccountID": organisation.accounts["bank"].id},
                }
            ]
            if paid
            else [],
            "UpdatedDateUTC": net_date(updated),
            "Total": money(total),
            "AmountDue": money(total if status in ("SUBMITTED", "AUTHORISED") else 0),
            "AmountPaid": money(total if paid else 0),
            "PaymentDueDate": net_date(day + 20 * DAY),
            "ReportingDate": net_date(day),
        }
        return Document("ExpenseClaims", claim_id, body, updated)


class ExpenseClaims:
    """The strand of expense claims: a handful, as the classic kind is on its way out."""

    name = "claims"

    def __init__(self, organisation: Organisation, contacts: Contacts) -> None:
        self._organisation, self._contacts = organisation, contacts
        self._pace = Pace(6)

    def birth(self, index: int) -> int:
        """Return when the receipts of claim number `index` are entered."""
        return self._pace.at(index, self._organisation.jitter(_CLAIMS, index))

    def story(self, index: int) -> ExpenseClaim:
        """Return claim number `index`."""
        organisation = self._organisation
        dice = organisation.random(_CLAIMS, index)
        born = self.birth(index)
        last = ("PAID", "AUTHORISED", "VOIDED", None)[index % 4]
        steps = [(born, "DRAFT")]
        if last is not None:
            steps += [(born + DAY, "SUBMITTED"), (born + 3 * DAY, "AUTHORISED")]
        if last in ("PAID", "VOIDED"):
            steps.append((born + 9 * DAY, last))
        return ExpenseClaim(
            organisation,
            index,
            self._contacts.choose(dice, born, customer=False, local=True),
            tuple(
                draw(organisation, dice, sale=False, mode=INCLUSIVE, count=1 + number)
                for number in range(1 + index % 2)
            ),
            tuple(steps),
        )
