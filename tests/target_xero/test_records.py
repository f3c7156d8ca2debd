"""What each stream may be given, and what is never touched."""

from __future__ import annotations

import pytest


def asked(way, **fields):
    return {"tenant_id": way.one, **fields}


def category(way, status="ACTIVE"):
    return next(each for each in way.documents("TrackingCategories") if each["Status"] == status)


def account(way, **having):
    return next(
        each
        for each in way.documents("Accounts")
        if all(bool(each.get(name)) == value for name, value in having.items())
        and each["Type"] != "BANK"
        and each["Status"] == "ACTIVE"
    )


@pytest.mark.parametrize("replaced", [False, True])
def test_contact_persons_survive_a_change_of_email(way, replaced):
    persons = [{"FirstName": "Ada", "LastName": "Quill", "EmailAddress": "ada@firm.example"}]
    contact = way.contact()
    way.xero.books.edit(way.one, "Contacts", contact["ContactID"], ContactPersons=persons)
    way.xero.irregularities.set(persons_replaced=replaced)
    way.write("contacts", asked(way, contact_id=contact["ContactID"], email_address="a@b.example"))
    assert way.document("Contacts", contact["ContactID"])["ContactPersons"] == persons


def test_nested_lists_are_merged_with_what_xero_has(way):
    persons = [
        {"FirstName": "Ada", "LastName": "Quill", "EmailAddress": "ada@firm.example"},
        {"FirstName": "Ben", "LastName": "Ink", "EmailAddress": "ben@firm.example"},
    ]
    contact = way.contact()
    way.xero.books.edit(way.one, "Contacts", contact["ContactID"], ContactPersons=persons)
    way.load()
    wanted = asked(
        way,
        contact_id=contact["ContactID"],
        contact_persons=[
            {"first_name": "Ben", "last_name": "Ink", "email_address": "ink@firm.example"},
            {"first_name": "Cy", "last_name": "Pen", "include_in_emails": True},
        ],
        phones=[{"phone_type": "MOBILE", "phone_number": "021"}],
        payment_terms={"sales": {"day": 14}},
    )
    assert way.write("contacts", wanted).code == 0
    now = way.document("Contacts", contact["ContactID"])
    assert [each.get("EmailAddress") for each in now["ContactPersons"]] == [
        "ada@firm.example",
        "ink@firm.example",
        None,
    ]
    assert {each["PhoneType"] for each in now["Phones"]} == {
        each["PhoneType"] for each in contact["Phones"]
    }
    terms = contact["PaymentTerms"]
    assert now["PaymentTerms"] == {**terms, "Sales": {**terms["Sales"], "Day": 14}}
    assert way.write("contacts", wanted).code == 0
    assert len(way.writes()) == 1


def test_a_contact_is_created_by_its_number_and_never_found_by_its_name(way):
    contact = way.contact()
    wanted = asked(way, contact_number="N-1", name="Wandering Widgets", email_address="w@w.example")
    namesake = asked(way, contact_number="N-2", name=contact["Name"], email_address="w@w.example")
    run = way.write("contacts", wanted, namesake)
    assert run.code == 1
    assert way.writes() == ["PUT Contacts"]
    assert "already assigned to another contact" in run.text
    assert way.document("Contacts", contact["ContactID"]) == contact
    made = [each for each in way.documents("Contacts") if each.get("ContactNumber") == "N-1"]
    assert [each["Name"] for each in made] == ["Wandering Widgets"]
    assert way.write("contacts", {**wanted, "email_address": "x@w.example"}).code == 0
    assert way.writes()[-1] == "POST Contacts"
    again = way.document("Contacts", made[0]["ContactID"])
    assert again["EmailAddress"] == "x@w.example"


def test_a_contact_without_a_number_is_not_created(way):
    run = way.write("contacts", asked(way, name="Wandering Widgets"))
    assert (run.code, way.writes()) == (1, [])
    assert "neither ContactID nor ContactNumber" in run.text


def test_fifty_contacts_three_of_them_invalid(way):
    rows = [asked(way, contact_number=f"N-{n}", name=f"Firm {n}") for n in range(47)]
    names = [each["Name"] for each in way.documents("Contacts")[:3]]
    rows += [asked(way, contact_number=f"D-{n}", name=name) for n, name in enumerate(names)]
    run = way.write("contacts", *rows)
    assert (run.code, way.writes()) == (1, ["PUT Contacts"])
    statuses = way.statuses()
    assert (statuses.count("applied"), statuses.count("rejected")) == (47, 3)
    rejected = [each.words for each in way.ledger if each.status == "rejected"]
    assert all("must be unique across all active contacts" in words for words in rejected)


