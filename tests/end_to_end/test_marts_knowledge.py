"""Features for machine learning say what was known at a month's end, and nothing that came later.

The books are copies of the loaded ones with an invoice that was entered in February 2026 for a day
of June 2025; one of them lacks the tables that some organisations never have.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest
from conftest import REPOSITORY, Project
from copied_books import OPTIONAL, Books
from deltalake import DeltaTable

# The first test waits for all that the others look at: a load and three builds.
pytestmark = pytest.mark.timeout(900)

BACK, ENTERED = date(2025, 6, 15), datetime(2026, 2, 1, 12, tzinfo=UTC)
FEATURES = """
    SELECT contact_key, month_end, * EXCLUDE (contact_key, month_end, is_known_by_journals)
    FROM marts.customer_month_features WHERE month_end {}
"""


def _back_date_an_invoice(books: Books) -> str:
    """Enter, in February, an invoice of June: a copy of another one. Returns the contact's key."""
    invoices = DeltaTable(str(books.tables / "invoices")).to_pyarrow_table().to_pylist()
    model = next(r for r in invoices if r["type"] == "ACCREC" and r["status"] == "PAID")
    changes = {"invoice_id": "late", "date": BACK, "status": "AUTHORISED"}
    books.copy("invoices", "invoice_id", model["invoice_id"], **changes, due_date=BACK)
    books.copy("invoice_line_items", "invoice_id", model["invoice_id"], invoice_id="late")
    _repost(books, model["invoice_id"], "late", {"journal_date": BACK})
    return f"{model['tenant_id']}:{model['contact_id']}"


def _repost(books: Books, source: str, new: str, changes: dict[str, object]) -> None:
    """Enter, in February, a journal like those of a document."""
    if not (books.tables / "journals").is_dir():
        return
    journals = DeltaTable(str(books.tables / "journals")).to_pyarrow_table().to_pylist()
    for row in journals:
        if row["source_id"] == source:
            entered = {"created_date_utc": ENTERED, "source_id": new} | changes
            name = f"late {row['journal_id']}"
            books.copy("journals", "journal_id", row["journal_id"], journal_id=name, **entered)
            books.copy("journal_lines", "journal_id", row["journal_id"], journal_id=name)


@pytest.fixture(scope="module")
def copies(
    marts: tuple[Project, Any, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Books, Books, str]:
    """Books with journals, whose marts are made from nothing after an invoice came for June.

    And books without, whose marts go on from those that were there before. With the contact's key.
    """
    project, _, _ = marts
    root = tmp_path_factory.mktemp("copies")
    with_journals = Books(root / "with_journals", project.lakehouse)
    without = Books(root / "without", project.lakehouse, without=OPTIONAL)
    shutil.copy(project.root / "output" / "books.duckdb", without.database)
    contact = _back_date_an_invoice(with_journals)
    assert _back_date_an_invoice(without) == contact
    project.dbt(
        with_journals.run("run --select +customer_month_features", "2026-03-02"),
        without.run(
            "run --select +customer_month_features +fct_budgets +balance_sheet", "2026-03-02"
        ),
        without.run("docs generate --static", "2026-03-02"),
    )
    return with_journals, without, contact


def test_tables_that_an_organisation_never_has_fail_no_model(copies) -> None:
    _, without, _ = copies
    assert without.query(
        "SELECT DISTINCT source FROM marts.general_ledger WHERE basis = 'accrual'"
    ) == [("documents",)]
    assert without.query("SELECT count(*) FROM marts.fct_budgets") == [(0,)]
    ((months,),) = without.query("SELECT count(*) FROM marts.balance_sheet")
    assert months > 100


def test_a_back_dated_invoice_never_leaks_into_features_built_anew(marts, copies) -> None:
    """Where journals say when it was entered, a build from nothing gives the same old rows."""
    with_journals, _, contact = copies
    _, _, connection = marts
    old = FEATURES.format("< '2026-02-01'")
    assert sorted(with_journals.query(old)) == sorted(connection.execute(old).fetchall())
    _february_has_it(with_journals, contact)


def test_a_back_dated_invoice_never_leaks_into_features_that_are_there(marts, copies) -> None:
    """Without journals nobody knows when it was entered, so rows are written once."""
    _, without, contact = copies
    _, _, connection = marts
    old = FEATURES.format("< '2026-02-01'")
    assert sorted(without.query(old)) == sorted(connection.execute(old).fetchall())
    _february_has_it(without, contact)


def _february_has_it(books: Books, contact: str) -> None:
    ((days, overdue),) = books.query(f"""
        SELECT days_overdue, overdue_base FROM marts.customer_month_features
        WHERE month_end = '2026-02-28' AND contact_key = '{contact}'
    """)
    ((total,),) = books.query(
        "SELECT sum(amount) FROM marts.known_receivables WHERE document_id = 'late'"
    )
    assert total > 0
    assert overdue >= total
    assert days >= (date(2026, 2, 28) - BACK).days


def test_the_documentation_is_one_page_that_needs_no_network(marts, copies) -> None:
    project, _, _ = marts
    assert copies
    page = (project.root / "output" / "runs" / "static_index.html").read_text(encoding="utf-8")
    assert "customer_month_features" in page
    assert "What was known of each customer" in page


def test_the_example_learns_and_scores(marts) -> None:
    project, _, _ = marts
    example = REPOSITORY / "plugins" / "marts" / "examples" / "customers_at_risk.py"
    database = str(project.root / "output" / "books.duckdb")
    done = subprocess.run(
        [sys.executable, str(example), database], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    learned, *customers = done.stdout.splitlines()
    assert learned.startswith("learned from ")
    assert len(customers) == 10
    chances = [int(line.split("%")[0]) for line in customers]
    assert chances == sorted(chances, reverse=True)
