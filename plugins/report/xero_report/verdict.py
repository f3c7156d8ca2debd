"""What the last reconciliation of each organisation comes to: pure functions of its rows.

The states, the worst first: `differs`, `changed_after_close`, `incomplete` (something could not be
checked), `never` (there was no reconciliation), `agrees`.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from xero_report.packing import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Row = dict[str, Any]
Verdict = dict[str, Any]

STATES = ("differs", "changed_after_close", "incomplete", "never", "agrees")
"""From the worst to the best."""

_WRONG = ("differs", "changed_after_close")
_UNCHECKED = "not_checkable"
_SAME = ("check_name", "basis", "subject_name", "status", "difference", "locked")


def verdict(rows: Sequence[Row]) -> Verdict:
    """The state of an organisation, when it was checked, and what is wrong.

    Args:
        rows: Those of its last reconciliation in `xero_reconciliation`; none where there was none.
    """
    counts = Counter(row["status"] for row in rows)
    return {
        "state": _state(counts),
        "checked_at": rows[0]["checked_at"].isoformat() if rows else None,
        "counts": dict(counts),
        "findings": [_finding(same) for same in _stretches(rows)],
        "gaps": [
            {"reason": reason, "checks": sorted({row["check_name"] for row in own})}
            for reason, own in _by_reason(row for row in rows if row["status"] == _UNCHECKED)
        ],
    }


def worst(verdicts: Iterable[Verdict]) -> str:
    """The state of all together; `never` of none."""
    return min((each["state"] for each in verdicts), key=STATES.index, default="never")


def _state(counts: Counter[str]) -> str:
    if not counts:
        return "never"
    wrong = next((status for status in _WRONG if counts[status]), None)
    return wrong or ("incomplete" if counts[_UNCHECKED] else "agrees")


def _stretches(rows: Sequence[Row]) -> list[list[Row]]:
    """Months that differ by the same amount: one thing went wrong."""

    def key(row: Row) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in _SAME)

    wrong = sorted((row for row in rows if row["status"] in _WRONG), key=key)
    found = [
        sorted(own, key=lambda row: str(row["period_end"])) for _, own in groupby(wrong, key=key)
    ]
    return sorted(found, key=lambda own: (-abs(own[0]["difference"]), key(own[0])))


def _finding(same: Sequence[Row]) -> dict[str, Any]:
    first, last = same[0], same[-1]
    return {
        "status": first["status"],
        "check": first["check_name"],
        "basis": first["basis"],
        "subject": first["subject_name"],
        "since": _day(first["period_end"]),
        "until": _day(last["period_end"]),
        "lakehouse": text(last["lakehouse"]),
        "xero": text(last["xero"]),
        "difference": text(last["difference"]),
        "first_agreed": _day(last["first_agreed"]),
        "locked": bool(first["locked"]),
        "explanation": last["explanation"],
        "documents": last["documents"],
    }


def _day(moment: Any) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d}"


def _by_reason(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    def reason(row: Row) -> str:
        return str(row["explanation"] or "no reason is stated")

    return [(why, list(own)) for why, own in groupby(sorted(rows, key=reason), key=reason)]
