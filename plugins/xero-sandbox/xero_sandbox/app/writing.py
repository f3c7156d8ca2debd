"""Writing to the books: which body each endpoint takes, and what a batch answers.

The rules of each resource live in `contacts`, `groups`, `items`, `accounts` and `tracking`. Here is
what they share: reading the body, trying the elements one by one, and the two ways of reporting
failures.

Source: Xero, "HTTP PUT and POST", "Requests and responses" (summarizeErrors) and its OpenAPI
description for the shape of each body.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from xero_sandbox import wire
from xero_sandbox.app import accounts, contacts, groups, items, tracking
from xero_sandbox.app.answers import (
    Answer,
    bad_body,
    bad_request,
    invalid,
    not_found,
    not_implemented,
)
from xero_sandbox.app.collection import ZERO_ID, Collection, Document, ValidationError
from xero_sandbox.app.representation import unit_decimals
from xero_sandbox.endpoints import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from xero_sandbox.app.request import AccountingCall
    from xero_sandbox.books import Books
    from xero_sandbox.store import Store

_LARGEST_BODY = 3_500_000
_BATCHES: dict[str, Callable[..., Document]] = {
    "Contacts": contacts.save_contact,
    "Items": items.save_item,
}


def write(books: Books, store: Store, call: AccountingCall) -> Answer:
    """Answer a PUT, POST or DELETE.

    Args:
        books: What is changed.
        store: Where documents are looked up.
        call: The call.

    Raises:
        ApiError: 400 for what fails validation, 404 for what does not exist, 501 for what Xero
            can do and the sandbox cannot.
    """
    books.advance(call.tenant.tenant_id)
    if len(call.body) > _LARGEST_BODY:
        raise bad_request("The request is larger than 3.5 MB.")
    collection = Collection(books, store, call.tenant.tenant_id, call.segments[0])
    name, *rest = call.segments
    shape = (name, call.method, len(rest))
    if name in _BATCHES and call.method in ("PUT", "POST") and len(rest) <= (call.method == "POST"):
        return _batch(collection, call, rest)
    if shape == ("Items", "DELETE", 1):
        items.delete_item(collection, rest[0])
        return Answer(name, status=204)
    if name == "Accounts":
        return _account(collection, call, rest)
    if name == "ContactGroups" and call.method != "DELETE":
        return _group(collection, call, rest)
    if name == "TrackingCategories":
        return _tracking(collection, call, rest)
    raise not_implemented(call.method, call.path)


# -- batches: Contacts and Items ------------------------------------------------------------------


def _batch(collection: Collection, call: AccountingCall, rest: list[str]) -> Answer:
    elements = _enveloped(call)
    key = ENDPOINTS[collection.resource].shape.key
    if rest:
        if len(elements) != 1:
            raise bad_body(f"POST {call.path} takes exactly one element.")
        if collection.get(rest[0]) is None:
            raise not_found(call.path)
        elements[0][key] = rest[0]
    summarize = call.flag("summarizeErrors", default=True)
    failures, rows = [], []
    for element in elements:
        try:
            row = _BATCHES[collection.resource](
                collection, element, create_only=call.method == "PUT"
            )
            if not summarize:
                row = {**row, "StatusAttributeString": "OK", "HasValidationErrors": False}
        except ValidationError as error:
            row = _failure(element, key, error)
            failures.append(row)
            if not summarize:
                row = {**row, "StatusAttributeString": "ERROR"}
        rows.append(row)
    if summarize and failures:
        # What was valid is saved all the same, and its ids are not told.
        raise invalid(failures)
    texts = [wire.encode(row) for row in rows]
    return Answer(collection.resource, unit_decimals(call, ENDPOINTS[collection.resource], texts))


def _failure(element: Document, key: str, error: ValidationError) -> Document:
    return {
        **element,
        key: element.get(key) or ZERO_ID,
        "HasValidationErrors": True,
        "ValidationErrors": [{"Message": message} for message in error.messages],
    }


# -- single objects: Accounts, ContactGroups, TrackingCategories and their options ----------------


def _account(collection: Collection, call: AccountingCall, rest: list[str]) -> Answer:
    if call.method == "PUT" and not rest:
        element = _bare(call)
        return _single(
            "Accounts", "AccountID", element, lambda: accounts.create_account(collection, element)
        )
    if len(rest) != 1 or call.method == "PUT":
        raise not_implemented(call.method, call.path)
    account = collection.get(rest[0])
    if account is None or account["Status"] == "DELETED":
        raise not_found(call.path)
    if call.method == "DELETE":
        return _single(
            "Accounts", "AccountID", account, lambda: accounts.delete_account(collection, account)
        )
    elements = _enveloped(call)
    if len(elements) != 1:
        raise bad_body(f"POST {call.path} takes exactly one element.")
    return _single(
        "Accounts",
        "AccountID",
        elements[0],
        lambda: accounts.update_account(collection, account, elements[0]),
    )


def _group(collection: Collection, call: AccountingCall, rest: list[str]) -> Answer:
    key, name = "ContactGroupID", "ContactGroups"
    if len(rest) != (call.method == "POST"):
        raise not_implemented(call.method, call.path)
    elements = _enveloped(call)
    if len(elements) != 1:
        raise bad_body(f"{call.method} {call.path} takes exactly one element.")
    (element,) = elements
    if not rest:
        return _single(name, key, element, lambda: groups.create_group(collection, element))
    group = collection.get(rest[0])
    if group is None or group["Status"] == "DELETED":
        raise not_found(call.path)
    return _single(name, key, element, lambda: groups.update_group(collection, group, element))


def _tracking(collection: Collection, call: AccountingCall, rest: list[str]) -> Answer:
    key, name = "TrackingCategoryID", "TrackingCategories"
    element = {} if call.method == "DELETE" else _bare(call)
    if call.method == "PUT" and not rest:
        return _single(name, key, element, lambda: tracking.create_category(collection, element))
    category = collection.get(rest[0]) if rest else None
    if category is None or category["Status"] == "DELETED":
        raise not_found(call.path)
    if len(rest) == 1 and call.method != "PUT":
        if call.method == "DELETE":
            return _single(
                name, key, category, lambda: tracking.delete_category(collection, category)
            )
        return _single(
            name, key, element, lambda: tracking.update_category(collection, category, element)
        )
    if len(rest) < 2 or rest[1] != "Options":
        raise not_implemented(call.method, call.path)
    return _option(collection, call, rest[2:], category, element)


def _option(
    collection: Collection,
    call: AccountingCall,
    rest: list[str],
    category: Document,
    element: Document,
) -> Answer:
    key, name = "TrackingOptionID", "Options"
    if call.method == "PUT" and not rest:
        return _single(
            name, key, element, lambda: tracking.create_option(collection, category, element)
        )
    if len(rest) != 1 or call.method == "PUT":
        raise not_implemented(call.method, call.path)
    option = next(
        (item for item in category["Options"] if item["TrackingOptionID"] == rest[0].lower()), None
    )
    if option is None or option["Status"] == "DELETED":
        raise not_found(call.path)
    if call.method == "DELETE":
        return _single(
            name, key, option, lambda: tracking.delete_option(collection, category, option)
        )
    return _single(
        name, key, element, lambda: tracking.update_option(collection, category, option, element)
    )


def _single(envelope: str, key: str, element: Document, change: Callable[[], Document]) -> Answer:
    """Carry one change out; a failure is a 400 that echoes the element."""
    try:
        return Answer(envelope, [wire.encode(change())])
    except ValidationError as error:
        raise invalid([_failure(element, key, error)]) from None


# -- bodies ---------------------------------------------------------------------------------------


def _json(call: AccountingCall) -> Any:
    try:
        return wire.decode(call.body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise bad_body("The body is not JSON; the sandbox reads JSON only.") from None


def _enveloped(call: AccountingCall) -> list[Document]:
    """The elements of an envelope such as `{"Contacts": [{…}]}`."""
    name = call.segments[0]
    body = _json(call)
    elements = body.get(name) if isinstance(body, dict) else None
    if not isinstance(elements, list) or not all(isinstance(item, dict) for item in elements):
        raise bad_body(f'{call.method} {call.path} takes {{"{name}": [{{…}}]}}.')
    return elements


def _bare(call: AccountingCall) -> Document:
    """The single object of an endpoint that takes no envelope."""
    body = _json(call)
    if not isinstance(body, dict) or call.segments[0] in body:
        raise bad_body(f"{call.method} {call.path} takes one object without an envelope.")
    return body
