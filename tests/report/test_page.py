"""The page with invented books in a real browser: customs of countries, and names as text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import synthetic
from chromium import Browser, opened
from xero_report.folder import Folder
from xero_report.page import content, html
from xero_report.settings import Settings

NOW = datetime(2026, 2, 4, tzinfo=UTC)
CELLS = "[...document.querySelectorAll('[data-table={}] td')].map((cell) => cell.textContent)"

pytestmark = pytest.mark.xdist_group("page")


def write(folder: Path) -> Path:
    """The page of the marts in a folder."""
    stated = {"REPORT_DATABASE": str(folder / "books.duckdb"), "REPORT_LAKEHOUSE_PATH": str(folder)}
    books = Folder(Settings.of(stated))
    (folder / "report.html").write_text(html(content(books, NOW)), encoding="utf-8")
    books.close()
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    path = synthetic.make(folder / "books.duckdb", organisations=5, months=14, contacts=2)
    with duckdb.connect(str(path)) as database:
        database.execute(
            "UPDATE marts.bank_accounts SET closing_balance = 99999999999999.9999, spent = -1234.5 "
            "WHERE month_end = DATE '2026-01-31' AND account_key LIKE '%:50'"
        )
    return write(folder)


@pytest.mark.parametrize(
    ("place", "spent", "closing"),
    [
        (1, "-1.234,50", "99.999.999.999.999,9999"),
        (2, "-1,234.5", "99,999,999,999,999.9999"),
        (3, "-1,234.50", "9,99,99,99,99,99,999.9999"),
        (4, "-1,234.50", "99,999,999,999,999.9999"),
    ],
    ids=["Germany, EUR", "Japan, JPY", "India, INR", "Britain, GBP"],
)
def test_figures_are_written_as_their_country_does_with_all_digits(
    browser, page, place, spent, closing
):
    browser.open(f"{page.as_uri()}?{place}#organisation={place}&month=2026-01")
    browser.wait_for("document.documentElement.dataset.drawn")
    cells = browser.js(CELLS.format("bank_accounts"))
    assert cells[2] == spent
    assert cells[4] == closing


def test_a_name_is_text_whatever_it_says(browser, page):
    browser.complaints.clear()
    browser.open(f"{page.as_uri()}?name#organisation=0&month=2026-01")
    browser.wait_for("document.documentElement.dataset.drawn")
    assert browser.js("document.querySelector('.whose').textContent").startswith(synthetic.HOSTILE)
    assert browser.js("document.title") != "taken"
    assert browser.complaints == []


def test_a_request_of_whatever_is_on_the_page_is_not_let_out(browser, page):
    """The policy of the page, tried: no fetch, no picture, no script that is not its own."""
    browser.open(f"{page.as_uri()}?policy")
    browser.wait_for("document.documentElement.dataset.drawn")
    assert browser.js("fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.name)") == (
        "TypeError"
    )
    told = browser.js(
        "new Promise((done) => { addEventListener('securitypolicyviolation', (event) =>"
        " done(event.effectiveDirective)); const made = document.createElement('script');"
        " made.textContent = 'document.title = 1'; document.body.append(made); })"
    )
    assert told == "script-src-elem"
    assert all(each.startswith(page.as_uri()) for each in browser.requests[-1:])


@pytest.mark.stress
def test_twenty_organisations_of_five_years_are_there_in_three_seconds(browser, tmp_path):
    synthetic.make(tmp_path / "books.duckdb", organisations=20, months=60, contacts=60)
    began = time.process_time()
    page = write(tmp_path)
    made = time.process_time() - began
    size = page.stat().st_size
    browser.open("about:blank")
    browser.open(f"{page.as_uri()}#organisation=group&month=2026-01")
    browser.wait_for("document.documentElement.dataset.drawn")
    drawn = browser.js("performance.now()")
    ready = browser.js("Number(document.documentElement.dataset.ready)")
    print(f"{size / 1e6:.1f} MB, made in {made:.1f} s of CPU,")
    print(f"choosable after {ready:.0f} ms, all drawn after at most {drawn:.0f} ms")
    assert size < 10_000_000
    assert ready < 3000