def test_accounts_are_added_to_several_organisations_at_once(way):
    rows = [
        {"tenant_id": tenant, "code": "6100", "name": "Software", "type": "EXPENSE"}
        for tenant in (way.one, way.two)
    ]
    plan = way.plan({"accounts": rows}, streams=["accounts"])
    assert "2 calls" in plan.text
    assert way.write("accounts", *rows).code == 0
    for tenant in (way.one, way.two):
        made = [each for each in way.documents("Accounts", tenant) if each.get("Code") == "6100"]
        assert [(each["Name"], each["Type"]) for each in made] == [("Software", "EXPENSE")]
    assert way.write("accounts", *rows).code == 0
    assert way.writes() == ["PUT Accounts"] * 2
    way.load()
    archived = {"tenant_id": way.one, "code": "6100", "status": "ARCHIVED"}
    assert way.write("accounts", archived).code == 0
    assert way.writes()[-1].startswith("POST Accounts/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"code": "x" * 11, "name": "Long", "type": "EXPENSE"}, "longer than the 10 characters"),
        ({"code": "6100", "name": "Odd", "type": "PROFIT"}, "Type is 'PROFIT'"),
        ({"code": "6100", "name": "Bank", "type": "BANK"}, "bank accounts are never written"),
        ({"code": "6100", "name": "No type"}, "needs Type"),
        ({"code": "6100", "system_account": "GST"}, "systemaccount cannot be written"),
    ],
)
def test_what_xero_would_refuse_is_refused_before_it_is_asked(way, fields, words):
    run = way.write("accounts", asked(way, **fields))
    assert (run.code, way.writes()) == (1, [])
    assert words in run.text


def test_system_accounts_and_bank_accounts_are_never_touched(way):
    system = account(way, SystemAccount=True)
    bank = next(each for each in way.documents("Accounts") if each["Type"] == "BANK")
    rows = [asked(way, account_id=each["AccountID"], name="Mine") for each in (system, bank)]
    run = way.write("accounts", *rows, conflict="databricks")
    assert (run.code, way.writes()) == (1, [])
    assert "Xero's system account" in run.text
    assert "bank accounts are never written" in run.text


def test_xeros_words_on_an_account_are_in_the_ledger(way):
    taken = account(way, SystemAccount=False)
    run = way.write("accounts", asked(way, code="6100", name=taken["Name"], type="EXPENSE"))
    assert run.code == 1
    assert way.ledger[-1].words == "Please enter a unique Name."


def test_an_option_is_renamed_by_its_id_and_added_by_its_name(way):
    regions = category(way)
    old = regions["Options"][0]
    names = {"tracking_category_id": regions["TrackingCategoryID"]}
    rows = [
        asked(way, **names, tracking_option_id=old["TrackingOptionID"], name="Renamed"),
        asked(way, **names, name="Brand new"),
    ]
    assert way.write("tracking_options", *rows).code == 0
    options = way.document("TrackingCategories", regions["TrackingCategoryID"])["Options"]
    assert {**old, "Name": "Renamed"} in options
    assert [each["Name"] for each in options].count("Brand new") == 1
    assert way.write("tracking_options", *rows).code == 0
    assert [each.split()[0] for each in way.writes()] == ["POST", "PUT"]


def test_archived_categories_and_their_options_are_never_touched(way):
    archived = category(way, "ARCHIVED")
    names = {"tracking_category_id": archived["TrackingCategoryID"]}
    for stream, row in (
        ("tracking_categories", asked(way, **names, name="Other")),
        ("tracking_options", asked(way, **names, name="Other")),
    ):
        run = way.write(stream, row, conflict="databricks")
        assert (run.code, way.writes()) == (1, [])
        assert "archived" in run.text


def test_a_category_too_many_is_refused(way):
    run = way.write("tracking_categories", asked(way, name="Projects"))
    assert (run.code, way.writes()) == (1, [])
    assert "2 active and 4 categories" in run.text


def test_names_of_categories_and_groups_are_conflicts_never_matches(way):
    archived = category(way, "ARCHIVED")
    group = way.documents("ContactGroups")[0]
    for stream, name in (
        ("tracking_categories", archived["Name"]),
        ("contact_groups", group["Name"]),
    ):
        run = way.write(stream, asked(way, name=name.lower()))
        assert (run.code, way.writes()) == (1, [])
        assert "conflict" in run.text


def test_a_group_that_was_created_is_known_by_the_ledger_and_renamed_by_id(way):
    wanted = asked(way, name="Sponsors")
    assert way.write("contact_groups", wanted).code == 0
    assert way.write("contact_groups", wanted).code == 0
    made = next(each for each in way.documents("ContactGroups") if each["Name"] == "Sponsors")
    way.load()
    row = asked(way, contact_group_id=made["ContactGroupID"], name="Patrons")
    assert way.write("contact_groups", row).code == 0
    assert way.document("ContactGroups", made["ContactGroupID"])["Name"] == "Patrons"
    assert len(way.writes()) == 2


def test_items_keep_what_is_not_asked_for(way):
    item = way.documents("Items")[0]
    row = asked(way, code=item["Code"], sales_details={"unit_price": "19.9900"})
    assert way.write("items", row).code == 0
    now = way.document("Items", item["ItemID"])
    assert str(now["SalesDetails"]["UnitPrice"]) == "19.9900"
    assert now["SalesDetails"]["AccountCode"] == item["SalesDetails"]["AccountCode"]
    assert now["PurchaseDetails"] == item["PurchaseDetails"]
    assert way.write("items", row).code == 0
    assert way.writes() == ["POST Items"]


def test_an_organisation_that_is_not_connected_is_named(way):
    run = way.write("items", {"tenant_id": "elsewhere", "code": "X", "name": "X"})
    assert run.code == 1
    assert "not connected" in run.text
