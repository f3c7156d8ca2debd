"""The page of the books in a real browser: what it shows is what the marts say, to the digit."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from chromium import Browser, opened
from conftest import REPOSITORY
from reconcile.folder import Folder as History
from reconciled_books import settings as reconciliation_settings
from shown_commands import as_shown
from xero_report.folder import Folder
from xero_report.page import content, html
from xero_report.settings import Settings

PICTURES = REPOSITORY / "plugins" / "report" / "docs"
NOW = datetime.now(UTC)
MONTHS = ("2026-01", "2025-03", "2024-06")
TOTAL = "total"
NOTHING = "\u2013"
Amounts = dict[Any, list[Decimal]]

READ = """
JSON.stringify(Object.fromEntries([...document.querySelectorAll("main table")].map((table) => [
  table.dataset.table, [...table.querySelectorAll("tbody tr")].map((row) => [
    row.className, ...[...row.cells].map((cell) => cell.textContent)])])))
"""


def settings(database: Path, lakehouse: Path, output: Path) -> Settings:
    return Settings.of(
        {
            "REPORT_DATABASE": str(database),
            "REPORT_LAKEHOUSE_PATH": str(lakehouse.parent),
            "REPORT_OUTPUT": str(output),
        }
    )


def write(stated: Settings) -> Path:
    books = Folder(stated)
    page = html(content(books, NOW))
    books.close()
    stated.output.write_text(page, encoding="utf-8")
    return stated.output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from opened(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def page(marts, reconciled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the marts, after a reconciliation from which the second organisation was gone."""
    project, _, _ = marts
    folder = tmp_path_factory.mktemp("page")
    lakehouse = reconciled[0].lakehouse
    return write(
        settings(project.root / "output" / "books.duckdb", lakehouse, folder / "report.html")
    )


def show(browser: Browser, page: Path, organisation: str, month: str) -> dict[str, list[list[str]]]:
    """The tables of the page, row by row: kind, name, cells."""
    url = f"{page.as_uri()}#organisation={organisation}&month={month}"
    if browser.js("document.location.href").partition("#")[0] != page.as_uri():
        browser.requests.clear()
        browser.complaints.clear()
        browser.open(url)
    else:
        browser.js(f"location.hash = 'organisation={organisation}&month={month}'")
    browser.wait_for(f"document.documentElement.dataset.shown === '{organisation} {month}'")
    shown: dict[str, list[list[str]]] = json.loads(browser.js(READ))
    return shown


def amounts(rows: list[list[str]]) -> Amounts:
    """Figures of a table by heading and name; totals are under the name `total`."""
    out: Amounts = {}
    heading = ""
    for kind, name, *cells in rows:
        if kind == "head":
            heading = name
            continue
        key = (heading, TOTAL if kind == "total" else name) if kind != "result" else name
        assert key not in out, key
        out[key] = [figure(cell) for cell in cells]
    return out


def figure(cell: str) -> Decimal:
    """A figure as an organisation that counts in English writes it; nothing is zero."""
    if cell in (NOTHING, ""):
        return Decimal(0)
    if cell.endswith("%"):
        return Decimal(cell.removesuffix("%").replace(",", "")) / 100
    assert re.fullmatch(r"-?\d{1,3}(,\d{3})*(\.\d+)?", cell), cell
    return Decimal(cell.replace(",", ""))


def earlier(month: str, by: int) -> str:
    year, number = map(int, month.split("-"))
    at = year * 12 + number - 1 - by
    return f"{at // 12}-{at % 12 + 1:02}"


