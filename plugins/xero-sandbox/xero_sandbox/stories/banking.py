"""Money spent and received without an invoice, and transfers between own accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xero_sandbox.stories.common import (
    bank_account_copy,
    date_properties,
    exchange_rate,
    total_properties,
)
from xero_sandbox.stories.lines import (
    EXCLUSIVE,
    INCLUSIVE,
    NO_TAX,
    Line,
    Totals,
    draw,
    totals,
    wire_line,
)
from xero_sandbox.stories.organisation import uuid_text
from xero_sandbox.stories.story import Document, latest
from xero_sandbox.stories.timeline import START, Pace
from xero_sandbox.wire import DAY, iso_second, money, net_date

if TYPE_CHECKING:
    from xero_sandbox.stories.contacts import Contact, Contacts
    from xero_sandbox.stories.organisation import Account, Organisation

_TRANSACTIONS, _TRANSFERS = 3, 4
OPENING_FUNDS = 25_000_000
"""Cents the owners put into the bank account on the first day."""


@dataclass(frozen=True)
class BankTransaction:
    """The story of money spent or received."""

    organisation: Organisation
    index: int
    id: str
    incoming: bool
    account: Account
    contact: Contact
    mode: str
    lines: list[Line]
    created: int
    reconciled: int | None
    deleted: int | None

    @property
    def events(self) -> tuple[int, ...]:
        """When it was entered, perhaps reconciled, perhaps deleted."""
        instants = (self.created, self.reconciled, self.deleted)
        return tuple(sorted(at for at in instants if at is not None))

    def documents(self, now: int) -> list[Document]:
        """Return the bank transaction as of `now`."""
        organisation = self.organisation
        updated = latest(now, *self.events)
        deleted = self.deleted is not None and self.deleted <= now
        day = organisation.local_day(self.created)
        currency = self.account.foreign or organisation.currency
        body: dict[str, Any] = {
            "BankTransactionID": self.id,
            "BankAccount": bank_account_copy(self.account),
            "Type": "RECEIVE" if self.incoming else "SPEND",
            "Reference": f"Card {self.index % 90 + 10}" if self.index % 3 == 0 else "",
            "IsReconciled": self.reconciled is not None and self.reconciled <= now and not deleted,
            "HasAttachments": self.index % 29 == 7,
            "Contact": self.contact.summary,
            **date_properties(day),
            "Status": "DELETED" if deleted else "AUTHORISED",
            "LineAmountTypes": self.mode,
            "LineItems": [wire_line(line) for line in self.lines],
            **total_properties(totals(self.lines, self.mode)),
            "UpdatedDateUTC": net_date(updated),
            "CurrencyCode": currency,
        }
        if self.account.foreign is not None:
            body["CurrencyRate"] = exchange_rate(organisation.rate(currency, day))
        if self.index % 17 == 5:
            body["ExternalLinkProviderName"] = "Till"
            body["Url"] = f"https://till.example/{self.index}"
        return [Document("BankTransactions", self.id, body, updated)]


class BankTransactions:
    """The strand of bank transactions; the first is the money the owners put in."""

    name = "bank"

    def __init__(self, organisation: Organisation, contacts: Contacts) -> None:
        self._organisation, self._contacts = organisation, contacts
        self._pace = Pace(max(12, organisation.invoices // 4))

    def birth(self, index: int) -> int:
        """Return when transaction number `index` is entered."""
        if index == 0:
            return START
        return self._pace.at(index, self._organisation.jitter(_TRANSACTIONS, index))

    def story(self, index: int) -> BankTransaction:
        """Return transaction number `index`."""
        organisation = self._organisation
        dice = organisation.random(_TRANSACTIONS, index)
        roll, accounts = dice.random, organisation.accounts
        created = self.birth(index)
        incoming = roll() < 0.25 or index == 0
        chance = roll()
        account = accounts["card" if chance < 0.3 and not incoming else "bank"]
        if index % 23 == 2:
            account = accounts["foreign"]
        mode = NO_TAX if account.foreign or index == 0 else (INCLUSIVE, EXCLUSIVE)[roll() < 0.2]
        transaction_id = uuid_text(dice.getrandbits(128))
        lines = draw(
            organisation,
            dice,
            sale=incoming,
            mode=mode,
            taxed=mode != NO_TAX,
            count=1 + (chance > 0.8),
        )
        if index == 0:
            lines = [
                lines[0]._replace(
                    quantity=10_000,
                    unit=OPENING_FUNDS * 100,
                    amount=OPENING_FUNDS,
                    description="Owner funds introduced",
                    account=accounts["capital"],
                    item=None,
                    discount=0,
                    discount_amount=0,
                    tracking=[],
                )
            ]
        reconciled = created + int((1 + roll() * 9) * DAY) if roll() < 0.8 else None
        return BankTransaction(
            organisation=organisation,
            index=index,
            id=transaction_id,
            incoming=incoming,
            account=account,
            contact=self._contacts.choose(dice, created, customer=incoming, local=True),
            mode=mode,
            lines=lines,
            created=created,
            reconciled=reconciled,
            deleted=created + 12 * DAY if index % 25 == 1 else None,
        )


@dataclass(frozen=True)
class BankTransfer:
    """The story of a transfer and of the two bank transactions that mirror it."""

    organisation: Organisation
    index: int
    created: int
    amount: int
    deleted: int | None

    @property
    def events(self) -> tuple[int, ...]:
        """When it was made and perhaps deleted."""
        return (self.created,) if self.deleted is None else (self.created, self.deleted)

    def documents(self, now: int) -> list[Document]:
        """Return transfer and mirrors as of `now`."""
        organisation = self.organisation
        accounts = organisation.accounts
        here, there = accounts["bank"], accounts["savings"]
        if self.index % 3 == 1:
            here, there = there, here
        deleted = self.deleted is not None and self.deleted <= now
        status = "DELETED" if deleted else "AUTHORISED"
        id_of = organisation.id_of
        transfer_id = id_of("transfer", self.index)
        mirrors = [id_of("transfer", self.index, way) for way in ("SPEND", "RECEIVE")]
        day = organisation.local_day(self.created)
        body = {
            "BankTransferID": transfer_id,
            "CreatedDateUTC": net_date(self.created),
            "CreatedDateUTCString": iso_second(self.created),
            # Unlike every other calendar date of Xero's, this one has a time of day.
            **date_properties(day),
            "Date": net_date(day + self.created % DAY),
            "FromBankAccount": bank_account_copy(here),
            "ToBankAccount": bank_account_copy(there),
            "Amount": money(self.amount),
            "FromBankTransactionID": mirrors[0],
            "ToBankTransactionID": mirrors[1],
            "FromIsReconciled": self.index % 2 == 0,
            "ToIsReconciled": False,
            "Reference": f"Sweep {self.index}" if self.index % 4 else "",
            "CurrencyRate": exchange_rate(1_000_000),
            "HasAttachments": False,
            "Status": status,
            "FromTracking": [],
            "ToTracking": [],
        }
        # A transfer shows when it was made and nothing later, also after it was deleted.
        documents = [Document("BankTransfers", transfer_id, body, self.created)]
        updated = latest(now, *self.events)
        for mirror, way, account in zip(mirrors, ("SPEND", "RECEIVE"), (here, there), strict=True):
            transaction = {
                "BankTransactionID": mirror,
                "BankAccount": bank_account_copy(account),
                "Type": f"{way}-TRANSFER",
                "Reference": body["Reference"],
                "IsReconciled": body["FromIsReconciled"] and way == "SPEND",
                "HasAttachments": False,
                **date_properties(day),
                "Status": status,
                "LineAmountTypes": NO_TAX,
                "LineItems": [],
                **total_properties(Totals(self.amount, 0, self.amount, 0)),
                "UpdatedDateUTC": net_date(updated),
                "CurrencyCode": organisation.currency,
            }
            documents.append(Document("BankTransactions", mirror, transaction, updated))
        return documents


class BankTransfers:
    """The strand of bank transfers."""

    name = "transfers"

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._pace = Pace(max(5, organisation.invoices * 3 // 100))

    def birth(self, index: int) -> int:
        """Return when transfer number `index` is made."""
        return self._pace.at(index, self._organisation.jitter(_TRANSFERS, index))

    def story(self, index: int) -> BankTransfer:
        """Return transfer number `index`."""
        dice = self._organisation.random(_TRANSFERS, index)
        created = self.birth(index)
        return BankTransfer(
            self._organisation,
            index,
            created,
            dice.randrange(10_000, 1_000_000),
            created + 6 * DAY if index % 7 == 2 else None,
        )
