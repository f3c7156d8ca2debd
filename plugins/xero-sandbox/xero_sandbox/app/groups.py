"""Writing contact groups: one at a time.

Source: Xero, "Contact groups" (a group is deleted by its status, then not listed); the limit
from the examples of its OpenAPI description.
"""

from __future__ import annotations

from uuid import uuid4

from xero_sandbox.app.collection import Collection, Document, ValidationError, too_long

_LENGTHS = {"Name": 255}
_STATUSES = ("ACTIVE", "DELETED")
_MOST = 100


def create_group(collection: Collection, element: Document) -> Document:
    """Create a contact group without contacts.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    groups = _active(collection)
    messages = _check(element, groups)
    if len(groups) >= _MOST:
        messages.append(f"You've reached the limit of {_MOST} contact groups.")
    if messages:
        raise ValidationError(*messages)
    return collection.save(
        {
            "ContactGroupID": str(uuid4()),
            "Name": element["Name"],
            "Status": "ACTIVE",
            "Contacts": [],
            "HasValidationErrors": False,
        }
    )


def update_group(collection: Collection, group: Document, element: Document) -> Document:
    """Rename or delete a contact group.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    whole = {**group, **element}
    others = [
        each for each in _active(collection) if each["ContactGroupID"] != group["ContactGroupID"]
    ]
    if messages := _check(whole, others):
        raise ValidationError(*messages)
    return collection.save({**group, "Name": whole["Name"], "Status": whole["Status"]})


def _active(collection: Collection) -> list[Document]:
    return [group for group in collection.all() if group["Status"] == "ACTIVE"]


def _check(element: Document, others: list[Document]) -> list[str]:
    messages = too_long(element, _LENGTHS)
    name = str(element.get("Name") or "")
    if not name.strip():
        messages.append("The Name of a contact group is required.")
    elif any(str(other["Name"]).lower() == name.lower() for other in others):
        messages.append(f"A contact group with the name '{name}' already exists.")
    if element.get("Status", "ACTIVE") not in _STATUSES:
        messages.append(f"'{element['Status']}' is not a valid Status.")
    return messages
