"""Writing Contacts, Accounts, Items and TrackingCategories: matching, validation, deletion."""

from __future__ import annotations

from typing import Any

import pytest
from xero_sandbox import wire

ZERO_ID = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def client(xero_sandbox: Any, client_of: Any) -> Any:
    return client_of(xero_sandbox)


def send(
    client: Any, method: str, path: str, body: Any, headers: Any = None, **query: Any
) -> tuple[int, Any]:
    response = client.call(method, path, json=body, params=query, headers=headers)
    return response.status_code, response.json() if response.content else None


def saved(client: Any, method: str, path: str, body: Any, **query: Any) -> list[dict[str, Any]]:
    status, answer = send(client, method, path, body, **query)
    assert status == 200, answer
    return next(value for value in answer.values() if isinstance(value, list))


def complaints(answer: Any) -> list[str]:
    return [
        error["Message"] for element in answer["Elements"] for error in element["ValidationErrors"]
    ]


def contact(client: Any, **values: Any) -> dict[str, Any]:
    return saved(client, "PUT", "Contacts", {"Contacts": [values]})[0]


# -- contacts ---


def test_a_new_contact_is_listed_and_newly_modified(client: Any) -> None:
    client.sandbox.clock.advance(60)
    made = contact(client, Name="Wandering Widgets", ContactNumber="W-1", FirstName="Ada")
    assert (made["ContactStatus"], made["FirstName"]) == ("ACTIVE", "Ada")
    now = wire.to_ms(client.sandbox.clock.now())
    assert wire.parse_net_date(made["UpdatedDateUTC"]) == now
    header = {"If-Modified-Since": client.sandbox.clock.now().strftime("%Y-%m-%dT%H:%M:%S")}
    rows = client.rows("Contacts", header, page=1)
    assert made["ContactID"] in {row["ContactID"] for row in rows}
    assert client.rows("Contacts/W-1")[0]["ContactID"] == made["ContactID"]


def test_put_refuses_what_exists_and_post_updates_it(client: Any) -> None:
    made = contact(client, Name="Wandering Widgets", ContactNumber="W-1")
    for same in ({"Name": "wandering widgets"}, {"Name": "Another", "ContactNumber": "W-1"}):
        status, answer = send(client, "PUT", "Contacts", {"Contacts": [same]})
        assert status == 400
        assert "already assigned to another contact" in complaints(answer)[0]
    for match in (
        {"ContactID": made["ContactID"], "EmailAddress": "one@example.com"},
        {"ContactNumber": "W-1", "EmailAddress": "two@example.com"},
        {"Name": "Wandering Widgets", "EmailAddress": "three@example.com"},
    ):
        updated = saved(client, "POST", "Contacts", {"Contacts": [match]})[0]
        assert updated["ContactID"] == made["ContactID"]
        assert updated["EmailAddress"] == match["EmailAddress"]


def test_the_id_goes_before_the_number_and_the_number_before_the_name(client: Any) -> None:
    one = contact(client, Name="First Firm", ContactNumber="1")
    two = contact(client, Name="Second Firm", ContactNumber="2")
    element = {"ContactNumber": "2", "Name": "Second Firm Renamed"}
    assert (
        saved(client, "POST", "Contacts", {"Contacts": [element]})[0]["ContactID"]
        == (two["ContactID"])
    )
    element = {"ContactID": one["ContactID"], "ContactNumber": "2"}
    status, answer = send(client, "POST", "Contacts", {"Contacts": [element]})
    assert status == 400
    assert "contact number 2 is already assigned" in complaints(answer)[0]


def test_a_name_may_return_once_its_owner_is_archived(client: Any) -> None:
    one = contact(client, Name="First Firm")
    archived = {"ContactID": one["ContactID"], "ContactStatus": "ARCHIVED"}
    saved(client, "POST", f"Contacts/{one['ContactID']}", {"Contacts": [archived]})
    listed = {row["ContactID"] for row in client.rows("Contacts", page=1, pageSize=1000)}
    assert one["ContactID"] not in listed
    assert contact(client, Name="First Firm")["ContactID"] != one["ContactID"]


