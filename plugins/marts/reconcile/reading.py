"""Reads Xero: `meltano run` of tap and target, with the reports that the checks need.

What was read the tap says itself, in the file of its setting `bill_path` (its README).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_CALLS, _COUNTS, _STATEMENTS = 25, 9, 3

_OPTIONAL = frozenset({"journals", "expense_claims", "receipts"})
"""What tiers and apps may be without, and the ledger does without then."""


@dataclass(frozen=True)
class Bill:
    """What the tap has read.

    Attributes:
        organisations: Names of all organisations that the marts know, by tenant id.
        entries: By tenant id and stream, why it was not read; empty where it was.
        failures: What failed lastingly.
        silence: Why nothing is known of what was read; empty where the tap has said it.
    """

    organisations: Mapping[str, str]
    entries: Mapping[tuple[str, str], str] = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    silence: str = ""

    def unread(self, tenant_id: str, stream: str) -> str:
        """Why a stream of an organisation was not read; empty where it was."""
        if self.silence:
            return self.silence
        if not any(tenant == tenant_id for tenant, _ in self.entries):
            return f"nothing of {self.organisations[tenant_id]} was read; is it still connected?"
        reason = self.entries.get((tenant_id, stream), "it was left out")
        return f"{stream} could not be read: {reason}" if reason else ""

    def has(self, tenant_id: str, stream: str) -> bool:
        """Whether a stream of an organisation was read."""
        return self.entries.get((tenant_id, stream)) == ""

    def left(self, tenant_id: str, stream: str) -> str:
        """Why rows of a stream that the ledger is made of may be missing; empty where none are."""
        reason = self.entries.get((tenant_id, stream), "it was left out")
        failed = any(self.organisations[tenant_id] in failure for failure in self.failures)
        if not reason or (stream in _OPTIONAL and not failed):
            return ""
        return f"{stream} could not be read: {reason}"


def reports(months: int, *, cash: bool) -> dict[str, Any]:
    """The reports to read, as the tap's setting names them.

    On accrual basis at most 25 calls an organisation beyond an incremental load: nine counts, a
    trial balance for each month end, two for profit and loss, one for balance sheets; what is left
    of the 25 is for bank summaries, a month each.
    """
    statements = min(months, 12)
    bank = min(months, _MOST_CALLS - _COUNTS - _STATEMENTS - months)
    return {
        "trial_balance": {"periods": months},
        "balance_sheet": {"periods": statements},
        "profit_and_loss": {"periods": statements},
        **({"bank_summary": {"periods": bank}} if bank > 0 else {}),
        **({"trial_balance_cash": {"periods": months}} if cash else {}),
    }


def settings(wanted: Mapping[str, Any], ids: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The tap's settings for a reconciliation, as environment variables.

    Args:
        wanted: Reports, as `reports` has them.
        ids: By stream, tenant ids of organisations whose ids of it are read.
    """
    return {
        "TAP_XERO_REPORTS": json.dumps(wanted),
        "TAP_XERO_STREAM_IDS": json.dumps(ids),
        "TAP_XERO_STREAM_COUNTS": "true",
        "TAP_XERO_CADENCE": "{}",
    }


def read(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Run the load, let its log through, and read the tap's bill.

    Returns:
        The exit code, and the bill; empty when the load has written none.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bill.json"
        with subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **environment, "TAP_XERO_BILL_PATH": str(path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                print(line, end="", file=sys.stderr, flush=True)
        bill: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return process.returncode, bill


def bill_of(printed: Mapping[str, Any], organisations: Mapping[str, str]) -> Bill:
    """The bill as the judgement wants it.

    Args:
        printed: As the tap wrote it.
        organisations: Names by tenant id, as the marts know them.
    """
    lines = [line for line in printed.get("bill", ()) if line.get("tenant_id")]
    return Bill(
        {**organisations, **{line["tenant_id"]: line["organisation"] for line in lines}},
        {(line["tenant_id"], line["stream"]): line["skipped"] or "" for line in lines},
        tuple(printed.get("failures", ())),
    )