def ask(connection: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[Any]:
    return connection.execute(query, values or None).fetchall()


def members(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return ask(
        connection, "SELECT tenant_id, name FROM marts.dim_organisation ORDER BY name, tenant_id"
    )


def spread(rows: list[Any], columns: list[str]) -> Amounts:
    """Rows of (key…, column, amount) as the page's tables have them, without lines of nothing."""
    out: Amounts = defaultdict(lambda: [Decimal(0)] * len(columns))
    for *key, column, amount in rows:
        if column in columns:
            name = key[0] if len(key) == 1 else tuple(key)
            out[name][columns.index(column)] += amount
    return {name: cells for name, cells in out.items() if any(cells)}


def without_empty(shown: Amounts) -> Amounts:
    return {name: cells for name, cells in shown.items() if any(cells)}


def profit_and_loss(connection: Any, tenant: str, month: str) -> Amounts:
    columns = [month, "year", *(earlier(month, by) for by in range(1, 12))]
    query = """
        WITH figures AS (
          SELECT section, sign, position, concat_ws(' ', code, account) AS name,
            strftime(month_end, '%Y-%m') AS month, amount FROM marts.profit_and_loss
          WHERE tenant_id = $tenant AND basis = 'accrual'
          UNION ALL
          SELECT section, sign, position, concat_ws(' ', code, account), 'year', year_to_date
          FROM marts.profit_and_loss
          WHERE tenant_id = $tenant AND basis = 'accrual' AND strftime(month_end, '%Y-%m') = $month
        )
        SELECT section, name, month, amount FROM figures
        UNION ALL SELECT section, 'total', month, sum(amount) FROM figures GROUP BY ALL
    """
    lines = spread(ask(connection, query, tenant=tenant, month=month), columns)
    results = """
        SELECT $name, CASE WHEN $year THEN 'year' ELSE strftime(month_end, '%Y-%m') END,
          sum(sign * CASE WHEN $year THEN year_to_date ELSE amount END)
        FROM marts.profit_and_loss
        WHERE tenant_id = $tenant AND basis = 'accrual' AND position <= $last
          AND (NOT $year OR strftime(month_end, '%Y-%m') = $month)
        GROUP BY ALL
    """
    for name, last in (("Gross profit", 2), ("Net profit", 4)):
        rows = [
            row
            for year in (False, True)
            for row in ask(
                connection, results, name=name, year=year, tenant=tenant, month=month, last=last
            )
        ]
        lines |= spread(rows, columns)
    return lines


def balance_sheet(connection: Any, tenant: str, month: str) -> Amounts:
    columns = [month, earlier(month, 1), earlier(month, 12)]
    query = """
        WITH figures AS (
          SELECT section, class, concat_ws(' ', code, account) AS name,
            strftime(month_end, '%Y-%m') AS month, amount FROM marts.balance_sheet
          WHERE tenant_id = $tenant AND basis = 'accrual'
        )
        SELECT section, name, month, amount FROM figures
        UNION ALL SELECT section, 'total', month, sum(amount) FROM figures GROUP BY ALL
    """
    lines = spread(ask(connection, query, tenant=tenant), columns)
    del lines["Equity", TOTAL]  # that of the whole side
    sides = """
        SELECT strftime(month_end, '%Y-%m'), sum(CASE WHEN class = 'ASSET' THEN amount ELSE 0 END),
          sum(CASE WHEN class = 'LIABILITY' THEN amount ELSE 0 END),
          sum(CASE WHEN class = 'EQUITY' THEN amount ELSE 0 END)
        FROM marts.balance_sheet WHERE tenant_id = $tenant AND basis = 'accrual' GROUP BY 1
    """
    rows = []
    for at, assets, liabilities, equity in ask(connection, sides, tenant=tenant):
        rows += [("Total assets", at, assets), ("Total liabilities", at, liabilities)]
        rows += [("Net assets", at, assets - liabilities), ("Total equity", at, equity)]
    return lines | spread(rows, columns)


def bank_accounts(connection: Any, tenant: str, month: str) -> Amounts:
    query = """
        WITH figures AS (
          SELECT concat_ws(' ', a.code, a.name, CASE WHEN a.currency_code <> o.base_currency
              THEN '(' || a.currency_code || ')' END) AS name, b.*
          FROM marts.bank_accounts AS b JOIN marts.dim_account AS a USING (account_key)
          JOIN marts.dim_organisation AS o ON o.tenant_id = b.tenant_id
          WHERE b.tenant_id = $tenant AND strftime(b.month_end, '%Y-%m') = $month
        )
        SELECT name, opening_balance, received, spent, revaluation, closing_balance FROM figures
        UNION ALL
        SELECT 'total', sum(opening_balance), sum(received), sum(spent), sum(revaluation),
          sum(closing_balance) FROM figures
    """
    return {
        ("", name): cells for name, *cells in ask(connection, query, tenant=tenant, month=month)
    }


AGES = (
    *("current_base", "less_than_1_month_base", "months_1_base", "months_2_base"),
    *("months_3_base", "older_base", "total_base"),
)


def aged(connection: Any, table: str, tenant: str, month: str) -> list[list[Any]]:
    """Rows in any order, since two contacts may have the same name; the total is the last."""
    query = f"""
        SELECT c.name || CASE WHEN k.code <> o.base_currency THEN ' (' || k.code || ')' ELSE '' END,
          {", ".join(AGES)}
        FROM marts.{table} AS a JOIN marts.dim_contact AS c USING (contact_key)
        JOIN marts.dim_currency AS k USING (currency_key)
        JOIN marts.dim_organisation AS o ON o.tenant_id = a.tenant_id
        WHERE a.tenant_id = $tenant AND strftime(a.month_end, '%Y-%m') = $month
    """
    totals = f"""
        SELECT 'Total', {", ".join(f"coalesce(sum({each}), 0)" for each in AGES)}
        FROM marts.{table} WHERE tenant_id = $tenant AND strftime(month_end, '%Y-%m') = $month
    """
    values = {"tenant": tenant, "month": month}
    return [list(row) for q in (query, totals) for row in ask(connection, q, **values)]


def tracking(connection: Any, tenant: str, month: str) -> Amounts:
    columns = [month, "year", *(earlier(month, by) for by in range(1, 12))]
    query = """
        WITH figures AS (
          SELECT c.name AS category, coalesce(o.name, 'No option') AS name, r.month_end, r.amount
          FROM marts.result_by_tracking_option AS r
          JOIN marts.dim_account AS a ON a.account_key = r.account_key AND a.class = 'REVENUE'
          JOIN marts.dim_tracking_category AS c USING (tracking_category_key)
          LEFT JOIN marts.dim_tracking_option AS o USING (tracking_option_key)
          WHERE r.tenant_id = $tenant
        ),
        spread AS (
          SELECT category, name, strftime(month_end, '%Y-%m') AS month, amount FROM figures
          UNION ALL
          SELECT category, name, 'year', amount FROM figures
          WHERE month_end >= (SELECT year_start FROM marts.dim_month
              WHERE tenant_id = $tenant AND strftime(month_end, '%Y-%m') = $month)
            AND strftime(month_end, '%Y-%m') <= $month
        )
        SELECT category, name, month, amount FROM spread
        UNION ALL SELECT category, 'total', month, sum(amount) FROM spread GROUP BY ALL
    """
    return spread(ask(connection, query, tenant=tenant, month=month), columns)


def budgets(connection: Any, tenant: str, month: str) -> Amounts:
    query = """
        WITH figures AS (
          SELECT section, concat_ws(' ', code, account) AS name, b.*
          FROM marts.budget_against_actual AS b
          WHERE b.tenant_id = $tenant AND tracking_option_key IS NULL
            AND strftime(b.month_end, '%Y-%m') <= $month
            AND b.month_end >= (SELECT year_start FROM marts.dim_month
              WHERE tenant_id = $tenant AND strftime(month_end, '%Y-%m') = $month)
        ),
        spread AS (
          SELECT section, name, strftime(month_end, '%Y-%m') = $month AS is_month, actual, budget,
            variance, variance_share FROM figures
          UNION ALL
          SELECT section, 'total', strftime(month_end, '%Y-%m') = $month, actual, budget, variance,
            0 FROM figures
        )
        SELECT section, name, sum(CASE WHEN is_month THEN actual ELSE 0 END),
          sum(CASE WHEN is_month THEN budget ELSE 0 END),
          sum(CASE WHEN is_month THEN variance ELSE 0 END),
          coalesce(sum(CASE WHEN is_month THEN variance_share END), 0),
          sum(actual), sum(budget), sum(variance)
        FROM spread GROUP BY 1, 2
    """
    return {
        (s, name): cells for s, name, *cells in ask(connection, query, tenant=tenant, month=month)
    }


def bridges(connection: Any, tenant: str, month: str, period: str, most: int) -> list[Any]:
    query = """
        SELECT opening_customers, closing_customers - new_customers - returned_customers,
          new_customers, returned_customers, lost_customers, closing_customers,
          coalesce(customer_churn, 0), opening, new, returned, expansion, contraction, lost,
          closing,           coalesce(gross_retention, 0), coalesce(net_retention, 0)
        FROM marts.revenue_bridge
        WHERE tenant_id = $tenant AND period = $period
          AND strftime(period_start, '%Y-%m') <= $month
        ORDER BY period_start DESC LIMIT $most
    """
    values = {"tenant": tenant, "month": month, "period": period, "most": most}
    return [list(row) for row in ask(connection, query, **values)]


def customers(browser: Browser) -> list[list[Decimal]]:
    """Both tables of customers beside each other."""
    tables = json.loads(browser.js(READ))
    counts, revenue = (
        [[figure(cell) for cell in row[2:]] for row in tables[table]]
        for table in ("customers", "customer_revenue")
    )
    return [count + money for count, money in zip(counts, revenue, strict=True)]


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("place", [0, 1])
def test_every_figure_of_an_organisation_is_the_marts(marts, browser, page, place, month) -> None:
    _, _, connection = marts
    tenant, _ = members(connection)[place]
    shown = show(browser, page, str(place), month)
    assert without_empty(amounts(shown["profit_and_loss"])) == profit_and_loss(
        connection, tenant, month
    )
    assert without_empty(amounts(shown["balance_sheet"])) == balance_sheet(
        connection, tenant, month
    )
    assert amounts(shown["bank_accounts"]) == bank_accounts(connection, tenant, month)
    for table in ("aged_receivables", "aged_payables"):
        rows = [[name, *map(figure, cells)] for _, name, *cells in shown[table]]
        assert sorted(rows, key=str) == sorted(aged(connection, table, tenant, month), key=str)
    assert without_empty(amounts(shown["tracking"])) == tracking(connection, tenant, month)
    for period, most in (("month", 12), ("year", 5), ("quarter", 8)):
        browser.js(
            f"{{ const chosen = document.querySelector('#period'); chosen.value = '{period}';"
            "chosen.dispatchEvent(new Event('change')) }"
        )
        assert customers(browser) == bridges(connection, tenant, month, period, most)
    plan = [
        [kind, name, *cells[:-1]] if cells else [kind, name]
        for kind, name, *cells in shown.get("budgets", [])
    ]
    assert amounts(plan) == budgets(connection, tenant, month)
    assert len(amounts(shown["profit_and_loss"])) > 15


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser, page) -> None:
    show(browser, page, "group", "2026-01")
    browser.js("new Promise((done) => setTimeout(done, 100))")
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []
    assert browser.js("document.querySelectorAll('figure svg').length") >= 2
    assert page.stat().st_size < 3_000_000


@pytest.fixture(scope="module")
def faulty(marts, faults, reconciled, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same after a reconciliation of tables into which faults were put."""
    project, _, _ = marts
    folder = tmp_path_factory.mktemp("faulty")
    for table in ("xero_reconciliation", "_sdc_loads"):
        shutil.copytree(reconciled[0].lakehouse / table, folder / "lakehouse" / "xero" / table)
    _, rows = faults
    run = {"run_id": "with faults", "checked_at": datetime.now(UTC)}
    History("", str(folder / "lakehouse"), "xero").append([{**row, **run} for row in rows])
    database = project.root / "output" / "books.duckdb"
    stated = settings(database, folder / "lakehouse" / "xero", folder / "report.html")
    write(stated)
    return stated


def test_books_that_differ_cannot_be_overlooked(marts, faults, faulty, browser) -> None:
    """A fault that was put into the tables is on top of the page, and above every section of it."""
    _, xero, connection = marts
    tenants = [tenant for tenant, _ in members(connection)]
    place = str(tenants.index(xero.tenants[0].tenant_id))
    shown = show(browser, faulty.output, place, "2026-01")
    assert browser.js("document.title").startswith("≠ Differs from Xero")
    assert browser.js("document.querySelector('#main > :first-child').dataset.state") == "differs"
    assert browser.js("document.querySelector('#main h1').getBoundingClientRect().top") < 200
    warned = (
        "document.querySelectorAll('#main > section > .warning a[href=\"#reconciliation\"]').length"
    )
    assert browser.js(warned) == 8
    browser.js("scrollTo(0, document.body.scrollHeight)")
    badge = browser.js("document.querySelector('#badge').getBoundingClientRect().toJSON()")
    assert 0 <= badge["top"] < 100
    assert browser.js("document.querySelector('#badge').textContent") == "≠ Differs from Xero"
    assert len(shown["findings"]) > 10
    for _, what, _, lakehouse, theirs, difference, documents in shown["findings"]:
        figures = [figure(cell) for cell in (lakehouse, theirs, difference)]
        assert any(
            [each[name] for name in ("lakehouse", "xero", "difference")] == figures
            and what.startswith(f"{each['subject_name']}: {each['check_name']}")
            and documents.startswith(each["documents"] or documents)
            for each in faults[1]
        ), what
    named = {made.number for made in faults[0].values() if made.number}
    assert sum(any(name in row[-1] for row in shown["findings"]) for name in named) > 3
    # On paper, too.
    browser.do("Emulation.setEmulatedMedia", media="print")
    loud = "[...document.querySelectorAll('#badge, .banner, .warning')]"
    assert browser.js(f"{loud}.every((each) => each.checkVisibility())")
    browser.do("Emulation.setEmulatedMedia", media="")


def test_an_organisation_that_was_gone_is_not_called_checked(marts, browser, page) -> None:
    _, xero, connection = marts
    here, gone = xero.tenants
    shown = show(browser, page, "group", "2026-01")
    states = {name: state for _, name, state, *_ in shown["verdicts"]}
    assert states == {
        here.name: "= Agrees with Xero",
        gone.name: "! Not all could be checked against Xero",
    }
    assert f"nothing of {gone.name} was read; is it still connected?" in browser.js(
        "document.body.innerText"
    )
    assert browser.js("document.querySelector('.banner').dataset.state") == "incomplete"
    tenants = [tenant for tenant, _ in members(connection)]
    show(browser, page, str(tenants.index(here.tenant_id)), "2026-01")
    assert browser.js("document.querySelector('.banner').dataset.state") == "agrees"
    assert browser.js("document.querySelector('#badge').textContent") == "= Agrees with Xero"


@pytest.mark.parametrize("month", MONTHS)
def test_every_figure_of_the_group_is_the_marts(marts, browser, page, month) -> None:
    _, _, connection = marts
    shown = show(browser, page, "group", month)
    statements = {"profit_and_loss": "Net profit", "balance_sheet": "Net assets"}
    for table, result in statements.items():
        own = """
            SELECT section, o.name, sum(amount) FROM marts.group_{table} AS g
            JOIN marts.dim_organisation AS o USING (tenant_id)
            WHERE is_converted AND strftime(month_end, '%Y-%m') = $month GROUP BY ALL
        """
        totals = """
            SELECT section, 'total', amount FROM marts.group_totals
            WHERE statement = $table AND strftime(month_end, '%Y-%m') = $month
        """
        ours = {
            **{
                (s, n): amount
                for s, n, amount in ask(connection, own.format(table=table), month=month)
            },
            **{(s, n): a for s, n, a in ask(connection, totals, table=table, month=month)},
        }
        theirs = {name: cells[0] for name, cells in amounts(shown[table]).items()}
        if table == "balance_sheet":
            theirs["Equity", TOTAL] = theirs["Total equity"]
        assert {n: a for n, a in theirs.items() if a and isinstance(n, tuple)} == {
            n: a for n, a in ours.items() if a
        }
        signs = {
            "profit_and_loss": "sign",
            "balance_sheet": "CASE class WHEN 'ASSET' THEN 1 WHEN 'LIABILITY' THEN -1 ELSE 0 END",
        }
        query = f"""
            SELECT coalesce(sum({signs[table]} * amount), 0) FROM marts.group_{table}
            WHERE is_converted AND strftime(month_end, '%Y-%m') = $month
        """
        assert [(theirs[result],)] == ask(connection, query, month=month)
    for table in ("aged_receivables", "aged_payables"):
        for (tenant, name), row in zip(members(connection), shown[table], strict=True):
            assert row[1].startswith(name)
            assert [figure(cell) for cell in row[2:]] == aged(connection, table, tenant, month)[-1][
                1:
            ]


def test_each_stream_is_as_fresh_as_the_marts_say(marts, browser, page) -> None:
    _, _, connection = marts
    shown = show(browser, page, "group", "2026-01")
    rows = [row for row in shown["streams"] if row[0] != "head"]
    query = """
        SELECT stream, right_at AT TIME ZONE 'UTC', status FROM marts.xero_pipeline_health
        ORDER BY tenant_id NULLS LAST, stream
    """
    ours = ask(connection, query)
    assert len(ours) > 20
    for (stream, right_at, status), (kind, name, right, _, state) in zip(ours, rows, strict=True):
        assert name == stream
        moment = f"{right_at:%b} {right_at.day}, {right_at.year}, {right_at:%I:%M}".replace(
            ", 0", ", "
        )
        assert right.startswith(moment), "on the browser's clock, which is UTC"
        assert (kind == "line failed") == (status == "failing")
        assert (state == "read and loaded") == (status == "right")


def test_the_page_is_worked_by_keyboard(browser, page) -> None:
    show(browser, page, "group", "2026-01")
    browser.js("document.body.focus()")
    focus = "document.activeElement.id || document.activeElement.className"
    browser.press("Tab", 9)
    assert browser.js(focus) == "skip"
    browser.press("Tab", 9)
    assert browser.js(focus) == "organisation"
    browser.press("ArrowDown", 40)
    browser.wait_for("document.documentElement.dataset.shown === '0 2026-01'")
    assert browser.js(focus) == "organisation"
    browser.press("Tab", 9)
    assert browser.js(focus) == "earlier"
    browser.press("Enter", 13, "\r")
    browser.wait_for("document.documentElement.dataset.shown === '0 2025-12'")
    reached = set()
    for _ in range(40):
        browser.press("Tab", 9)
        reached.add(
            browser.js(
                "(document.activeElement.getAttribute('aria-labelledby')"
                " || document.activeElement.tagName)"
            )
        )
    assert {"table-profit_and_loss", "table-budgets", "A", "SELECT"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(browser, page, scheme) -> None:
    browser.look(375, 812, scheme=scheme, mobile=True)
    try:
        show(browser, page, "0", "2026-01")
        assert browser.js("document.documentElement.scrollWidth") == 375
        wide = (
            "[...document.querySelectorAll('main *')].filter((each) => !each.closest('.scroll')"
            " && each.getBoundingClientRect().right > 376).length"
        )
        assert browser.js(wide) == 0
    finally:
        browser.look(1280, 900)


def test_the_command_ends_with_the_path_of_the_page(marts) -> None:
    """The last step of the chain that the README shows."""
    project, _, _ = marts
    printed = project.run(as_shown("uv run meltano run report"))
    page = project.root / "output" / "report.html"
    assert page.stat().st_size > 500_000
    lines = [line for line in printed.splitlines() if "report" in line]
    assert any(line.rstrip().endswith(str(page)) for line in lines)
    assert "never reconciled with Xero" in printed


def test_the_page_is_written_whatever_came_of_the_reconciliation(marts) -> None:
    """One that could not even begin: the page is there, and the exit code tells."""
    project, _, _ = marts
    page = project.root / "output" / "other.html"
    printed = project.run(
        as_shown("uv run meltano invoke report:reconciled"),
        code=1,
        REPORT_LOAD="dbt-duckdb:no-such-command",
        REPORT_OUTPUT=str(page),
    )
    assert printed.splitlines()[-1] == str(page)
    assert page.stat().st_size > 500_000


@pytest.mark.stress
def test_the_job_goes_on_where_an_organisation_is_gone(
    marts, browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    loaded, xero, _ = marts
    project = loaded.copy(tmp_path_factory.mktemp("gone") / "project")
    there = list(xero.identity.connections)
    xero.identity.disconnect(there[1].connection_id)
    try:
        command = as_shown("uv run meltano run page")
        printed = project.run(command, code=1, **reconciliation_settings(xero))
    finally:
        xero.identity.connections[:] = there
    page = project.root / "output" / "report.html"
    assert f"{page}\n" in printed
    here, gone = xero.tenants
    shown = show(browser, page, "group", "2026-01")
    states = {name: state for _, name, state, *_ in shown["verdicts"]}
    assert states[here.name] == "= Agrees with Xero"
    assert states[gone.name] == "! Not all could be checked against Xero"


@pytest.mark.skipif("UPDATE_SNAPSHOTS" not in os.environ, reason="pictures are made when asked for")
def test_pictures_for_the_readme(marts, browser, page, faulty) -> None:
    _, xero, connection = marts
    place = str([tenant for tenant, _ in members(connection)].index(xero.tenants[0].tenant_id))
    PICTURES.mkdir(exist_ok=True)
    for name, file, scheme, width, height in (
        ("page", page, "light", 1280, 1150),
        ("differs", faulty.output, "light", 1280, 640),
        ("phone", page, "dark", 375, 900),
    ):
        browser.look(width, 900, scheme=scheme, mobile=width < 400)
        show(browser, file, place, "2026-01")
        browser.wait_for(
            "document.documentElement.dataset.drawn === document.documentElement.dataset.shown"
        )
        browser.js("scrollTo(0, 0); document.activeElement.blur()")
        browser.picture(PICTURES / f"{name}.png", height)
    browser.look(1280, 900)
