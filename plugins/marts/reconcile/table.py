"""What a person sees: organisations by months, and what differs, by how much and since when."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from reconcile.judgement import Row

MOST_LINES = 40
"""Lines of what differs; all of them are in `xero_reconciliation`."""

_SHOWN = ("differs", "changed_after_close")
_CELLS = {
    "differs": "{} differ",
    "changed_after_close": "{} moved",
    "not_checkable": "?",
    "explained": "expl.",
    "agrees": "ok",
}
"""What is shown of a month, the worst first."""

_VERDICTS = {
    "differs": "The books differ from Xero.",
    "changed_after_close": "Closed periods have changed.",
    "not_checkable": "What was checked agrees with Xero, but not all could be checked.",
    "agrees": "The books agree with Xero.",
}


def shown(rows: Sequence[Row]) -> str:
    """The whole report of a run as text."""
    return "\n".join([*_months(rows), "", *_differences(rows), *_gaps(rows), *_notices(rows)])


def summary(rows: Sequence[Row]) -> str:
    """One line: what it comes to, and how many figures came to what."""
    counts = Counter(row["status"] for row in rows)
    verdict = next(
        text for status, text in _VERDICTS.items() if counts[status] or status == "agrees"
    )
    return (
        f"{verdict} {counts['agrees']:,} figures agree, {counts['explained']:,} are explained, "
        f"{counts['differs']:,} differ, {counts['changed_after_close']:,} have changed after "
        f"their period was closed, {counts['not_checkable']:,} could not be checked."
    )


def _months(rows: Sequence[Row]) -> Iterator[str]:
    months = sorted({row["period_end"] for row in rows if _is_in_ledger(row)})
    heads = [*(f"{month:%b %y}" for month in months), "now"]
    lines = [["", *heads]]
    for organisation, own in _by(rows, "organisation"):
        cells: defaultdict[date | None, Counter[str]] = defaultdict(Counter)
        for row in own:
            month = row["period_end"] if row["period_end"] in months else None
            cells[month][row["status"]] += 1
        if cells[None]["not_checkable"]:
            cells = defaultdict(lambda: Counter(not_checkable=1), cells)
        lines.append([organisation, *(_cell(cells[month]) for month in (*months, None))])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()


def _is_in_ledger(row: Row) -> bool:
    return row["period_end"] is not None and row["check_name"] in ("trial balance", "balance sheet")


def _cell(counts: Counter[str]) -> str:
    return next((text.format(counts[s]) for s, text in _CELLS.items() if counts[s]), "")


def _differences(rows: Sequence[Row]) -> Iterator[str]:
    stretches = [
        stretch
        for _, own in _by(
            [row for row in rows if row["status"] in _SHOWN],
            *("organisation", "check_name", "basis", "subject_name", "subject"),
        )
        for stretch in _stretches(own)
    ]
    for stretch in stretches[:MOST_LINES]:
        yield from _lines(stretch)
    if len(stretches) > MOST_LINES:
        yield f"… and {len(stretches) - MOST_LINES:,} more, in xero_reconciliation."


def _stretches(own: Sequence[Row]) -> Iterator[list[Row]]:
    """Months in a row that differ by the same amount: one thing went wrong."""
    ordered = sorted(own, key=lambda row: str(row["period_end"]))
    for _, same in groupby(ordered, key=lambda row: (row["status"], row["difference"])):
        yield list(same)


def _lines(stretch: Sequence[Row]) -> Iterator[str]:
    first = stretch[0]
    when = "" if first["period_end"] is None else f" {first['period_end']}"
    if len(stretch) > 1:
        when = f" since {first['period_end']}, at {len(stretch)} month ends"
    locked = ", locked" if first["locked"] else ""
    basis = " on cash basis" if first["basis"] == "cash" else ""
    agreed = f"{first['first_agreed']:%Y-%m-%d}" if first["first_agreed"] else "never"
    what = "differs" if first["status"] == "differs" else "changed after close"
    yield (
        f"{first['organisation']}: {first['check_name']}{basis} of {first['subject_name']} "
        f"{what}{when}{locked}: lakehouse {_figure(first['lakehouse'])}, Xero "
        f"{_figure(first['xero'])}, difference {_figure(first['difference'])}; "
        f"agreed first: {agreed}"
    )
    if first["explanation"]:
        yield f"    {first['explanation']}"
    if first["documents"]:
        yield f"    look at {first['documents']}"


def _figure(amount: Any) -> str:
    return f"{amount:,.2f}"


def _gaps(rows: Sequence[Row]) -> Iterator[str]:
    gaps = [row for row in rows if row["status"] == "not_checkable"]
    for organisation, own in _by(gaps, "organisation"):
        for reason, same in _by(own, "explanation"):
            checks = sorted({row["check_name"] for row in same})
            yield f"{organisation}: not checked: {', '.join(checks)}: {reason}"


def _notices(rows: Sequence[Row]) -> Iterator[str]:
    drafts = [row for row in rows if row["check_name"] == "drafts" and row["status"] == "agrees"]
    for organisation, own in _by(drafts, "organisation"):
        months = len({row["period_end"] for row in own})
        yield f"{organisation}: drafts are in {months} months; they are in no ledger."


def _by(rows: Sequence[Row], *names: str) -> Iterator[tuple[Any, list[Row]]]:
    """Rows in groups that share columns, in their order; one column stands for itself."""

    def key(row: Row) -> tuple[str, ...]:
        return tuple(str(row[name] or "") for name in names)

    for group, own in groupby(sorted(rows, key=key), key=key):
        yield (group[0] if len(names) == 1 else group), list(own)
