"""What the comparison of two reads comes to: pure functions of rows of `marts.reconciliation`.

A row is a dict with the columns of that model. Its status is `agrees`, `explained`, `differs`,
`changed_after_close` or `not_checkable`: the models say the last of what has no ledger, this says
it of what could not be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconcile.reading import Bill

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Row = dict[str, Any]

AGREES, DIFFERS, NOT_CHECKABLE = 0, 1, 2
"""Exit codes."""

XERO_STREAMS = {
    "count": "stream_counts",
    "trial balance": "trial_balance",
    "movement": "trial_balance",
    "control account": "trial_balance",
    "profit and loss": "profit_and_loss",
    "balance sheet": "balance_sheet",
    "bank opening balance": "bank_summary",
    "bank closing balance": "bank_summary",
}
"""Where each check takes Xero's figures from; the others take them from rows of documents."""

DOCUMENT_STREAMS = (
    *("invoices", "credit_notes", "prepayments", "overpayments", "payments", "bank_transactions"),
    *("bank_transfers", "manual_journals", "expense_claims", "receipts"),
)
"""What facts and subledgers are made of, and the ledger where there are no journals."""

LEDGER_STREAMS = ("accounts", "journals", *DOCUMENT_STREAMS)
"""What the lakehouse's figures are made of."""

SUBLEDGERS = ("open amounts", "open document", "control account", "documents")
"""Checks whose figures come from documents, whatever the ledger is made of."""

ON_CASH = "_cash"
"""How streams on cash basis are called."""


def subject(row: Row) -> tuple[Any, ...]:
    """What of a row stays the same from run to run."""
    return tuple(row[n] for n in ("tenant_id", "check_name", "basis", "period_end", "subject"))


def needs_second_read(rows: Iterable[Row]) -> bool:
    """Whether something differs, be it only because business went on while Xero was read."""
    return any(row["status"] == "differs" for row in rows)


def streams_miscounted(rows: Iterable[Row]) -> dict[str, list[str]]:
    """By stream whose count differs, the organisations where it does."""
    out: dict[str, list[str]] = {}
    for row in rows:
        if row["check_name"] == "count" and row["status"] == "differs":
            out.setdefault(row["subject"], []).append(row["tenant_id"])
    return out


def judged(first: Iterable[Row], second: Iterable[Row]) -> list[Row]:
    """The rows of the second read; what moved in between and still differs cannot be judged.

    Figures that stood still through both reads and differ are wrong. One of them moving means that
    business went on: whether its last step had reached both sides nobody can tell.
    """
    before = {subject(row): row for row in first}
    return [
        _without_status(row, "the books moved while they were read, twice; run it again")
        if row["status"] == "differs" and _moved(row, before.get(subject(row)))
        else row
        for row in second
    ]


def _moved(row: Row, before: Row | None) -> bool:
    # A figure that was zero on both sides had no row.
    return before is None or (row["lakehouse"], row["xero"]) != (
        before["lakehouse"],
        before["xero"],
    )


def checked(rows: Sequence[Row], bill: Bill, wanted: Collection[str]) -> list[Row]:
    """The rows, with what could not be checked said so, and a row for each check that has none.

    Args:
        rows: The comparison as the models have it.
        bill: What of Xero was read.
        wanted: Streams of Xero's own figures that were to be read; without one its check is none.
    """
    others = set(XERO_STREAMS.values()) - {*wanted, "stream_counts"}
    out = [_checked(row, bill) for row in rows if _stream(row) not in others]
    there = {(row["tenant_id"], _stream(row)) for row in rows}
    for tenant_id, name in bill.organisations.items():
        for check, stream in XERO_STREAMS.items():
            bases = ["" if check == "count" else "accrual"]
            if f"{stream}{ON_CASH}" in wanted and check != "control account":
                bases.append("cash")
            for basis in bases:
                empty = _empty_row(tenant_id, name, check, basis)
                reason = "" if stream in others else bill.unread(tenant_id, _stream(empty))
                if reason and (tenant_id, _stream(empty)) not in there:
                    out.append(_without_status(empty, reason))
    return out


def unchecked(organisations: Mapping[str, str], wanted: Collection[str], reason: str) -> list[Row]:
    """A row for each check of each organisation, none of which could be made.

    Args:
        organisations: Names by tenant id.
        wanted: As `checked` takes it.
        reason: Why.
    """
    return checked([], Bill(organisations, silence=reason), wanted)


def _checked(row: Row, bill: Bill) -> Row:
    if reason := bill.unread(row["tenant_id"], _stream(row)):
        return _without_status(row, reason)
    if row["status"] == "differs":
        reasons = [bill.left(row["tenant_id"], stream) for stream in _sources(row, bill)]
        if any(reasons):
            return _without_status(row, "; ".join(filter(None, reasons)))
    return row


def _sources(row: Row, bill: Bill) -> Sequence[str]:
    """The streams that the lakehouse's figure is made of."""
    if row["check_name"] == "count":
        return [row["subject"]]
    journals = f"journals{ON_CASH}" if row["basis"] == "cash" else "journals"
    if row["check_name"] not in SUBLEDGERS and bill.has(row["tenant_id"], journals):
        return ["accounts"]
    return LEDGER_STREAMS


def _stream(row: Row) -> str:
    stream = XERO_STREAMS.get(row["check_name"], "invoices")
    return f"{stream}{ON_CASH}" if row["basis"] == "cash" else stream


def _empty_row(tenant_id: str, organisation: str, check: str, basis: str) -> Row:
    names = ("period_end", "lakehouse", "xero", "difference", "documents", "lock_date")
    return {
        "tenant_id": tenant_id,
        "organisation": organisation,
        "check_name": check,
        "basis": basis,
        "subject": "",
        "subject_name": "",
        "locked": False,
        "first_agreed": None,
        "read_at": None,
        **dict.fromkeys(names),
    }


def _without_status(row: Row, reason: str) -> Row:
    return {**row, "status": "not_checkable", "explanation": reason}


def exit_code(rows: Iterable[Mapping[str, Any]]) -> int:
    """0: all agrees or is explained, 1: something differs, 2: something was not checked."""
    there = {row["status"] for row in rows}
    if there & {"differs", "changed_after_close"}:
        return DIFFERS
    return NOT_CHECKABLE if "not_checkable" in there or not there else AGREES
