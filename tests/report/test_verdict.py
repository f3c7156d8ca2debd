"""What a reconciliation comes to, and how figures become text."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from xero_report.packing import packed, text
from xero_report.verdict import verdict, worst

CHECKED = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
ROW = {
    "check_name": "movement",
    "basis": "accrual",
    "period_end": date(2026, 1, 31),
    "subject_name": "200 Sales",
    "lakehouse": Decimal("12.3400"),
    "xero": Decimal("12.3500"),
    "difference": Decimal("-0.0100"),
    "status": "differs",
    "explanation": None,
    "documents": None,
    "locked": False,
    "first_agreed": None,
    "checked_at": CHECKED,
}


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["agrees", "explained"], "agrees"),
        (["agrees", "not_checkable"], "incomplete"),
        (["agrees", "changed_after_close", "not_checkable"], "changed_after_close"),
        (["not_checkable", "changed_after_close", "differs"], "differs"),
        ([], "never"),
    ],
)
def test_the_worst_figure_is_the_state(statuses, state):
    assert verdict([ROW | {"status": status} for status in statuses])["state"] == state


def test_a_group_is_as_good_as_its_worst_organisation():
    assert worst([{"state": "agrees"}, {"state": "never"}]) == "never"
    assert worst([{"state": "never"}, {"state": "differs"}, {"state": "incomplete"}]) == "differs"
    assert worst([]) == "never"


def test_months_that_differ_by_the_same_amount_are_one_finding():
    months = [date(2026, 1, 31), date(2025, 12, 31)]
    rows = [ROW | {"period_end": month, "documents": f"INV-{month}"} for month in months]
    rows.append(ROW | {"difference": Decimal("5.0000"), "documents": "INV-1 (row missing)"})
    larger, same = verdict(rows)["findings"]
    assert (larger["difference"], larger["documents"]) == ("5", "INV-1 (row missing)")
    assert (same["since"], same["until"]) == ("2025-12-31", "2026-01-31")
    assert same["documents"] == "INV-2026-01-31"
    assert (same["lakehouse"], same["xero"], same["difference"]) == ("12.34", "12.35", "-0.01")


def test_what_could_not_be_checked_is_told_once_for_each_reason():
    gap = ROW | {"status": "not_checkable", "explanation": "journals could not be read"}
    told = verdict([gap, gap | {"check_name": "count"}, gap | {"explanation": None}])
    assert told["gaps"] == [
        {"reason": "journals could not be read", "checks": ["count", "movement"]},
        {"reason": "no reason is stated", "checks": ["movement"]},
    ]


@pytest.mark.parametrize(
    ("figure", "written"),
    [
        ("0.0000", "0"),
        ("100.0000", "100"),
        ("-0.0100", "-0.01"),
        ("99999999999999.9999", "99999999999999.9999"),
        ("10", "10"),
    ],
)
def test_a_figure_keeps_all_its_digits(figure, written):
    assert text(Decimal(figure)) == written


def test_rows_are_packed_by_organisation_and_month():
    rows = pa.table(
        {
            "tenant_id": ["a", "a", "b", "gone"],
            "month_end": [
                date(2026, 1, 31),
                date(2026, 1, 31),
                date(2026, 2, 28),
                date(2026, 2, 28),
            ],
            "section": ["Income", None, "Income", "Income"],
            "amount": pa.array(
                [Decimal("1.5000"), None, Decimal(20), Decimal(1)], pa.decimal128(18, 4)
            ),
        }
    )
    assert packed(rows, 1, {"a": 0, "b": 1}) == {
        "labels": [["Income"], [None]],
        "at": {"0": {"2026-01": ["0 1", "1.5 "]}, "1": {"2026-02": ["0", "20"]}},
    }
