"""Rules of writing: contact groups, archived things, tax types, lengths, remembered errors."""

from __future__ import annotations

from typing import Any

import pytest
from test_api_writes import complaints, contact, saved, send


@pytest.fixture
def client(xero_sandbox: Any, client_of: Any) -> Any:
    return client_of(xero_sandbox)


def group(client: Any, name: str) -> dict[str, Any]:
    return saved(client, "PUT", "ContactGroups", {"ContactGroups": [{"Name": name}]})[0]


def refused(client: Any, method: str, path: str, body: Any) -> str:
    status, answer = send(client, method, path, body)
    assert status == 400, answer
    return "; ".join(complaints(answer))


def test_a_contact_group_is_created_renamed_and_deleted(client: Any) -> None:
    made = group(client, "Sponsors")
    path = f"ContactGroups/{made['ContactGroupID']}"
    body = {"ContactGroups": [{"Name": "Patrons"}]}
    assert saved(client, "POST", path, body)[0]["Name"] == "Patrons"
    assert "Patrons" in {row["Name"] for row in client.rows("ContactGroups")}
    saved(client, "POST", path, {"ContactGroups": [{"Status": "DELETED"}]})
    assert "Patrons" not in {row["Name"] for row in client.rows("ContactGroups")}
    assert send(client, "POST", path, body)[0] == 404


def test_names_of_contact_groups_are_unique_and_there_are_a_hundred(client: Any) -> None:
    group(client, "Sponsors")
    body = {"ContactGroups": [{"Name": "sponsors"}]}
    assert "already exists" in refused(client, "PUT", "ContactGroups", body)
    for number in range(100 - len(client.rows("ContactGroups"))):
        more = {"ContactGroupID": f"{number:036d}", "Name": f"Group {number}", "Status": "ACTIVE"}
        client.sandbox.books.add(client.tenant_id, "ContactGroups", **more)
    assert "limit of 100" in refused(
        client, "PUT", "ContactGroups", {"ContactGroups": [{"Name": "One more"}]}
    )


def test_an_archived_account_is_restored_before_it_changes(client: Any) -> None:
    element = {"Code": "Z-1", "Name": "Sundries", "Type": "EXPENSE"}
    account = saved(client, "PUT", "Accounts", element)[0]
    path = f"Accounts/{account['AccountID']}"
    saved(client, "POST", path, {"Accounts": [{"Status": "ARCHIVED"}]})
    body = {"Accounts": [{"Name": "Sundry things"}]}
    assert "archived" in refused(client, "POST", path, body)
    saved(client, "POST", path, {"Accounts": [{"Status": "ACTIVE"}]})
    assert saved(client, "POST", path, body)[0]["Name"] == "Sundry things"


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ({"Description": "x" * 4001}, "no more than 4000"),
        ({"TaxType": "NOSUCH"}, "TaxType code 'NOSUCH'"),
        ({"Code": "12345678901"}, "no more than 10"),
    ],
)
def test_an_account_is_refused_for(client: Any, element: dict[str, Any], words: str) -> None:
    whole = {"Code": "Z-1", "Name": "Sundries", "Type": "EXPENSE", **element}
    assert words in refused(client, "PUT", "Accounts", whole)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"Addresses": [{"AddressType": "STREET", "PostalCode": "9" * 51}]}, "PostalCode"),
        ({"Phones": [{"PhoneType": "DDI", "PhoneAreaCode": "9" * 11}]}, "PhoneAreaCode"),
        ({"AccountsReceivableTaxType": "NOSUCH"}, "TaxType code 'NOSUCH'"),
    ],
)
def test_a_contact_is_refused_for(client: Any, part: dict[str, Any], words: str) -> None:
    body = {"Contacts": [{"Name": "Long Ltd", **part}]}
    assert words in refused(client, "PUT", "Contacts", body)


@pytest.mark.parametrize("replaced", [False, True])
def test_persons_who_are_not_sent_may_be_gone(client: Any, replaced: bool) -> None:
    made = contact(client, Name="Firm", ContactPersons=[{"FirstName": "Ada"}])
    client.sandbox.irregularities.set(persons_replaced=replaced)
    element = {"ContactID": made["ContactID"], "EmailAddress": "firm@example.com"}
    (updated,) = saved(client, "POST", "Contacts", {"Contacts": [element]})
    assert len(updated["ContactPersons"]) == (0 if replaced else 1)


def test_options_of_an_archived_category_are_locked(client: Any) -> None:
    category = client.rows("TrackingCategories")[0]
    path = f"TrackingCategories/{category['TrackingCategoryID']}"
    option = category["Options"][0]["TrackingOptionID"]
    saved(client, "POST", path, {"Status": "ARCHIVED"})
    for method, below in (("PUT", "Options"), ("POST", f"Options/{option}")):
        assert "archived" in refused(client, method, f"{path}/{below}", {"Name": "Elsewhere"})


def test_an_internal_error_is_remembered_for_its_key(client: Any) -> None:
    client.sandbox.faults.add("server_error", method="PUT")
    body, key = {"Contacts": [{"Name": "Once"}]}, {"Idempotency-Key": "k-1"}
    for _ in range(2):
        assert client.call("PUT", "Contacts", json=body, headers=key).status_code == 500
    client.sandbox.clock.advance(361)
    assert client.call("PUT", "Contacts", json=body, headers=key).status_code == 200
