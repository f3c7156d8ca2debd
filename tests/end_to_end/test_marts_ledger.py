"""Where the ledger comes from: documents instead of journals, and what only Xero's reports know."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from conftest import Project
from statements import Figure, statements, trial_balances
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox
from xero_sandbox.stories.features import FEATURES

NOW = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
MODELS = ("--select", "+profit_and_loss", "+balance_sheet", "ledger_sources")
BASES = pytest.mark.parametrize("basis", ["accrual", "cash"])


def built(project: Project, path: Path, **variables: object) -> duckdb.DuckDBPyConnection:
    """A database of its own with the statements, made by dbt with these variables."""
    project.meltano(
        *("invoke", "dbt-duckdb", "run", *MODELS, "--vars", json.dumps(variables)),
        DBT_DUCKDB_DATABASE=str(path),
        MARTS_AS_OF=NOW.date().isoformat(),
    )
    return duckdb.connect(str(path), read_only=True)


def differences(figures: list[Figure]) -> list[Figure]:
    return [each for each in figures if each.ours != each.theirs]


def sources(connection: duckdb.DuckDBPyConnection, basis: str) -> set[str]:
    query = "SELECT DISTINCT source FROM marts.general_ledger WHERE basis = $basis"
    return {source for (source,) in connection.execute(query, {"basis": basis}).fetchall()}


@pytest.fixture(scope="module")
def documents(
    marts: tuple[Project, Sandbox, duckdb.DuckDBPyConnection],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Statements of the loaded books from documents alone."""
    project, xero, _ = marts
    path = tmp_path_factory.mktemp("documents") / "books.duckdb"
    environment = {
        "MARTS_LAKEHOUSE": str(project.lakehouse.parent),
        "MARTS_DATABASE": str(path),
        "MARTS_AS_OF": xero.clock.now().date().isoformat(),
    }
    command = " ".join(("run", *MODELS, "--vars", '{"ledger":"documents"}'))
    project.dbt((command, environment))
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


@BASES
def test_invariant_15_without_journals_and_reports_all_is_xeros_to_the_cent(
    loaded, documents, basis
) -> None:
    """Trial balance of 24 month ends and statements of 12 months, every line from documents."""
    assert sources(documents, basis) == {"documents"}
    figures = trial_balances(loaded[1], documents, basis) + statements(loaded[1], documents, basis)
    assert differences(figures) == []
    assert len(figures) > 1_500


def test_each_organisation_and_basis_says_where_its_figures_come_from(loaded, documents) -> None:
    rows = documents.execute("SELECT basis, source, reason FROM marts.ledger_sources").fetchall()
    organisations = len(loaded[1].tenants)
    assert Counter(rows) == {
        (basis, "documents", None): organisations for basis in ("accrual", "cash")
    }


@pytest.fixture(scope="module")
def irregular(
    tmp_path_factory: pytest.TempPathFactory, system_database: Path
) -> Iterator[tuple[Project, Sandbox]]:
    """Three organisations with all that no document shows, and Xero's trial balance as rows."""
    project = Project(tmp_path_factory.mktemp("irregular"), system_database)
    reports = {name: {"periods": 27} for name in ("trial_balance", "trial_balance_cash")}
    with Sandbox(
        organisations=3,
        invoices=120,
        clock=ManualClock(NOW),
        machine_reaches_all=True,
        features=FEATURES,
    ) as xero:
        project.read_from(xero)
        project.meltano(
            "run", "tap-xero", "target-databricks", TAP_XERO_REPORTS=json.dumps(reports)
        )
        yield project, xero


@pytest.mark.stress
@pytest.mark.parametrize("ledger", ["journals", "documents"])
def test_invariant_15_what_only_xeros_trial_balance_knows_makes_all_xeros(
    irregular, tmp_path, ledger
) -> None:
    """With lines of the trial balance every figure is Xero's; without, some lack one."""
    project, xero = irregular
    with built(project, tmp_path / "explained.duckdb", ledger=ledger) as connection:
        for basis in ("accrual", "cash"):
            figures = trial_balances(xero, connection, basis) + statements(xero, connection, basis)
            assert differences(figures) == []
            assert sources(connection, basis) == {ledger, "xero_report"}
        needs = connection.execute("""
            SELECT basis, count(*) FROM (
              SELECT DISTINCT basis, account_key, journal_date FROM marts.xero_report_lines
            ) GROUP BY basis ORDER BY basis
        """).fetchall()
        rules = connection.execute("""
            SELECT rule, count(*) FROM marts.xero_report_lines WHERE basis = 'accrual'
            GROUP BY rule ORDER BY rule
        """).fetchall()
    with built(
        project, tmp_path / "plain.duckdb", ledger=ledger, xero_report_lines=False
    ) as connection:
        for basis in ("accrual", "cash"):
            assert sources(connection, basis) == {ledger}
            without = trial_balances(xero, connection, basis)
            assert differences(without)
            print(
                f"{ledger}, {basis}: {len(differences(without))} of {len(without)} figures lack one"
            )
    print(f"{ledger}: account-months with a line {dict(needs)}, by rule {dict(rules)}")
    assert {rule for rule, _ in rules} >= {"bank_revaluation", "unrealised_gains"}
    # Journals show the rest.
    assert ("payroll" in dict(rules)) == (ledger == "documents")


@pytest.mark.stress
@pytest.mark.parametrize("ledger", ["journals", "documents"])
def test_invariant_15_three_organisations_without_any_line_of_reports(
    tmp_path, system_database, ledger
) -> None:
    """24 month ends and 12 months of statements, both bases, computed without Xero's reports."""
    project = Project(tmp_path, system_database)
    clock = ManualClock(NOW)
    with Sandbox(organisations=3, invoices=400, clock=clock, machine_reaches_all=True) as xero:
        project.read_from(xero)
        project.meltano("run", "tap-xero", "target-databricks")
        with built(project, tmp_path / "books.duckdb", ledger=ledger) as connection:
            for basis in ("accrual", "cash"):
                assert sources(connection, basis) == {ledger}
                balances = trial_balances(xero, connection, basis)
                lines = statements(xero, connection, basis)
                assert differences(balances) == differences(lines) == []
                print(f"{ledger}, {basis}: {len(balances)} and {len(lines)} figures")
                assert len(balances) > 3_500
                assert len(lines) > 700