def test_contact_persons_are_replaced_and_addresses_merged(client: Any) -> None:
    people = [{"FirstName": "Ada"}, {"FirstName": "Bo"}]
    street = {"AddressType": "STREET", "City": "Wellington"}
    made = contact(client, Name="First Firm", ContactPersons=people, Addresses=[street])
    element = {
        "ContactID": made["ContactID"],
        "ContactPersons": people[:1],
        "Addresses": [{"AddressType": "POBOX", "City": "Nelson"}],
    }
    updated = saved(client, "POST", "Contacts", {"Contacts": [element]})[0]
    assert updated["ContactPersons"] == people[:1]
    cities = {row["AddressType"]: row["City"] for row in updated["Addresses"]}
    assert cities == {"STREET": "Wellington", "POBOX": "Nelson"}


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ({}, "at least 1 of the following elements"),
        ({"FirstName": "Ada"}, "at least 1 of the following elements"),
        ({"Name": " Spaced"}, "begin or end with a space"),
        ({"Name": "Two  spaces"}, "two spaces in a row"),
        ({"Name": "<b>Bold</b>"}, "contain < or >"),
        ({"Name": "x" * 256}, "no more than 255"),
        ({"Name": "A", "EmailAddress": "not an address"}, "not valid"),
        ({"Name": "A", "ContactStatus": "GONE"}, "not a valid ContactStatus"),
        ({"Name": "A", "ContactPersons": [{}] * 6}, "at most 5"),
        ({"ContactID": "00000000-0000-4000-8000-000000000000"}, "could not be found"),
    ],
)
def test_a_contact_that_breaks_a_rule_says_which(
    client: Any, element: dict[str, Any], words: str
) -> None:
    status, answer = send(client, "POST", "Contacts", {"Contacts": [element]})
    assert (status, answer["ErrorNumber"], answer["Type"]) == (400, 10, "ValidationException")
    assert words in " ".join(complaints(answer))


# -- batches ---

BATCH = {"Contacts": [{"Name": "Good One"}, {"FirstName": "Nameless"}, {"Name": "Good Two"}]}


def test_by_default_a_batch_with_a_failure_tells_only_the_failure_yet_saves_the_rest(
    client: Any,
) -> None:
    status, answer = send(client, "PUT", "Contacts", BATCH)
    assert status == 400
    (element,) = answer["Elements"]
    assert (element["ContactID"], element["FirstName"]) == (ZERO_ID, "Nameless")
    assert element["HasValidationErrors"] is True
    names = {row["Name"] for row in client.stored("Contacts")}
    assert {"Good One", "Good Two"} <= names


def test_with_summarize_errors_off_every_element_is_answered(client: Any) -> None:
    rows = saved(client, "PUT", "Contacts", BATCH, summarizeErrors="false")
    assert [row["StatusAttributeString"] for row in rows] == ["OK", "ERROR", "OK"]
    assert [row["HasValidationErrors"] for row in rows] == [False, True, False]
    assert [row["ContactID"] == ZERO_ID for row in rows] == [False, True, False]
    stored = client.rows("Contacts", where='Name=="Good One"', page=1)[0]
    assert "StatusAttributeString" not in stored


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"Items": []}', b'{"Contacts": {}}', b"<Contacts/>", b"\xff"]
)
def test_a_body_that_is_no_envelope_is_refused(client: Any, body: bytes) -> None:
    response = client.call("POST", "Contacts", data=body)
    assert response.status_code == 400
    assert response.json()["Type"] == "PostDataInvalidException"


def test_a_body_above_three_and_a_half_megabytes_is_refused(client: Any) -> None:
    response = client.call("POST", "Contacts", data=b" " * 3_500_001)
    assert response.status_code == 400
    assert "3.5 MB" in response.json()["Message"]


