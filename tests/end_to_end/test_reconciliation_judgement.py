"""What a reconciliation comes to: judgement, exit codes, and what people see."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st
from reconcile import judgement, table
from reconcile.command import NotCheckableError, Reconciliation
from reconcile.folder import Folder
from reconcile.reading import Bill, bill_of, read, reports, settings

KAURI = "11111111-1111-4111-8111-111111111111"
READ = dict.fromkeys((*judgement.XERO_STREAMS.values(), *judgement.LEDGER_STREAMS), "")
ALL = reports(12, cash=False)


def row(lakehouse: Any = 100, xero: Any = 100, **changes: Any) -> judgement.Row:
    """A row of `marts.reconciliation`."""
    ours, theirs = Decimal(lakehouse), Decimal(xero)
    return {
        "tenant_id": KAURI,
        "organisation": "Kauri Trading",
        "check_name": "trial balance",
        "basis": "accrual",
        "period_end": date(2026, 1, 31),
        "subject": f"{KAURI}:200",
        "subject_name": "200 Sales",
        "lakehouse": ours,
        "xero": theirs,
        "difference": ours - theirs,
        "status": "agrees" if ours == theirs else "differs",
        "explanation": None,
        "documents": None,
        "locked": False,
        "lock_date": date(1, 1, 1),
        "first_agreed": None,
        "read_at": None,
        **changes,
    }


def bill(**unread: str) -> Bill:
    streams = READ | unread
    return Bill({KAURI: "Kauri Trading"}, {(KAURI, stream): why for stream, why in streams.items()})


@given(
    st.lists(st.integers(0, 4), max_size=12),
    st.sampled_from([Decimal(0), Decimal("0.01"), Decimal(-100)]),
)
def test_business_that_goes_on_never_differs_and_a_fault_that_stands_still_does(
    moments: list[int], fault: Decimal
) -> None:
    """Documents are read, then the report, and both again: business is between any two of them."""
    # Each deed has an amount of its own, so that no two cancel each other out.
    deeds = [(moment, Decimal(2**number)) for number, moment in enumerate(moments)]
    seen = [sum((d for moment, d in deeds if moment <= at), Decimal(0)) for at in range(4)]
    first, second = row(seen[0] + fault, seen[1]), row(seen[2] + fault, seen[3])
    (verdict,) = judgement.judged([first], [second])
    if len(set(seen)) == 1:
        assert verdict["status"] == ("differs" if fault else "agrees")
    elif not fault:
        assert verdict["status"] in ("agrees", "not_checkable")


def test_what_had_no_row_before_has_moved() -> None:
    (verdict,) = judgement.judged([], [row(0, 50)])
    assert verdict["status"] == "not_checkable"
    assert "moved while they were read" in verdict["explanation"]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["agrees", "explained"], 0),
        (["agrees", "differs", "not_checkable"], 1),
        (["changed_after_close"], 1),
        (["agrees", "not_checkable"], 2),
        ([], 2),
    ],
)
def test_exit_codes(statuses: list[str], code: int) -> None:
    assert judgement.exit_code([{"status": status} for status in statuses]) == code


def test_a_report_that_was_not_read_is_no_evidence_even_where_its_old_rows_agree() -> None:
    rows = [row(), row(check_name="count", basis="", period_end=None, subject="invoices")]
    answer = judgement.checked(rows, bill(trial_balance="503"), ALL)
    statuses = {each["check_name"]: each["status"] for each in answer}
    assert statuses == {"trial balance": "not_checkable", "count": "agrees"}
    assert "trial_balance could not be read: 503" in {each["explanation"] for each in answer}


def test_what_differs_for_want_of_documents_could_not_be_checked() -> None:
    owed = row(1, 2, check_name="control account")
    (verdict,) = judgement.checked([owed], bill(payments="503"), ALL)
    assert verdict["status"] == "not_checkable"
    assert verdict["explanation"] == "payments could not be read: 503"
    (verdict,) = judgement.checked([row(1, 2)], bill(payments="503", journals="no scope"), ALL)
    assert verdict["status"] == "not_checkable"
    # What agrees all the same agrees; a ledger of journals wants no payments; and one of documents
    # no journals.
    assert judgement.checked([row()], bill(payments="503", journals="no scope"), ALL) == [row()]
    assert judgement.checked([row(1, 2)], bill(payments="503"), ALL) == [row(1, 2)]
    assert judgement.checked([row(1, 2)], bill(journals="no scope"), ALL) == [row(1, 2)]


def test_every_check_of_an_organisation_of_which_nothing_was_read_is_named() -> None:
    answer = judgement.checked([], Bill({KAURI: "Kauri Trading"}), ALL)
    assert {each["check_name"] for each in answer} == set(judgement.XERO_STREAMS)
    assert {each["explanation"] for each in answer} == {
        "nothing of Kauri Trading was read; is it still connected?"
    }
    assert judgement.exit_code(answer) == judgement.NOT_CHECKABLE


def test_cash_basis_is_checked_where_it_is_asked_for() -> None:
    answer = judgement.checked([row()], bill(), {**ALL, "trial_balance_cash": {}})
    assert [(each["check_name"], each["basis"], each["status"]) for each in answer] == [
        ("trial balance", "accrual", "agrees"),
        ("trial balance", "cash", "not_checkable"),
        ("movement", "cash", "not_checkable"),
    ]


@pytest.mark.parametrize("months", range(1, 14))
def test_a_reconciliation_takes_at_most_25_calls(months: int) -> None:
    """A call for each trial balance and bank summary, three for the statements, and nine counts."""
    wanted = reports(months, cash=False)
    bank = wanted.get("bank_summary", {"periods": 0})["periods"]
    assert wanted["trial_balance"]["periods"] == months
    assert 9 + months + 3 + bank <= 25
    assert bank == 0 if months == 13 else bank > 0


def test_a_check_that_is_not_wanted_is_none() -> None:
    bank = row(check_name="bank closing balance")
    assert judgement.checked([bank, row()], bill(), reports(13, cash=False)) == [row()]


def printer(lines: Sequence[str], code: int = 0) -> list[str]:
    """A command that prints lines."""
    program = f"import sys\nfor line in {list(lines)!r}: print(line)\nsys.exit({code})"
    return [sys.executable, "-c", program]


def writer(bill: Mapping[str, Any], code: int = 0) -> list[str]:
    """A command that leaves the bill where the tap does."""
    program = (
        "import os, pathlib, sys\n"
        f"pathlib.Path(os.environ['TAP_XERO_BILL_PATH']).write_text({json.dumps(bill)!r})\n"
        f"sys.exit({code})"
    )
    return [sys.executable, "-c", program]


def test_the_bill_is_read_from_the_file_of_the_tap() -> None:
    written = {
        "bill": [
            {"tenant_id": KAURI, "organisation": "Kauri", "stream": "invoices", "skipped": "503"}
        ],
        "failures": ["invoices of Kauri"],
    }
    code, answer = read(writer(written, 1), {})
    assert code == 1
    found = bill_of(answer, {})
    assert found.unread(KAURI, "invoices") == "invoices could not be read: 503"
    assert found.left(KAURI, "invoices")
    assert found.left(KAURI, "payments") == "payments could not be read: it was left out"


@pytest.fixture
def silent(tmp_path: Path) -> Reconciliation:
    """A reconciliation whose load ends without saying what it has read."""
    return Reconciliation(
        Folder(str(tmp_path / "books.duckdb"), str(tmp_path / "lake"), "xero"),
        tuple(printer(["no such setting"], 1)),
        ALL,
        "",
        datetime.now(UTC),
    )


def test_a_load_that_says_nothing_ends_in_a_report_too(
    silent: Reconciliation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with duckdb.connect(str(tmp_path / "books.duckdb")) as books:
        books.execute("CREATE SCHEMA marts")
        books.execute(
            f"CREATE TABLE marts.dim_organisation AS SELECT '{KAURI}' AS tenant_id, 'Kauri' AS name"
        )
    assert silent.run() == judgement.NOT_CHECKABLE
    printed = capsys.readouterr().out
    assert "Kauri: not checked: balance sheet, bank closing balance" in printed
    assert "does not say what it has read" in printed
    assert "not all could be checked. 0 figures agree" in printed
    history = DeltaTable(tmp_path / "lake" / "xero" / "xero_reconciliation")
    rows = history.to_pyarrow_table().to_pylist()
    assert {row["check_name"] for row in rows} == set(judgement.XERO_STREAMS)
    assert {row["status"] for row in rows} == {"not_checkable"}


def test_before_the_first_build_there_is_nothing_to_report_of(silent: Reconciliation) -> None:
    with pytest.raises(NotCheckableError, match="does not say what it has read"):
        silent.run()


def test_marts_without_any_organisation_are_not_said_to_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when `xero_schema` is not where target and tap load: models that exist, without a row."""
    with duckdb.connect(str(tmp_path / "books.duckdb")) as books:
        books.execute("CREATE SCHEMA marts")
        books.execute("CREATE TABLE marts.dim_organisation (tenant_id TEXT, name TEXT)")
        columns = ", ".join(f"{name} TEXT" for name in row())
        books.execute(f"CREATE TABLE marts.reconciliation ({columns})")
    (tmp_path / "dbt").write_text("#!/bin/sh\n")
    (tmp_path / "dbt").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    silent = Reconciliation(
        Folder(str(tmp_path / "books.duckdb"), str(tmp_path / "lake"), "xero"),
        tuple(writer({"bill": [], "failures": []})),
        ALL,
        "",
        datetime.now(UTC),
    )
    with pytest.raises(NotCheckableError, match="know no organisation"):
        silent.run()


