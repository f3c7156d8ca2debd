"""What Xero does by itself: entries without documents, revaluations, lock dates that move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from trial_balance import balances
from xero_sandbox.books import Books
from xero_sandbox.clock import ManualClock
from xero_sandbox.store import Store
from xero_sandbox.stories.features import FEATURES, REASONS
from xero_sandbox.wire import cents, decode, net_date, parse_net_date, to_ms

NOW = datetime(2026, 2, 14, 10, 0, tzinfo=UTC)
MONTH_ENDS = ("2023-12-31", "2024-02-29", "2025-03-31", "2025-11-30", "2026-01-31")


@pytest.fixture(scope="module")
def books() -> Iterator[Books]:
    """Books with every feature; tests of this module only read them."""
    with Store() as store:
        yield Books(store, ManualClock(NOW), organisations=2, invoices=100, features=FEATURES)


@pytest.fixture
def own_books() -> Iterator[Books]:
    """Books that a test may change."""
    with Store() as store:
        yield Books(store, ManualClock(NOW), organisations=1, invoices=40, features=FEATURES)


def trial(books: Books, tenant_id: str, day: str, basis: str = "false") -> dict[str, int]:
    """Balances of the trial balance in cents by account id, debit positive."""
    asked = {"date": day, "paymentsOnly": basis}
    return balances(books.report(tenant_id, "TrialBalance", asked))


def journals(books: Books, tenant_id: str) -> list[dict[str, Any]]:
    books.write_journals(tenant_id)
    return [decode(text) for text in books.store.page(tenant_id, "Journals").documents]


@pytest.mark.parametrize("basis", ["false", "true"])
def test_books_with_every_feature_balance_on_each_basis(books: Books, basis: str) -> None:
    for organisation in books.organisations:
        for day in MONTH_ENDS:
            amounts = trial(books, organisation.tenant_id, day, basis)
            assert amounts
            assert sum(amounts.values()) == 0
    assert set(REASONS) == set(FEATURES)


def test_gains_that_are_not_realised_are_in_reports_and_in_no_journal(books: Books) -> None:
    for organisation in books.organisations:
        accounts = organisation.accounts
        entries: defaultdict[str, int] = defaultdict(int)
        for journal in journals(books, organisation.tenant_id):
            if parse_net_date(journal["JournalDate"]) <= to_ms(datetime(2026, 1, 31, tzinfo=UTC)):
                for line in journal["JournalLines"]:
                    entries[line["AccountID"]] += cents(line["NetAmount"])
        amounts = trial(books, organisation.tenant_id, "2026-01-31")
        differences = {
            key: amounts.get(account.id, 0) - entries[account.id]
            for key, account in accounts.items()
            if account.fact.klass in ("ASSET", "LIABILITY")
            and amounts.get(account.id, 0) != entries[account.id]
        }
        assert {"foreign", "debtors", "creditors"} >= set(differences) != set()
        assert entries[accounts["bank_gain"].id] == entries[accounts["unrealised"].id] == 0
        assert amounts[accounts["unrealised"].id]
        # On cash basis nothing is owed that could be revalued.
        assert accounts["unrealised"].id not in trial(
            books, organisation.tenant_id, "2026-01-31", "true"
        )


def test_a_bank_summary_goes_on_from_month_to_month_with_the_gains_of_each(books: Books) -> None:
    tenant_id = books.organisations[0].tenant_id

    def summary(first: str, last: str) -> dict[str, list[Decimal]]:
        asked = {"fromDate": first, "toDate": last}
        head, section = books.report(tenant_id, "BankSummary", asked)["Rows"]
        assert [cell["Value"] for cell in head["Cells"]][4] == "FX Gain"
        return {
            row["Cells"][0]["Value"]: [Decimal(cell["Value"]) for cell in row["Cells"][1:]]
            for row in section["Rows"]
        }

    november = summary("2025-11-01", "2025-11-30")
    december = summary("2025-12-01", "2025-12-31")
    assert any(figures[3] for figures in december.values())
    for account, (opening, received, spent, gain, closing) in december.items():
        assert opening == november[account][4]
        assert closing == opening + received - spent + gain


def test_entries_without_a_document_are_journals_that_may_have_no_source(books: Books) -> None:
    organisation = books.organisations[0]
    by_reference: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for journal in journals(books, organisation.tenant_id):
        by_reference[journal["Reference"]].append(journal)
    (conversion,) = by_reference["Conversion balances"]
    assert parse_net_date(conversion["JournalDate"]) == to_ms(datetime(2023, 12, 31, tzinfo=UTC))
    assert "SourceID" not in conversion
    runs = by_reference["Depreciation"], by_reference["Pay run"], by_reference["Cost of goods sold"]
    assert [len(each) for each in runs] == [25, 25, 25]
    assert {each.get("SourceType") for each in by_reference["Pay run"]} == {"PAYSLIP"}
    assert all("SourceType" not in each for each in by_reference["Depreciation"])


def test_lock_dates_move_and_the_year_that_is_locked_stays_as_it_is(own_books: Books) -> None:
    organisation = own_books.organisations[0]
    tenant_id, clock = organisation.tenant_id, own_books.clock
    assert isinstance(clock, ManualClock)

    def locks() -> list[int]:
        settings = own_books.get(tenant_id, "Organisations", tenant_id)
        return [parse_net_date(settings[f"{name}LockDate"]) for name in ("Period", "EndOfYear")]

    assert locks() == [to_ms(datetime(*day, tzinfo=UTC)) for day in ((2026, 1, 31), (2025, 3, 31))]
    clock.set(datetime(2026, 7, 20, tzinfo=UTC))
    assert locks() == [to_ms(datetime(*day, tzinfo=UTC)) for day in ((2026, 6, 30), (2026, 3, 31))]
    before = trial(own_books, tenant_id, "2026-05-31")
    # An adviser may still date an entry back into a locked month, into a locked year nobody.
    own_books.add_invoice(tenant_id, Date=net_date(to_ms(datetime(2026, 5, 5, tzinfo=UTC))))
    assert trial(own_books, tenant_id, "2026-05-31") != before
    with pytest.raises(ValueError, match="locked up to 2026-03-31"):
        own_books.add_invoice(tenant_id, Date=net_date(to_ms(datetime(2026, 3, 5, tzinfo=UTC))))
    own_books.edit(tenant_id, "Organisations", tenant_id, EndOfYearLockDate=None)
    assert own_books.add_invoice(tenant_id, Date=net_date(to_ms(datetime(2026, 3, 5, tzinfo=UTC))))


def test_a_feature_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with Store() as store, pytest.raises(ValueError, match=r"pensions.*currency"):
        Books(store, ManualClock(NOW), features=["pensions"])