# -- idempotency ---


def test_a_key_answers_again_without_writing_again(client: Any) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = send(client, "PUT", "Contacts", {"Contacts": [{"Name": "Once"}]}, key)
    client.sandbox.clock.advance(359)
    assert send(client, "PUT", "Contacts", {"Contacts": [{"Name": "Once"}]}, key) == first
    client.sandbox.clock.advance(2)
    status, answer = send(client, "PUT", "Contacts", {"Contacts": [{"Name": "Once"}]}, key)
    assert status == 400
    assert "already assigned" in complaints(answer)[0]


def test_a_failure_is_remembered_too(client: Any) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = send(client, "PUT", "Contacts", BATCH, key)
    assert first[0] == 400
    assert send(client, "PUT", "Contacts", BATCH, key) == first


def test_a_key_belongs_to_one_request(client: Any) -> None:
    key = {"Idempotency-Key": "k-1"}
    send(client, "PUT", "Contacts", {"Contacts": [{"Name": "Once"}]}, key)
    for method, path, body in (
        ("PUT", "Contacts", {"Contacts": [{"Name": "Twice"}]}),
        ("POST", "Contacts", {"Contacts": [{"Name": "Once"}]}),
        ("PUT", "Items", {"Contacts": [{"Name": "Once"}]}),
    ):
        status, answer = send(client, method, path, body, key)
        assert status == 400
        assert "different request" in answer["Message"]
    status, _ = send(client, "PUT", "Contacts", BATCH, {"Idempotency-Key": "x" * 129})
    assert status == 400


# -- items ---


def test_items_are_created_matched_by_code_and_deleted(client: Any) -> None:
    element = {
        "Code": "WIDGET-9",
        "Name": "Widget",
        "Description": "A widget",
        "SalesDetails": {"UnitPrice": 12.3456, "AccountCode": "200"},
    }
    made = saved(client, "PUT", "Items", {"Items": [element]}, unitdp=4)[0]
    assert made["SalesDetails"]["UnitPrice"] == 12.3456
    assert client.rows("Items/WIDGET-9")[0]["SalesDetails"]["UnitPrice"] == wire.money(1235)
    status, answer = send(client, "PUT", "Items", {"Items": [element]})
    assert (status, complaints(answer)) == (
        400,
        ["Price List Item with Code 'WIDGET-9' already exists"],
    )
    update = {"Code": "WIDGET-9", "IsSold": False}
    updated = saved(client, "POST", "Items", {"Items": [update]})[0]
    assert updated["ItemID"] == made["ItemID"]
    assert updated["SalesDetails"] == {}
    assert "Description" not in updated
    assert send(client, "DELETE", f"Items/{made['ItemID']}", None) == (204, None)
    assert client.get(f"Items/{made['ItemID']}").status_code == 404
    assert client.call("DELETE", f"Items/{made['ItemID']}").status_code == 404


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ({"Name": "No code"}, "Code must be supplied"),
        ({"Code": "x" * 31}, "no more than 30"),
        ({"Code": "N", "SalesDetails": {"AccountCode": "nope"}}, "Account code 'nope'"),
        ({"ItemID": "00000000-0000-4000-8000-000000000000"}, "could not be found"),
    ],
)
def test_an_item_that_breaks_a_rule_says_which(
    client: Any, element: dict[str, Any], words: str
) -> None:
    status, answer = send(client, "POST", "Items", {"Items": [element]})
    assert status == 400
    assert words in " ".join(complaints(answer))


def test_a_tracked_item_with_stock_cannot_be_deleted(client: Any) -> None:
    tracked = next(row for row in client.rows("Items") if row.get("QuantityOnHand"))
    response = client.call("DELETE", f"Items/{tracked['ItemID']}")
    assert response.status_code == 400
    assert "cannot be deleted" in response.json()["Message"]


