"""Three-way: nothing goes over an edit that somebody made in Xero meanwhile."""

from __future__ import annotations

import pytest


def asked(way, contact, **fields):
    return {"tenant_id": way.one, "contact_id": contact["ContactID"], **fields}


def edit(way, contact, **fields):
    way.xero.clock.advance(60)
    way.xero.books.edit(way.one, "Contacts", contact["ContactID"], **fields)


def test_invariant_16_an_edit_in_xero_since_the_load_is_untouched_and_reported(way):
    contact, other = way.contact(0), way.contact(1)
    edit(way, contact, EmailAddress="edited@xero.example")
    wanted = {"email_address": "new@example.com", "first_name": "Ada"}
    run = way.write("contacts", asked(way, contact, **wanted), asked(way, other, **wanted))
    assert run.code == 1
    now = way.document("Contacts", contact["ContactID"])
    assert now["EmailAddress"] == "edited@xero.example"
    assert now["FirstName"] == contact["FirstName"]
    assert way.document("Contacts", other["ContactID"])["EmailAddress"] == "new@example.com"
    assert "EmailAddress changed in Xero since the load" in run.text
    assert way.statuses() == ["applied", "conflict"]


@pytest.mark.parametrize(
    ("policy", "email"), [("xero", "edited@xero.example"), ("databricks", "new@example.com")]
)
def test_a_policy_decides_a_conflict_field_by_field(way, policy, email):
    contact = way.contact()
    edit(way, contact, EmailAddress="edited@xero.example")
    wanted = asked(way, contact, email_address="new@example.com", first_name="Ada")
    run = way.write("contacts", wanted, conflict=policy)
    now = way.document("Contacts", contact["ContactID"])
    assert (run.code, now["EmailAddress"], now["FirstName"]) == (0, email, "Ada")


def test_an_edit_of_a_field_that_nobody_owns_is_no_conflict(way):
    contact = way.contact()
    edit(way, contact, LastName="Edited")
    assert way.write("contacts", asked(way, contact, first_name="Ada")).code == 0
    now = way.document("Contacts", contact["ContactID"])
    assert (now["FirstName"], now["LastName"]) == ("Ada", "Edited")


def test_invariant_16_a_conflict_stays_one_when_the_edit_has_been_loaded(way):
    contact = way.contact()
    wanted = asked(way, contact, email_address="new@example.com")
    edit(way, contact, EmailAddress="edited@xero.example")
    way.write("contacts", wanted)
    way.load()
    run = way.write("contacts", wanted)
    assert (run.code, way.writes()) == (1, [])
    assert [each.status for each in way.ledger] == ["conflict"]
    assert way.write("contacts", wanted, conflict="databricks").code == 0
    assert way.document("Contacts", contact["ContactID"])["EmailAddress"] == "new@example.com"


def test_what_this_target_wrote_last_is_no_edit_of_somebody_else(way):
    contact = way.contact()
    way.write("contacts", asked(way, contact, email_address="one@example.com"))
    run = way.write("contacts", asked(way, contact, email_address="two@example.com"))
    assert run.code == 0
    assert way.document("Contacts", contact["ContactID"])["EmailAddress"] == "two@example.com"


def test_a_record_that_was_never_loaded_waits_for_a_load(way):
    made = way.xero.books.add(
        way.one, "Contacts", **{**way.contact(), "ContactID": "0" * 8 + way.one[8:], "Name": "New"}
    )
    wanted = asked(way, made, email_address="new@example.com")
    run = way.write("contacts", wanted)
    assert run.code == 1
    assert "load the record first" in run.text
    way.load()
    assert way.write("contacts", wanted).code == 0


def test_values_as_loaded_may_come_with_the_record(way):
    contact = way.contact()
    wanted = asked(way, contact, email_address="new@example.com")
    stale = {**wanted, "_loaded": {"email_address": "before@example.com"}}
    assert way.write("contacts", stale).code == 1
    fresh = {**wanted, "_loaded": {"email_address": contact["EmailAddress"]}}
    nothing = {"lakehouse_path": None, "ledger_path": str(way.folder / "elsewhere")}
    assert way.write("contacts", fresh, **nothing).code == 0


def test_two_rows_for_one_record_that_disagree_are_refused(way):
    contact = way.contact()
    rows = [asked(way, contact, email_address=f"{name}@example.com") for name in ("one", "two")]
    run = way.write("contacts", *rows)
    assert run.code == 1
    assert "different values of EmailAddress" in run.text
    rows = [
        asked(way, contact, email_address="one@example.com"),
        asked(way, contact, last_name="X"),
    ]
    assert way.write("contacts", *rows).code == 0


def test_two_rows_for_one_record_under_two_names_are_refused(way):
    item = way.documents("Items")[0]
    rows = [
        {"tenant_id": way.one, "item_id": item["ItemID"], "name": "One"},
        {"tenant_id": way.one, "code": item["Code"], "name": "Two"},
    ]
    run = way.write("items", *rows)
    assert (run.code, way.writes()) == (1, [])
    assert run.text.count("two rows ask for this record") >= 2
