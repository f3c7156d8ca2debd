"""The general ledger: journals written from postings, numbered in the order things happened.

A journal never changes. When a document changes, its old entry is reversed and the new one is
written; numbers have gaps, as Xero's have. Journals are written when somebody first asks for them,
since a large organisation has as many as documents.
"""

from __future__ import annotations

from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from xero_sandbox.ledger.cash_basis import CashBasis
from xero_sandbox.ledger.postings import Posting, PostingLine, postings
from xero_sandbox.store import Row
from xero_sandbox.stories.timeline import ANCHOR, START
from xero_sandbox.wire import DAY, cents, decode, money, net_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xero_sandbox.ledger.chart import Chart
    from xero_sandbox.store import Store
    from xero_sandbox.stories.generator import Generator
    from xero_sandbox.stories.organisation import Organisation
    from xero_sandbox.stories.story import Story

_TABLE = """
CREATE TABLE IF NOT EXISTS ledger (
    tenant TEXT NOT NULL, date INTEGER NOT NULL, account TEXT NOT NULL, cents INTEGER NOT NULL,
    options TEXT NOT NULL, source TEXT NOT NULL, settles TEXT NOT NULL,
    accrual_only INTEGER NOT NULL, journal INTEGER NOT NULL, currency TEXT NOT NULL,
    foreign_cents INTEGER NOT NULL
)
"""
_INSERT = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_Tracked = tuple[str, str, str, str]
"""Category and option, and their ids."""

_AT_ONCE = 10_000
"""Invoices whose entries are held in memory at a time."""


