"""The way back: what is planned is shown and written, once, and nothing else."""

from __future__ import annotations

import pytest
from deltalake import DeltaTable

EMAIL = "clean@example.com"


def email(way, contact, **more):
    return {
        "tenant_id": way.one,
        "contact_id": contact["ContactID"],
        "email_address": EMAIL,
        "reason": "clean e-mail addresses",
        **more,
    }


def test_invariant_16_a_plan_writes_nothing_and_shows_each_field(way):
    contact = way.contact()
    before = way.documents("Contacts")
    run = way.plan({"contacts": [email(way, contact)]}, streams=["contacts"])
    assert run.code == 0
    assert way.writes() == []
    assert way.documents("Contacts") == before
    assert way.ledger == []
    assert f"EmailAddress: {contact['EmailAddress']} → {EMAIL}" in run.text
    assert contact["Name"] in run.text
    assert "clean e-mail addresses" in run.text
    assert "1 to write" in run.text
    assert "1 call" in run.text


def test_invariant_16_what_is_applied_is_the_plan_and_a_second_run_writes_nothing(way):
    contact = way.contact()
    wanted = {"contacts": [email(way, contact)]}
    plan = way.plan(wanted, streams=["contacts"])
    first = way.run(wanted, streams=["contacts"])
    assert first.code == 0
    assert [line for line in plan.lines if line in first.lines] == plan.lines
    assert way.writes() == ["POST Contacts"]
    now = way.document("Contacts", contact["ContactID"])
    changed = {name for name in now if now[name] != contact.get(name)}
    assert changed == {"EmailAddress", "UpdatedDateUTC"}
    again = way.run(wanted, streams=["contacts"])
    assert (again.code, len(way.writes())) == (0, 1)


def test_the_ledger_has_each_status_and_both_sides_of_a_field(way):
    contact = way.contact()
    way.write("contacts", email(way, contact))
    assert [each.status for each in way.ledger] == ["planned", "sent", "applied"]
    last = way.ledger[-1]
    assert (last.tenant_id, last.stream, last.key) == (way.one, "contacts", contact["ContactID"])
    assert (last.before, last.after) == (
        f'{{"EmailAddress":"{contact["EmailAddress"]}"}}',
        f'{{"EmailAddress":"{EMAIL}"}}',
    )
    assert last.reason == "clean e-mail addresses"
    assert len(last.payload_hash) == len(last.idempotency_key) == 64
    assert last.xero_id == contact["ContactID"]
    assert last.xero_updated_utc is not None


def test_read_write_read_changes_no_row_in_a_further_run(way):
    contact = way.contact()
    wanted = email(way, contact)
    way.write("contacts", wanted)
    way.load()
    table = DeltaTable(str(way.folder / "xero" / "contacts"))
    read = table.to_pyarrow_table(filters=[("contact_id", "=", contact["ContactID"])])
    assert read.column("email_address").to_pylist() == [EMAIL]
    way.write("contacts", wanted)
    way.load()
    assert len(way.writes()) == 1
    assert DeltaTable(str(way.folder / "xero" / "contacts")).version() == table.version()


def test_a_stream_is_off_until_it_is_named(way):
    contact = way.contact()
    run = way.run({"contacts": [email(way, contact)]})
    assert run.code == 0
    assert way.writes() == []
    assert "update (off)" in run.text
    assert "name it in the setting streams" in run.text
    assert run.states == []


def test_a_stream_that_is_off_fails_no_run(way):
    run = way.run({"items": [{"tenant_id": way.one, "code": "x" * 31}]}, streams=["contacts"])
    assert (run.code, way.ledger) == (0, [])
    assert "1 rejected" in run.text


def test_a_state_is_handed_back_when_all_that_was_asked_for_is_in_xero(way):
    assert way.write("contacts", email(way, way.contact())).states == [{"bookmarks": {}}]
    bad = email(way, way.contact(), email_address="nowhere")
    run = way.write("contacts", bad)
    assert (run.code, run.states) == (1, [])


def test_null_and_absence_mean_nothing_and_an_empty_text_empties(way):
    contact = way.contact()
    way.write("contacts", email(way, contact, first_name=None, last_name=""))
    now = way.document("Contacts", contact["ContactID"])
    assert (now["FirstName"], now["LastName"]) == (contact["FirstName"], "")
    way.write("contacts")
    assert way.document("Contacts", contact["ContactID"]) == now


def test_more_than_max_changes_stops_everything(way):
    wanted = [email(way, way.contact(at)) for at in range(3)]
    run = way.write("contacts", *wanted, max_changes="2")
    assert run.code == 2
    assert way.writes() == []
    assert way.ledger == []
    assert "3 writes are more than max_changes" in run.text
    assert way.plan({"contacts": wanted}, streams=["contacts"], max_changes="2").code == 2
    assert way.write("contacts", *wanted, max_changes="25%").code == 0


@pytest.mark.parametrize("named", ["xero_writeback-contacts", "xero_writeback.contacts"])
def test_a_stream_may_have_its_schema_before_its_name(way, named):
    contact = way.contact()
    way.run({named: [email(way, contact)]}, streams=["contacts"])
    assert way.document("Contacts", contact["ContactID"])["EmailAddress"] == EMAIL


def test_xeros_own_names_do_as_well(way):
    contact = way.contact()
    record = {"TenantID": way.one, "ContactID": contact["ContactID"], "EmailAddress": EMAIL}
    way.write("contacts", record)
    assert way.document("Contacts", contact["ContactID"])["EmailAddress"] == EMAIL