def test_ids_are_read_of_streams_and_organisations_whose_counts_differ() -> None:
    counts = {"check_name": "count", "basis": "", "period_end": None}
    rows = [
        row(1, 2, subject="invoices", **counts),
        row(3, 2, subject="invoices", **counts | {"tenant_id": "2"}),
        row(2, 2, subject="contacts", **counts),
        row(1, 2),
    ]
    ids = judgement.streams_miscounted(rows)
    assert ids == {"invoices": [KAURI, "2"]}
    assert json.loads(settings(ALL, ids)["TAP_XERO_STREAM_IDS"]) == ids
    assert settings(ALL, {})["TAP_XERO_STREAM_IDS"] == "{}"


def test_people_see_organisations_by_months_and_since_when_what_differs() -> None:
    rows = [
        row(period_end=date(2025, 11, 30)),
        *(
            row("1200.00", "1200.01", period_end=day, documents="ACCREC INV-7 (…)", locked=True)
            for day in (date(2025, 12, 31), date(2026, 1, 31))
        ),
        row(status="changed_after_close", explanation="Xero said 90", subject="b"),
        row(check_name="count", basis="", period_end=None, subject="invoices"),
    ]
    rows[2]["first_agreed"] = datetime(2026, 1, 3, tzinfo=UTC)
    text = table.shown(rows)
    heads, cells, *rest = text.splitlines()
    assert heads.split("  ")[-1].strip() == "now"
    assert "Nov 25" in heads
    assert cells.split() == ["Kauri", "Trading", "ok", "1", "differ", "1", "differ", "ok"]
    assert (
        "Kauri Trading: trial balance of 200 Sales differs since 2025-12-31, at 2 month ends, "
        "locked: lakehouse 1,200.00, Xero 1,200.01, difference -0.01; agreed first: never"
    ) in rest
    assert "    look at ACCREC INV-7 (…)" in rest
    assert "    Xero said 90" in rest
    assert "The books differ from Xero. 2 figures agree, 0 are" in table.summary(rows)
    assert "2 differ, 1 have changed after" in table.summary(rows)
    assert table.summary(rows[:1]).startswith("The books agree with Xero. 1 figures agree")
