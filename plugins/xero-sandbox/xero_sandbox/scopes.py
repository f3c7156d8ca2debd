"""Which scopes exist and which of them open an endpoint.

Source: Xero, "Scopes" and "Granular scopes FAQ" (granular names since March 2026).
"""

from __future__ import annotations

_BROAD = {
    "transactions": (
        "invoices",
        "payments",
        "banktransactions",
        "manualjournals",
        "classicexpenses",
    ),
}
_READ_ONLY = ("budgets", "journals")
_READ_WRITE = ("settings", "contacts", "attachments")
_REPORTS = (
    "aged",
    "balancesheet",
    "banksummary",
    "budgetsummary",
    "executivesummary",
    "profitandloss",
    "trialbalance",
    "taxreports",
    "tenninetynine",
)
_IDENTITY = ("openid", "profile", "email", "offline_access", "app.connections")

OLD_SCOPES = frozenset(
    ("accounting.transactions", "accounting.transactions.read", "accounting.reports.read")
)
GRANULAR_SCOPES = frozenset(
    [f"accounting.{stem}{end}" for stem in _BROAD["transactions"] for end in ("", ".read")]
    + [f"accounting.reports.{name}.read" for name in _REPORTS]
)
UNCHANGED_SCOPES = frozenset(
    [f"accounting.{stem}{end}" for stem in _READ_WRITE for end in ("", ".read")]
    + [f"accounting.{stem}.read" for stem in _READ_ONLY]
    + ["paymentservices", "paymentservices.read", *_IDENTITY]
)
ALL_SCOPES = OLD_SCOPES | GRANULAR_SCOPES | UNCHANGED_SCOPES


def opening(stem: str, *, write: bool) -> frozenset[str]:
    """The scopes each of which opens an endpoint on its own.

    Args:
        stem: Scope name of the endpoints table, e.g. `invoices` or `reports.trialbalance`.
        write: Whether the call writes; then a `.read` scope is not enough.
    """
    full = stem if stem == "paymentservices" else f"accounting.{stem}"
    names = {full} if write else {full, f"{full}.read"}
    for broad, parts in _BROAD.items():
        if stem in parts:
            names |= (
                {f"accounting.{broad}"}
                if write
                else {
                    f"accounting.{broad}",
                    f"accounting.{broad}.read",
                }
            )
    if stem.startswith("reports.") and not write:
        names.add("accounting.reports.read")
    return frozenset(names)
