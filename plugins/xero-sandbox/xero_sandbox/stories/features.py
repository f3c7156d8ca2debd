"""What Xero does by itself, for organisations that have the feature: named when a sandbox is made.

Without any, everything in the ledger comes from documents. The features put there, or only into
reports, what no document shows; the table says what and how Xero lets it be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from xero_sandbox.reports.periods import day_of, month_end, months_before, ms_of, year_start
from xero_sandbox.stories.reference import organisation_body
from xero_sandbox.stories.story import Document
from xero_sandbox.stories.timeline import HOUR, START
from xero_sandbox.wire import DAY, net_date

if TYPE_CHECKING:
    from xero_sandbox.stories.organisation import Organisation

CURRENCY, CONVERSION, FIXED_ASSETS, PAYROLL, STOCK, LOCKS = FEATURES = (
    "currency",
    "conversion",
    "fixed_assets",
    "payroll",
    "stock",
    "locks",
)

REASONS: dict[str, str] = {
    CURRENCY: (
        "bank revaluations and unrealised currency gains as of a report's date, in reports only: "
        "vendors and users find neither in journals (accounts 497 and 498), and Xero's are in no "
        "list of its API"
    ),
    CONVERSION: (
        "balances brought along from the books before Xero: a journal without a source, no document"
    ),
    FIXED_ASSETS: (
        "depreciation run month by month in the register of fixed assets: a journal without a "
        "source; SourceType has no value for it, and the Accounting API no document"
    ),
    PAYROLL: (
        "a pay run a month: a journal with SourceType PAYSLIP whose source is in the Payroll API"
    ),
    STOCK: "costs of tracked inventory that was sold: a journal without a source of its own",
    LOCKS: "PeriodLockDate moves month by month, EndOfYearLockDate year by year",
}
"""Each feature: what it does, and why Xero's books have it."""

ENTRIES = "SystemEntries"
"""Envelope key under which entries without a document are posted; no endpoint serves it."""


class _Run(NamedTuple):
    """An entry that is made at the end of each month.

    Attributes:
        source_type: SourceType of its journal, empty for none.
        reference: What it is called.
        debit: Account by key.
        credit: Account by key.
        least: Cents; the amount is up to twice that.
    """

    source_type: str
    reference: str
    debit: str
    credit: str
    least: int


_RUNS = {
    FIXED_ASSETS: _Run("", "Depreciation", "depreciation", "depreciated", 12_345),
    PAYROLL: _Run("PAYSLIP", "Pay run", "wages", "payroll", 456_789),
    STOCK: _Run("", "Cost of goods sold", "cogs", "inventory", 23_456),
}
_BROUGHT_ALONG = {
    "bank": 3_000_000,
    "equipment": 1_200_050,
    "depreciated": -400_025,
    "loan": -2_000_000,
    "sales": -500_000,
    "rent": 120_000,
    "historical": 1_000,
    "retained": -1_421_025,
}
"""Cents by account key at the conversion date, the day before history starts."""


@dataclass(frozen=True)
class SystemEntry:
    """The story of an entry without a document: it is made, and stays."""

    id: str
    source_type: str
    reference: str
    date: int
    lines: tuple[tuple[str, int], ...]
    at: int

    @property
    def events(self) -> tuple[int, ...]:
        """When it is made."""
        return (self.at,)

    def documents(self, now: int) -> list[Document]:  # noqa: ARG002 - it never changes
        """Return the entry."""
        body: dict[str, Any] = {
            "SourceType": self.source_type,
            "SourceID": self.id,
            "Date": net_date(self.date),
            "Reference": self.reference,
            "Lines": list(self.lines),
        }
        return [Document(ENTRIES, self.id, body, self.at)]


class SystemEntries:
    """The strand of entries without documents: what was brought along, then runs by month."""

    name = "system"

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._runs = [run for name, run in _RUNS.items() if name in organisation.features]
        self._first = 1 if CONVERSION in organisation.features else 0

    def birth(self, index: int) -> int:
        """Return when entry number `index` is made: at the end of a month."""
        if index < self._first:
            return START
        if not self._runs:
            return 1 << 62
        return ms_of(self._month(index)) + 20 * HOUR

    def story(self, index: int) -> SystemEntry:
        """Return entry number `index`."""
        organisation, at = self._organisation, self.birth(index)
        entry_id = organisation.id_of("system entry", index)
        accounts = {key: account.id for key, account in organisation.accounts.items()}
        if index < self._first:
            lines = tuple((accounts[key], cents) for key, cents in _BROUGHT_ALONG.items())
            reference = "Conversion balances"
            return SystemEntry(entry_id, "", reference, START - DAY, lines, at)
        run = self._runs[(index - self._first) % len(self._runs)]
        dice = organisation.random(_STRAND, index)
        amount = run.least + dice.randrange(run.least)
        lines = ((accounts[run.debit], amount), (accounts[run.credit], -amount))
        date = ms_of(self._month(index))
        return SystemEntry(entry_id, run.source_type, run.reference, date, lines, at)

    def _month(self, index: int) -> Any:
        """Last day of the month of a run."""
        months = (index - self._first) // len(self._runs)
        return month_end(months_before(day_of(START), -months))


_STRAND = 12
_LOCKS_ON = 10
"""Day of a month on which the month before is locked."""
_YEAR_LOCKS_AFTER = 3
"""Months after which a financial year is locked."""


@dataclass(frozen=True)
class Lock:
    """The story of a month that is closed: its lock dates stand until the next one's."""

    organisation: Organisation
    at: int

    @property
    def events(self) -> tuple[int, ...]:
        """When the month is closed."""
        return (self.at,)

    def documents(self, now: int) -> list[Document]:  # noqa: ARG002 - the next month is another story
        """Return the organisation with its lock dates."""
        day = day_of(self.at)
        closed = month_end(months_before(day, 1))
        year = year_start(months_before(day, _YEAR_LOCKS_AFTER), self.organisation.country.year_end)
        body = {
            **organisation_body(self.organisation),
            "PeriodLockDate": net_date(ms_of(closed)),
            "EndOfYearLockDate": net_date(ms_of(year) - DAY),
        }
        return [Document("Organisations", self.organisation.tenant_id, body, self.at)]


class Locks:
    """The strand of months that are closed, one after the other."""

    name = "locks"

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation

    def birth(self, index: int) -> int:
        """Return when month number `index` is closed."""
        month = months_before(day_of(START), -(index + 1))
        return ms_of(month.replace(day=_LOCKS_ON)) + 9 * HOUR

    def story(self, index: int) -> Lock:
        """Return the closing of month number `index`."""
        return Lock(self._organisation, self.birth(index))
