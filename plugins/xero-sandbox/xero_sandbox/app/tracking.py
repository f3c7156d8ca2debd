"""Writing tracking categories and their options: one at a time.

Source: Xero, "Tracking categories" (two active, four in all, 100 options in each).
"""

from __future__ import annotations

from uuid import uuid4

from xero_sandbox.app.collection import Collection, Document, ValidationError, too_long

_LENGTHS = {"Name": 100}
_MOST_ACTIVE = 2
_MOST = 4
_MOST_OPTIONS = 100
_STATUSES = ("ACTIVE", "ARCHIVED")
_DOCUMENTS = (
    "Invoices",
    "CreditNotes",
    "BankTransactions",
    "ManualJournals",
    "PurchaseOrders",
    "Quotes",
    "Journals",
)


def create_category(collection: Collection, element: Document) -> Document:
    """Create a tracking category without options.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    categories = [item for item in collection.all() if item["Status"] != "DELETED"]
    messages = _check(element, categories, "TrackingCategoryID", None)
    if (
        sum(item["Status"] == "ACTIVE" for item in categories) >= _MOST_ACTIVE
        or len(categories) >= _MOST
    ):
        messages.append(
            f"You can have at most {_MOST_ACTIVE} active and {_MOST} tracking categories in all."
        )
    if messages:
        raise ValidationError(*messages)
    return collection.save(
        {
            "Name": element["Name"],
            "Status": "ACTIVE",
            "TrackingCategoryID": str(uuid4()),
            "Options": [],
        }
    )


def update_category(collection: Collection, category: Document, element: Document) -> Document:
    """Rename, archive or restore a category.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    categories = [item for item in collection.all() if item["Status"] != "DELETED"]
    whole = {**category, **element}
    messages = _check(whole, categories, "TrackingCategoryID", category["TrackingCategoryID"])
    active = sum(item["Status"] == "ACTIVE" for item in categories)
    if whole["Status"] == "ACTIVE" != category["Status"] and active >= _MOST_ACTIVE:
        messages.append(f"You can have at most {_MOST_ACTIVE} active tracking categories.")
    if messages:
        raise ValidationError(*messages)
    return collection.save({**category, "Name": whole["Name"], "Status": whole["Status"]})


def delete_category(collection: Collection, category: Document) -> Document:
    """Delete a category that no document uses.

    Raises:
        ValidationError: A document uses it.
    """
    _refuse_used(collection, category["TrackingCategoryID"], "tracking category")
    return collection.save({**category, "Status": "DELETED"})


def create_option(collection: Collection, category: Document, element: Document) -> Document:
    """Add an option to a category; returns the option.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    options = _undeleted(category)
    messages = _check(element, options, "TrackingOptionID", None)
    if category["Status"] == "ARCHIVED":
        messages.append("The tracking category is archived; its options cannot be changed.")
    if sum(option["Status"] == "ACTIVE" for option in options) >= _MOST_OPTIONS:
        messages.append(f"A tracking category can have at most {_MOST_OPTIONS} options.")
    if messages:
        raise ValidationError(*messages)
    option = _with_flags(
        {"TrackingOptionID": str(uuid4()), "Name": element["Name"], "Status": "ACTIVE"}
    )
    collection.save({**category, "Options": [*category["Options"], option]})
    return option


def update_option(
    collection: Collection, category: Document, option: Document, element: Document
) -> Document:
    """Rename, archive or restore an option; returns it.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    whole = {**option, **element}
    messages = _check(whole, _undeleted(category), "TrackingOptionID", option["TrackingOptionID"])
    if category["Status"] == "ARCHIVED":
        messages.append("The tracking category is archived; its options cannot be changed.")
    if messages:
        raise ValidationError(*messages)
    return _replace_option(
        collection, category, {**option, "Name": whole["Name"], "Status": whole["Status"]}
    )


def delete_option(collection: Collection, category: Document, option: Document) -> Document:
    """Delete an option that no document uses; returns it.

    Raises:
        ValidationError: A document uses it.
    """
    _refuse_used(collection, option["TrackingOptionID"], "tracking option")
    return _replace_option(collection, category, {**option, "Status": "DELETED"})


def _undeleted(category: Document) -> list[Document]:
    return [option for option in category["Options"] if option["Status"] != "DELETED"]


def _replace_option(collection: Collection, category: Document, option: Document) -> Document:
    option = _with_flags(option)
    options = [
        option if other["TrackingOptionID"] == option["TrackingOptionID"] else other
        for other in category["Options"]
    ]
    collection.save({**category, "Options": options})
    return option


def _with_flags(option: Document) -> Document:
    """The option with the flags that repeat its status."""
    return {
        **option,
        "HasValidationErrors": False,
        "IsDeleted": option["Status"] == "DELETED",
        "IsArchived": option["Status"] == "ARCHIVED",
        "IsActive": option["Status"] == "ACTIVE",
    }


def _refuse_used(collection: Collection, tracking_id: str, what: str) -> None:
    if any(collection.of(name).mentions(tracking_id) for name in _DOCUMENTS):
        raise ValidationError(
            f"This {what} is used by transactions and cannot be deleted; archive it."
        )


def _check(element: Document, others: list[Document], key: str, own_id: str | None) -> list[str]:
    messages = too_long(element, _LENGTHS)
    name = element.get("Name")
    if not name:
        messages.append("The Name is required.")
    elif any(
        other[key] != own_id and str(other["Name"]).lower() == str(name).lower() for other in others
    ):
        messages.append(f"The name '{name}' already exists. Please enter a unique Name.")
    if element.get("Status", "ACTIVE") not in _STATUSES:
        messages.append(f"'{element['Status']}' is not a valid Status.")
    return messages
