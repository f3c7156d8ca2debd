"""Writing accounts: one at a time.

Source: Xero, "Accounts" and "Account types"; the class of each type from the latter.
"""

from __future__ import annotations

from uuid import uuid4

from xero_sandbox.app.collection import Collection, Document, ValidationError, too_long

_LENGTHS = {"Code": 10, "Name": 150, "Description": 4000}
_WRITABLE = (
    *_LENGTHS,
    "Type",
    "BankAccountNumber",
    "Status",
    "BankAccountType",
    "CurrencyCode",
    "TaxType",
    "EnablePaymentsToAccount",
    "ShowInExpenseClaims",
    "AddToWatchlist",
)
_CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET",
    "EQUITY": "EQUITY",
    "DEPRECIATN": "EXPENSE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "CURRLIAB": "LIABILITY",
    "LIABILITY": "LIABILITY",
    "PAYG": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "OTHERINCOME": "REVENUE",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
}


def create_account(collection: Collection, element: Document) -> Document:
    """Create an account.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    _check(collection, element, None)
    account: Document = {
        "AccountID": str(uuid4()),
        "Code": "",
        "Name": "",
        "Status": "ACTIVE",
        "Type": "",
        "TaxType": "NONE",
        "Class": _CLASSES[element["Type"]],
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "BankAccountType": "BANK" if element["Type"] == "BANK" else "",
        "ReportingCode": "",
        "HasAttachments": False,
        "UpdatedDateUTC": "",
        "AddToWatchlist": False,
    }
    return _save(collection, account, element)


def update_account(collection: Collection, account: Document, element: Document) -> Document:
    """Update or archive an account.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    if element.get("Status") == "ARCHIVED":
        others = set(element) & set(_WRITABLE) - {"Status"}
        if others:
            raise ValidationError(
                "An account is archived by its AccountID and Status alone; "
                f"leave out {', '.join(sorted(others))}."
            )
        if account.get("SystemAccount"):
            raise ValidationError("System accounts cannot be archived.")
    elif account["Status"] == "ARCHIVED" and element.get("Status") != "ACTIVE":
        raise ValidationError("An archived account cannot be changed; restore it first.")
    if account.get("SystemAccount") and element.get("Type", account["Type"]) != account["Type"]:
        raise ValidationError("The type of a system account cannot be changed.")
    _check(collection, element, account)
    if "Type" in element:
        account["Class"] = _CLASSES[element["Type"]]
    return _save(collection, account, element)


def delete_account(collection: Collection, account: Document) -> Document:
    """Delete an account that nothing was booked to; it vanishes from lists.

    Raises:
        ValidationError: It is a system account or has been used.
    """
    if account.get("SystemAccount"):
        raise ValidationError("System accounts cannot be deleted.")
    used = ("Journals", "Invoices", "BankTransactions", "CreditNotes", "Payments")
    collection.books.write_journals(collection.tenant_id)
    if any(collection.of(name).mentions(account["AccountID"]) for name in used):
        raise ValidationError(
            "This account has transactions and cannot be deleted; archive it instead."
        )
    return _save(collection, account, {"Status": "DELETED"})


def _save(collection: Collection, account: Document, element: Document) -> Document:
    for name in _WRITABLE:
        if name in element:
            account[name] = element[name]
    return collection.save(account)


def _check(collection: Collection, element: Document, existing: Document | None) -> None:
    messages = too_long(element, _LENGTHS)
    whole = {**(existing or {}), **element}
    if whole.get("Type") not in _CLASSES:
        messages.append(f"'{whole.get('Type')}' is not a valid account Type.")
    if not whole.get("Name"):
        messages.append("Please enter a Name.")
    if whole.get("Type") == "BANK":
        if not whole.get("BankAccountNumber"):
            messages.append("A bank account needs a BankAccountNumber.")
        if element.get("Description"):
            messages.append("A bank account has no Description.")
    elif not whole.get("Code"):
        messages.append("Please enter a Code.")
    tax_type = element.get("TaxType")
    if tax_type and not collection.of("TaxRates").find("TaxType", str(tax_type)):
        messages.append(f"The TaxType code '{tax_type}' does not exist or cannot be used.")
    for name in ("Code", "Name"):
        value = element.get(name)
        if value and any(
            other["Status"] != "DELETED"
            and (existing is None or other["AccountID"] != existing["AccountID"])
            for other in collection.find(name, str(value), ignore_case=True)
        ):
            messages.append(f"Please enter a unique {name}.")
    if messages:
        raise ValidationError(*messages)