class Journals:
    """The journals of one organisation.

    Args:
        organisation: Whose they are.
        store: Where they go, as documents and as lines of the table `ledger`.
        generator: Tells the stories to book.
        chart: Its accounts.
    """

    def __init__(
        self,
        organisation: Organisation,
        store: Store,
        generator: Generator,
        chart: Chart,
    ) -> None:
        self._organisation, self._store, self._generator = organisation, store, generator
        self._chart = chart
        self._agenda = generator.agenda(posting_only=True)
        self._written_to = -(10**15)
        self._number = 0
        self._manual_entries: list[tuple[int, str, int, Posting]] = []
        store.rows(_TABLE)

    def book_change(
        self, at: int, resource: str, old: dict[str, Any] | None, new: dict[str, Any] | None
    ) -> None:
        """Remember what a change made by hand does to the ledger.

        Args:
            at: When it was made.
            resource: Envelope key of the document.
            old: The document before, None when it is new.
            new: The document after, None when it is gone.
        """
        before = postings(self._organisation, resource, old) if old is not None else []
        after = postings(self._organisation, resource, new) if new is not None else []
        # Hand-made entries come after the stories of the same instant.
        for posting in _difference(before, after):
            self._manual_entries.append((at, "~", len(self._manual_entries), posting))

    def write(self, now: int, takeovers: dict[str, int]) -> None:
        """Write every journal up to `now`.

        Args:
            now: Milliseconds.
            takeovers: Stories that somebody took over by hand, with the instant.
        """
        # Entries are put in order in memory: a long history goes slice by slice.
        step = max(DAY, (ANCHOR - START) * _AT_ONCE // self._organisation.invoices)
        until = max(self._written_to, START)
        while until < now:
            until = min(until + step, now)
            self._write(until, takeovers)
        # A change made in the very instant that was written last is still to come.
        if self._manual_entries:
            self._write(now, takeovers)

    def _write(self, now: int, takeovers: dict[str, int]) -> None:
        entries = list(self._story_entries(now, takeovers))
        entries.extend(entry for entry in self._manual_entries if entry[0] <= now)
        self._manual_entries = [entry for entry in self._manual_entries if entry[0] > now]
        entries.sort(key=itemgetter(0, 1, 2))
        tenant = self._organisation.tenant_id
        numbered = [(at, self._next_number(), posting) for at, _, _, posting in entries]
        self._store.put_many(self._journal(*entry) for entry in numbered)
        self._store.write_rows(
            _INSERT,
            (
                (
                    tenant,
                    posting.date,
                    line.account_id,
                    line.net,
                    " ".join(option[3] for option in line.tracking),
                    posting.source_id,
                    posting.settles,
                    posting.accrual_only,
                    number,
                    line.currency,
                    line.foreign,
                )
                for _, number, posting in numbered
                for line in posting.lines
            ),
        )
        self._written_to = max(self._written_to, now)

    def _story_entries(
        self, now: int, takeovers: dict[str, int]
    ) -> Iterator[tuple[int, str, int, Posting]]:
        for name, story in self._generator.changed(self._agenda, now):
            until = min(now, takeovers.get(name, now))
            past = [at for at in story.events if at <= min(self._written_to, until)]
            before = self._postings(story, past[-1]) if past else []
            sequence = 0
            for at in story.events:
                if not self._written_to < at <= until:
                    continue
                after = self._postings(story, at)
                for posting in _difference(before, after):
                    yield at, name, sequence, posting
                    sequence += 1
                before = after

    def _postings(self, story: Story, at: int) -> list[Posting]:
        return [
            posting
            for document in story.documents(at)
            for posting in postings(self._organisation, document.resource, document.body)
        ]

    def on_cash_basis(self, journals: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return journals with what payments settle in place of what they reduce.

        Args:
            journals: As they were written, those of accrual basis alone left out.
        """
        numbers = [journal["JournalNumber"] for journal in journals]
        settled = dict(
            self._store.rows(
                "SELECT DISTINCT journal, settles FROM ledger"
                " WHERE tenant = ? AND journal BETWEEN ? AND ?",
                (self._organisation.tenant_id, min(numbers, default=0), max(numbers, default=0)),
            )
        )
        basis = CashBasis(self._organisation, self._store)
        names = self._tracking_options()
        return [
            {**journal, "JournalLines": self._cash_lines(journal, settles, basis, names)}
            for journal in journals
            for settles in [settled[journal["JournalNumber"]]]
        ]

    def _cash_lines(
        self, journal: dict[str, Any], settles: str, basis: CashBasis, names: dict[str, _Tracked]
    ) -> list[dict[str, Any]]:
        lines = []
        for line in journal["JournalLines"]:
            parts = basis.spread(settles, line["AccountID"], cents(line["NetAmount"]))
            lines += (
                [line]
                if parts is None
                else [
                    self._line(
                        PostingLine(
                            part.account,
                            part.cents,
                            tracking=tuple(names[option] for option in part.options.split()),
                        ),
                        "",
                    )
                    for part in parts
                ]
            )
        line_ids = _line_ids(journal["JournalID"])
        return [
            {**line, "JournalLineID": line_id}
            for line, line_id in zip(lines, line_ids, strict=False)
        ]

    def _tracking_options(self) -> dict[str, _Tracked]:
        page = self._store.page(self._organisation.tenant_id, "TrackingCategories")
        return {
            option["TrackingOptionID"]: (
                category["Name"],
                option["Name"],
                category["TrackingCategoryID"],
                option["TrackingOptionID"],
            )
            for category in map(decode, page.documents)
            for option in category["Options"]
        }

    def _next_number(self) -> int:
        # Xero's numbers have gaps; every ninth is followed by one of up to five.
        self._number += 1 + (self._number * 7 % 5 if self._number % 9 == 0 else 0)
        return self._number

    def _journal(self, at: int, number: int, posting: Posting) -> Row:
        journal_id = self._organisation.id_of("journal", number)
        body = {
            "JournalID": journal_id,
            "JournalDate": net_date(posting.date),
            "JournalNumber": number,
            "CreatedDateUTC": net_date(at),
            "Reference": posting.reference,
            **(
                {"SourceID": posting.source_id, "SourceType": posting.source_type}
                if posting.source_type
                else {}
            ),
            "JournalLines": [
                self._line(line, line_id)
                for line, line_id in zip(posting.lines, _line_ids(journal_id), strict=False)
            ],
        }
        tenant_id = self._organisation.tenant_id
        return Row(tenant_id, "Journals", journal_id, body, at, number, is_new=True)

    def _line(self, line: PostingLine, line_id: str) -> dict[str, Any]:
        code, kind, name = self._chart.account(line.account_id)
        body: dict[str, Any] = {
            "JournalLineID": line_id,
            "AccountID": line.account_id,
            "AccountType": kind,
            "AccountName": name,
            "Description": line.description,
            "NetAmount": money(line.net),
            "GrossAmount": money(line.net + line.tax),
            "TaxAmount": money(line.tax),
            "TrackingCategories": [
                {
                    "Name": category,
                    "Option": option,
                    "TrackingCategoryID": category_id,
                    "TrackingOptionID": option_id,
                }
                for category, option, category_id, option_id in line.tracking
            ],
        }
        if code:
            body["AccountCode"] = code
        if line.tax_type:
            tax = self._organisation.taxes.get(line.tax_type)
            body["TaxType"] = line.tax_type
            body["TaxName"] = tax.name if tax is not None else line.tax_type
        return body


def _line_ids(journal_id: str) -> Iterator[str]:
    """Ids of lines, numbered on from the journal's own."""
    stem, last = journal_id[:-3], int(journal_id[-3:], 16)
    return (f"{stem}{(last + place) % 4096:03x}" for place in count(1))


def _difference(before: list[Posting], after: list[Posting]) -> list[Posting]:
    """Return the entries that lead from one state of a story to the next."""
    if before == after:
        return []
    old = {posting[:2]: posting for posting in before}
    new = {posting[:2]: posting for posting in after}
    reversals = [posting.reversed() for key, posting in old.items() if new.get(key) != posting]
    additions = [posting for key, posting in new.items() if old.get(key) != posting]
    return reversals + additions