# -- accounts ---

ACCOUNT = {"Code": "9876", "Name": "Sundry matters", "Type": "EXPENSE"}


def test_an_account_is_created_bare_updated_in_an_envelope_and_deleted(client: Any) -> None:
    made = saved(client, "PUT", "Accounts", ACCOUNT)[0]
    assert (made["Class"], made["Status"]) == ("EXPENSE", "ACTIVE")
    path = f"Accounts/{made['AccountID']}"
    update = {"Accounts": [{"AccountID": made["AccountID"], "Name": "Odds and ends"}]}
    assert saved(client, "POST", path, update)[0]["Name"] == "Odds and ends"
    deleted = saved(client, "DELETE", path, None)[0]
    assert deleted["Status"] == "DELETED"
    assert client.get(path).status_code == 404
    assert made["AccountID"] not in {row["AccountID"] for row in client.rows("Accounts")}


def test_an_account_is_archived_by_id_and_status_alone(client: Any) -> None:
    made = saved(client, "PUT", "Accounts", ACCOUNT)[0]
    path = f"Accounts/{made['AccountID']}"
    archive = {"AccountID": made["AccountID"], "Status": "ARCHIVED"}
    status, answer = send(client, "POST", path, {"Accounts": [{**archive, "Name": "Other"}]})
    assert status == 400
    assert "alone" in complaints(answer)[0]
    assert saved(client, "POST", path, {"Accounts": [archive]})[0]["Status"] == "ARCHIVED"
    assert made["AccountID"] in {row["AccountID"] for row in client.rows("Accounts")}


def test_system_and_used_accounts_cannot_be_deleted(client: Any) -> None:
    rows = client.rows("Accounts")
    system = next(row for row in rows if row.get("SystemAccount"))
    code = client.rows("Invoices", page=1)[0]["LineItems"][0]["AccountCode"]
    used = next(row for row in rows if row.get("Code") == code)
    for account, words in ((system, "System accounts"), (used, "has transactions")):
        status, answer = send(client, "DELETE", f"Accounts/{account['AccountID']}", None)
        assert status == 400
        assert words in complaints(answer)[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Name": ""}, "Please enter a Name."),
        ({"Code": ""}, "Please enter a Code."),
        ({"Code": "x" * 11}, "no more than 10"),
        ({"Type": "NONSENSE"}, "not a valid account Type"),
        ({"Type": "BANK", "Code": ""}, "BankAccountNumber"),
        ({"Code": "200"}, "Please enter a unique Code."),
    ],
)
def test_an_account_that_breaks_a_rule_says_which(
    client: Any, changes: dict[str, Any], words: str
) -> None:
    status, answer = send(client, "PUT", "Accounts", {**ACCOUNT, **changes})
    assert status == 400
    assert words in " ".join(complaints(answer))
    assert answer["Elements"][0]["AccountID"] == ZERO_ID


def test_two_accounts_cannot_share_a_name(client: Any) -> None:
    saved(client, "PUT", "Accounts", ACCOUNT)
    status, answer = send(client, "PUT", "Accounts", {**ACCOUNT, "Code": "9877"})
    assert (status, complaints(answer)) == (400, ["Please enter a unique Name."])


def test_an_envelope_where_a_bare_object_belongs_is_refused(client: Any) -> None:
    for path, body in (
        ("Accounts", {"Accounts": [ACCOUNT]}),
        ("TrackingCategories", {"TrackingCategories": [{"Name": "Season"}]}),
    ):
        status, answer = send(client, "PUT", path, body)
        assert (status, answer["Type"]) == (400, "PostDataInvalidException")


# -- tracking ---


@pytest.fixture
def category(client: Any) -> dict[str, Any]:
    """A new category, for which room is made by archiving another."""
    other = client.rows("TrackingCategories")[0]
    path = f"TrackingCategories/{other['TrackingCategoryID']}"
    saved(client, "POST", path, {"Status": "ARCHIVED"})
    return saved(client, "PUT", "TrackingCategories", {"Name": "Season"})[0]


