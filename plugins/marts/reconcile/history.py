"""The table that keeps what every reconciliation found, and what a place of tables must do.

It is append-only. On a folder and in a warehouse it has the same columns; the marts read it as a
source, to know since when a figure agrees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconcile.judgement import Row

NAME = "xero_reconciliation"

COLUMNS = {
    "run_id": "string",
    "checked_at": "timestamp",
    "tenant_id": "string",
    "organisation": "string",
    "check_name": "string",
    "basis": "string",
    "period_end": "date",
    "subject": "string",
    "subject_name": "string",
    "lakehouse": "decimal(38, 4)",
    "xero": "decimal(38, 4)",
    "difference": "decimal(38, 4)",
    "status": "string",
    "explanation": "string",
    "documents": "string",
    "locked": "boolean",
    "lock_date": "date",
    "first_agreed": "timestamp",
    "read_at": "timestamp",
}
"""Its columns with their types in SQL; `models/sources.yml` has them too."""


class Tables(Protocol):
    """Where checks come from and their history goes to."""

    def checks(self) -> list[Row]:
        """Rows of the model `reconciliation`."""

    def organisations(self) -> dict[str, str]:
        """Names of organisations by tenant id; none before the marts were built once."""

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows to `xero_reconciliation`; nothing of it is ever changed."""
