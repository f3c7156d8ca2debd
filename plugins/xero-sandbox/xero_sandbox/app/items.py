"""Writing items.

Source: Xero, "Items"; validation messages from the examples of its OpenAPI description.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

from xero_sandbox.app.answers import bad_request, not_found
from xero_sandbox.app.collection import Collection, Document, ValidationError, too_long

_LENGTHS = {"Code": 30, "Name": 50, "Description": 4000, "PurchaseDescription": 4000}
_WRITABLE = (
    *_LENGTHS,
    "IsSold",
    "IsPurchased",
    "SalesDetails",
    "PurchaseDetails",
    "InventoryAssetAccountCode",
)
# Xero clears what describes a sale or purchase that no longer happens.
_CLEARED = {
    "IsSold": ("Description", "SalesDetails"),
    "IsPurchased": ("PurchaseDescription", "PurchaseDetails"),
}


def save_item(collection: Collection, element: Document, *, create_only: bool) -> Document:
    """Create an item, or update the one matched by ItemID, else Code.

    Raises:
        ValidationError: The element breaks a rule; nothing is saved.
    """
    existing = _match(collection, element)
    if existing is not None and create_only:
        raise ValidationError(f"Price List Item with Code '{element.get('Code')}' already exists")
    _check(collection, element, existing)
    item = existing or _blank()
    for name in _WRITABLE:
        if name in element:
            item[name] = element[name]
    for flag, names in _CLEARED.items():
        if item.get(flag) is False:
            for name in names:
                item.pop(name, None)
            item[names[1]] = {}
    if item.get("InventoryAssetAccountCode") and not item["IsTrackedAsInventory"]:
        item |= {
            "IsTrackedAsInventory": True,
            "QuantityOnHand": Decimal("0.0000"),
            "TotalCostPool": Decimal("0.00"),
        }
    return collection.save(item)


def delete_item(collection: Collection, item_id: str) -> None:
    """Delete an item for good.

    Raises:
        ApiError: 404 when there is none, 400 for a tracked item with stock.
    """
    item = collection.get(item_id)
    if item is None:
        raise not_found(f"Items/{item_id}")
    if item.get("IsTrackedAsInventory") and item.get("QuantityOnHand"):
        raise bad_request(
            f"Item {item['Code']} is tracked and has been used; it cannot be deleted."
        )
    collection.remove(item_id.lower())


def _match(collection: Collection, element: Document) -> Document | None:
    if element.get("ItemID"):
        existing = collection.get(str(element["ItemID"]))
        if existing is None:
            raise ValidationError(f"The item with ItemID {element['ItemID']} could not be found.")
        return existing
    matches = collection.find("Code", str(element.get("Code", "")))
    return matches[0] if matches else None


def _check(collection: Collection, element: Document, existing: Document | None) -> None:
    messages = too_long(element, _LENGTHS)
    code = element.get("Code", existing["Code"] if existing else None)
    if not code:
        messages.append("Price List Item Code must be supplied")
    elif any(
        existing is None or other["ItemID"] != existing["ItemID"]
        for other in collection.find("Code", code)
    ):
        messages.append(f"Price List Item with Code '{code}' already exists")
    for name in ("SalesDetails", "PurchaseDetails"):
        account = (element.get(name) or {}).get("AccountCode")
        if account and not collection.of("Accounts").find("Code", str(account)):
            messages.append(f"Account code '{account}' is not a valid code for this item.")
    if messages:
        raise ValidationError(*messages)


def _blank() -> Document:
    return {
        "ItemID": str(uuid4()),
        "Code": "",
        "IsTrackedAsInventory": False,
        "IsSold": True,
        "IsPurchased": True,
        "PurchaseDetails": {},
        "SalesDetails": {},
        "UpdatedDateUTC": "",
    }