def test_a_third_active_category_is_one_too_many(client: Any) -> None:
    status, answer = send(client, "PUT", "TrackingCategories", {"Name": "Season"})
    assert status == 400
    assert "at most 2 active" in complaints(answer)[0]


def test_options_are_added_renamed_archived_and_deleted(
    client: Any, category: dict[str, Any]
) -> None:
    path = f"TrackingCategories/{category['TrackingCategoryID']}/Options"
    north = saved(client, "PUT", path, {"Name": "North"})[0]
    south = saved(client, "PUT", path, {"Name": "South"})[0]
    one = f"{path}/{north['TrackingOptionID']}"
    renamed = saved(client, "POST", one, {"Name": "Far North"})[0]
    assert (renamed["TrackingOptionID"], renamed["IsActive"]) == (north["TrackingOptionID"], True)
    archived = saved(client, "POST", one, {"Status": "ARCHIVED"})[0]
    assert (archived["IsActive"], archived["IsArchived"]) == (False, True)
    listed = client.rows("TrackingCategories", where='Name=="Season"')[0]["Options"]
    assert [option["Name"] for option in listed] == ["South"]
    deleted = saved(client, "DELETE", f"{path}/{south['TrackingOptionID']}", None)[0]
    assert (deleted["Status"], deleted["IsDeleted"]) == ("DELETED", True)
    assert client.rows("TrackingCategories", where='Name=="Season"')[0]["Options"] == []
    assert client.call("DELETE", f"{path}/{south['TrackingOptionID']}").status_code == 404


def test_names_of_categories_and_options_are_unique(client: Any, category: dict[str, Any]) -> None:
    path = f"TrackingCategories/{category['TrackingCategoryID']}"
    saved(client, "PUT", f"{path}/Options", {"Name": "North"})
    taken = client.rows("TrackingCategories")[0]["Name"]
    for method, where, name in (
        ("PUT", f"{path}/Options", "north"),
        ("POST", path, taken),
        ("POST", path, ""),
        ("POST", path, "x" * 101),
    ):
        status, answer = send(client, method, where, {"Name": name})
        assert status == 400, (where, name)
        assert answer["Elements"][0]["ValidationErrors"]


def test_an_unused_category_is_deleted_and_a_used_one_is_not(
    client: Any, category: dict[str, Any]
) -> None:
    path = f"TrackingCategories/{category['TrackingCategoryID']}"
    assert saved(client, "DELETE", path, None)[0]["Status"] == "DELETED"
    assert client.get(path).status_code == 404
    used = client.rows("TrackingCategories")[0]["TrackingCategoryID"]
    status, answer = send(client, "DELETE", f"TrackingCategories/{used}", None)
    assert status == 400
    assert "used by transactions" in complaints(answer)[0]


# -- what the sandbox does not write ---


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "Invoices"),
        ("POST", "Payments"),
        ("POST", "Accounts"),
        ("DELETE", "Contacts/x"),
        ("PUT", "Contacts/x"),
    ],
)
def test_other_writes_are_not_implemented_and_say_so(client: Any, method: str, path: str) -> None:
    response = client.call(method, path, json={})
    assert response.status_code == 501
    assert f"{method} {path}" in response.text


def test_writing_to_what_does_not_exist_is_not_found(client: Any) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    for method, path, body in (
        ("POST", f"Contacts/{nobody}", {"Contacts": [{"Name": "A"}]}),
        ("POST", f"Accounts/{nobody}", {"Accounts": [{"Name": "A"}]}),
        ("POST", f"TrackingCategories/{nobody}", {"Name": "A"}),
        ("DELETE", f"TrackingCategories/{nobody}", None),
    ):
        assert client.call(method, path, json=body).status_code == 404
