"""From the inbox to records: the fewest calls, the ordinary streams, a trustworthy state."""

from __future__ import annotations

import pytest
from tap_xero.webhooks.events import Event

WEBHOOK_STREAMS = (
    "contacts",
    "invoices",
    "credit_notes",
    "prepayments",
    "overpayments",
    "payments",
)


def test_each_kind_comes_on_its_ordinary_stream(wired):
    edited = {
        stream: wired.edited(resource)
        for stream, resource in (
            ("contacts", "Contacts"),
            ("invoices", "Invoices"),
            ("credit_notes", "CreditNotes"),
            ("prepayments", "Prepayments"),
            ("overpayments", "Overpayments"),
            ("payments", "Payments"),
        )
    }
    run = wired.run()
    assert run.error is None
    assert list(run.records) == list(WEBHOOK_STREAMS)
    for stream, (identity,) in edited.items():
        (record,) = run.records[stream]
        (key,) = [each for each in run.tap.streams[stream].primary_keys if each != "TenantID"]
        assert (record["TenantID"], record[key]) == (wired.tenant, identity)
    kinds = [message["type"] for message in run.messages]
    assert kinds == ["SCHEMA", "RECORD"] * 6 + ["STATE"]


@pytest.mark.parametrize("stream", WEBHOOK_STREAMS)
def test_a_record_is_the_one_that_polling_brings(wired, stream, selecting):
    resource = "".join(part.capitalize() for part in stream.split("_"))
    wired.edited(resource)
    ((by_webhook,),) = wired.run().records.values()
    polled = wired.run_tap(wired.xero, catalog=selecting(stream)).records[stream]
    assert by_webhook in polled


def test_ids_are_asked_for_forty_at_a_time_where_the_endpoint_takes_them(wired):
    ids = wired.edited("Invoices", 90)
    run = wired.run()
    assert {record["InvoiceID"] for record in run.records["invoices"]} == set(ids)
    assert all(record["LineItems"] for record in run.records["invoices"])
    calls = wired.xero.calls.of("Invoices")
    assert len(calls) == 3
    assert max(len(call.query["IDs"].split(",")) for call in calls) == 40
    assert len(wired.calls) == 3, "and no other call"


def test_ten_events_of_one_record_are_one_fetch(wired):
    (invoice,) = wired.edited("Invoices")
    (note,) = wired.edited("CreditNotes")
    for _ in range(9):
        wired.xero.clock.advance(seconds=1)
        wired.xero.books.edit(wired.tenant, "Invoices", invoice, Reference="again")
        wired.xero.books.edit(wired.tenant, "CreditNotes", note, Reference="again")
    run = wired.run()
    assert wired.inbox.last_position() == 20
    assert sorted(wired.calls) == [f"CreditNotes/{note}", "Invoices"]
    assert [record["Reference"] for record in run.records["invoices"]] == ["again"]


def test_without_events_there_is_no_call_and_no_message(wired):
    run = wired.run()
    assert (run.error, wired.calls, run.messages) == (None, [], [])


def test_the_calls_are_in_the_bill_and_within_the_limits(wired, allowance):
    allowance(minute=60)
    wired.edited("Payments", 3)
    run = wired.run()
    entry = run.tap.run.report.entries[wired.xero.tenants[0].name, "payments"]
    assert (entry.usage.calls, entry.rows) == (3, 3)
    assert entry.usage.day_left is not None


def test_an_event_is_done_when_its_state_comes_back_and_not_before(wired):
    wired.edited("Invoices", 2)
    first = wired.run()
    # The load failed: the next run starts from the state before, and replays.
    again = wired.run(state=None)
    assert again.records["invoices"] == first.records["invoices"]
    # The load succeeded: the state comes back, and there is nothing left to do.
    confirmed = wired.run(state=again.state)
    assert (confirmed.records, wired.calls) == ({}, [])
    assert wired.inbox.pending()[0] == 0
    wired.edited("Invoices", 1)
    assert len(wired.run(state=again.state).records["invoices"]) == 1


def test_the_positions_of_another_inbox_are_not_taken_for_those_of_this_one(wired):
    wired.edited("Invoices", 2)
    state = wired.run().state
    state["webhooks"]["inbox"] = "another"
    assert len(wired.run(state=state).records["invoices"]) == 2


@pytest.mark.parametrize(
    "kept", [None, 7, {}, {"inbox": 1}, {"inbox": "x", "organisations": {"a": "b"}}]
)
def test_a_state_that_makes_no_sense_is_no_state(wired, kept):
    wired.edited("Invoices")
    run = wired.run(state={"webhooks": kept})
    assert run.error is None
    assert len(run.records["invoices"]) == 1


def test_polling_goes_on_under_it_and_its_bookmarks_are_those_without_it(wired, selecting, run_tap):
    catalog = selecting("contacts", "invoices", "items")
    wired.edited("Invoices", 3)
    assert wired.xero.webhooks.settle()
    plain = run_tap(wired.xero, catalog=catalog)
    path = str(wired.inbox.path)
    both = run_tap(wired.xero, catalog=catalog, webhook_inbox_path=path)
    assert both.error is None
    assert both.state["bookmarks"] == plain.state["bookmarks"]
    assert both.state["webhooks"]["organisations"] == {wired.tenant: 3}
    extra = len(both.records["invoices"]) - len(plain.records["invoices"])
    assert extra == 3, "once by its event and once by polling"
    later = run_tap(wired.xero, catalog=catalog, webhook_inbox_path=path, state=both.state)
    assert later.state["webhooks"] == both.state["webhooks"]


def test_a_run_for_events_only_keeps_the_bookmarks_of_the_state(wired, selecting):
    polled = wired.run_tap(wired.xero, catalog=selecting("invoices"))
    wired.edited("Invoices")
    run = wired.run(state=polled.state)
    assert run.state["bookmarks"] == polled.state["bookmarks"]


def test_an_event_that_got_lost_is_found_by_the_next_poll(wired, selecting):
    catalog = selecting("invoices")
    polled = wired.run_tap(wired.xero, catalog=catalog)
    wired.xero.clock.advance(minutes=5)
    wired.xero.webhooks.disturb("drop")
    (lost,) = wired.edited("Invoices")
    assert wired.run().records == {}
    assert wired.xero.webhooks.counts.dropped == 1
    found = wired.run_tap(wired.xero, catalog=catalog, state=polled.state)
    assert [record["InvoiceID"] for record in found.records["invoices"]] == [lost]


def test_duplicates_and_wrong_order_change_nothing(wired):
    hook = wired.xero.webhooks
    hook.hold()
    hook.disturb("reorder")
    hook.disturb("duplicate")
    ids = wired.edited("Invoices", 5)
    wired.xero.clock.advance(seconds=1)
    wired.xero.books.edit(wired.tenant, "Invoices", ids[0], Reference="once more")
    hook.release()
    run = wired.run()
    assert sorted(record["InvoiceID"] for record in run.records["invoices"]) == sorted(ids)
    (twice,) = [r for r in run.records["invoices"] if r["InvoiceID"] == ids[0]]
    assert twice["Reference"] == "once more"
    assert hook.counts.duplicated == hook.counts.delivered == 6
    assert wired.inbox.last_position() == 6


def test_sent_stored_fetched_and_written_agree(wired):
    for tenant in (0, 1):
        wired.edited("Invoices", 20, tenant)
        wired.edited("Contacts", 10, tenant)
        wired.edited("Payments", 5, tenant)
    run = wired.run()
    sent = {(e["tenantId"], e["eventCategory"], e["resourceId"]) for e in wired.xero.webhooks.sent}
    stored = {
        (each.event.tenant_id, each.event.category, each.event.resource_id)
        for each in wired.inbox.waiting({}, wired.inbox.last_position(), most=1000)
    }
    written = {
        (record["TenantID"], category, record[key])
        for stream, category, key in (
            ("invoices", "INVOICE", "InvoiceID"),
            ("contacts", "CONTACT", "ContactID"),
            ("payments", "PAYMENT", "PaymentID"),
        )
        for record in run.records[stream]
    }
    fetched = sum(entry.rows for entry in run.tap.run.report.entries.values())
    assert sent == stored == written
    assert fetched == len(sent) == 70


# What cannot be fetched


def test_what_xero_does_not_have_is_set_aside_and_the_rest_goes_on(wired):
    kept = wired.edited("Invoices", 2)
    (note,) = wired.edited("CreditNotes")
    missing = "99999999-9999-4999-8999-999999999999"
    for number, category in enumerate(("INVOICE", "CREDITNOTE")):
        gone = Event(wired.tenant, category, missing, "UPDATE", f"2026-02-03T00:00:0{number}")
        wired.inbox.add([gone])
    run = wired.run()
    assert run.error is None
    assert {record["InvoiceID"] for record in run.records["invoices"]} == set(kept)
    assert [record["CreditNoteID"] for record in run.records["credit_notes"]] == [note]
    assert wired.inbox.failed() == 2
    assert {reason for tally in wired.inbox.tallies() for reason in tally.reasons} == {
        "Xero has no such record (404)."
    }
    assert any("set aside" in remark for remark in run.remarks)
    # It is done: the next run does not ask again, until somebody puts it back.
    assert wired.run(state=run.state).records == {}
    assert wired.inbox.put_back(category="INVOICE") == 1
    assert wired.run(state=run.state).records == {}
    assert wired.calls == ["Invoices"]


def test_a_missing_scope_sets_aside_and_retry_fetches_once_it_is_granted(wired):
    wired.edited("Payments", 3)
    wired.edited("Invoices", 1)
    wired.xero.faults.add("scope_missing", path="Payments/*", count=None)
    run = wired.run()
    assert run.error is None
    assert (list(run.records), wired.inbox.failed()) == (["invoices"], 3)
    wired.xero.faults.clear()
    assert wired.inbox.put_back() == 3
    assert len(wired.run(state=run.state).records["payments"]) == 3
    assert wired.inbox.failed() == 0


def test_an_organisation_that_disconnected_is_set_aside_and_others_go_on(wired):
    wired.edited("Invoices", 2, 0)
    wired.edited("Payments", 2, 0)
    wired.edited("Invoices", 1, 1)
    wired.xero.faults.add("tenant_revoked", tenant=wired.tenant, count=None)
    run = wired.run()
    assert run.error is None
    gone = wired.xero.tenants[0].name
    assert run.tap.run.report.failures == [f"events of {gone}, which is not connected"]
    assert [r["TenantID"] for r in run.records["invoices"]] == [wired.xero.tenants[1].tenant_id]
    assert wired.inbox.failed() == 4
    assert run.state["webhooks"]["organisations"] == {
        tenant.tenant_id: position
        for tenant, position in zip(wired.xero.tenants, (4, 5), strict=True)
    }


@pytest.mark.parametrize("path", ["*", "Invoices"])
def test_an_organisation_that_refuses_every_call_fails_the_run_and_a_missing_scope_does_not(
    wired, path
):
    """Kind 4 of the trials: one call more tells which it is, where nothing else was given."""
    wired.edited("Invoices", 2, 0)
    wired.edited("Invoices", 1, 1)
    wired.xero.faults.add("scope_missing", tenant=wired.tenant, path=path, count=None)
    run = wired.run()
    assert len(run.records["invoices"]) == 1
    name = wired.xero.tenants[0].name
    assert run.tap.run.report.failures == ([f"all of {name}"] if path == "*" else [])
    calls = [call.path for call in wired.xero.calls.of(tenant_id=wired.tenant)]
    assert calls == ["Invoices", "Organisations"]


def test_a_used_up_day_leaves_its_events_for_a_later_run(wired):
    wired.edited("Invoices", 1, 0)
    wired.edited("Payments", 2, 0)
    wired.edited("Invoices", 1, 1)
    wired.xero.faults.add(
        "rate_day", tenant=wired.tenant, path="Payments/*", seconds=40_000, count=None
    )
    run = wired.run()
    assert run.error is None
    assert len(run.records["invoices"]) == 2
    positions = run.state["webhooks"]["organisations"]
    assert positions[wired.tenant] == 1, "up to the first that was not fetched"
    wired.xero.faults.clear()
    assert wired.inbox.failed() == 0
    assert len(wired.run(state=run.state).records["payments"]) == 2


def test_what_keeps_failing_ends_the_run_with_an_error_and_is_fetched_next_time(wired, monkeypatch):
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda *_: None)
    wired.edited("Invoices", 1)
    wired.edited("Payments", 1)
    wired.xero.faults.add("server_error", path="Payments/*", count=None)
    run = wired.run()
    assert run.error is None
    assert len(run.records["invoices"]) == 1
    assert run.tap.run.report.failures == [f"payments of {wired.xero.tenants[0].name}"]
    wired.xero.faults.clear()
    assert len(wired.run(state=run.state).records["payments"]) == 1


def test_categories_and_organisations_that_nobody_knows_are_set_aside(wired):
    identity = "99999999-9999-4999-8999-999999999999"
    for tenant, category, resource in (
        (wired.tenant, "NOVELTY", identity),
        ("33333333-3333-4333-8333-333333333333", "INVOICE", identity),
        (wired.tenant, "INVOICE", "../../connections"),
    ):
        wired.inbox.add([Event(tenant, category, resource, "CREATE", "2026-02-02T09:00:00")])
    run = wired.run()
    assert (run.error, run.records) == (None, {})
    reasons = [reason for tally in wired.inbox.tallies() for reason in tally.reasons]
    assert sorted(reasons) == [
        "No stream is made of NOVELTY events; put them back once there is one.",
        "The event names no record.",
        "The organisation is not connected to this app.",
    ]
    assert wired.calls == []


def test_what_is_not_selected_or_not_chosen_is_passed_over(wired, selecting):
    wired.edited("Invoices", 1, 0)
    wired.edited("Payments", 1, 0)
    wired.edited("Payments", 1, 1)
    run = wired.run(catalog=selecting("payments"), tenant_ids=[wired.tenant])
    assert list(run.records) == ["payments"]
    assert len(run.records["payments"]) == 1
    assert wired.inbox.failed() == 0
    assert wired.run(state=run.state).records == {}


def test_events_of_a_chosen_organisation_that_is_not_connected_are_set_aside(wired):
    """They are not lost: `retry` puts them back; and the pipeline fails, but not over and over."""
    wired.edited("Invoices", 1, 0)
    wired.edited("Payments", 2, 1)
    other = wired.xero.tenants[1].tenant_id
    (row,) = (c for c in wired.xero.identity.connections if c.tenant.tenant_id == other)
    wired.xero.identity.disconnect(row.connection_id)
    chosen = [wired.tenant, other]
    run = wired.run(tenant_ids=chosen)
    assert run.tap.run.report.failures == [f"events of {other}, which is not connected"]
    assert len(run.records["invoices"]) == 1
    assert wired.inbox.failed() == 2
    assert wired.run(state=run.state, tenant_ids=chosen).tap.run.report.failures == []
    wired.xero.identity.connections.append(row)
    assert wired.inbox.put_back() == 2
    assert len(wired.run(state=run.state, tenant_ids=chosen).records["payments"]) == 2


def test_many_events_are_taken_in_by_portions_each_with_its_state(wired, monkeypatch):
    monkeypatch.setattr("tap_xero.webhooks.intake._MOST", 10)
    ids = wired.edited("Invoices", 35)
    run = wired.run()
    assert {record["InvoiceID"] for record in run.records["invoices"]} == set(ids)
    positions = [state["webhooks"]["organisations"][wired.tenant] for state in run.states]
    assert positions == [10, 20, 30, 35]


def test_what_comes_while_it_reads_is_left_for_the_next_run(wired):
    wired.edited("Invoices", 1)
    late = Event(wired.tenant, "CONTACT", "x", "UPDATE", "2026-02-02T09:00:00")
    wired.xero.hooks.after_page("Invoices", 1, lambda: wired.inbox.add([late]))
    run = wired.run()
    assert run.state["webhooks"]["organisations"] == {wired.tenant: 1}
    assert wired.inbox.pending()[0] == 2


def test_what_is_confirmed_is_forgotten_after_its_time(wired):
    wired.edited("Invoices", 2)
    state = wired.run().state
    wired.run(state=state)
    assert len(wired.inbox.tallies()) == 1
    wired.run(state=state, webhook_retention_days=0)
    assert wired.inbox.tallies() == []


def test_an_inbox_that_cannot_be_used_ends_the_run_with_a_line(cli, config_of, wired, tmp_path):
    path = tmp_path / "no-inbox"
    path.write_bytes(b"no database" * 1000)
    settings = {"webhook_only": True, "webhook_inbox_path": str(path)}
    done = cli(config=config_of(wired.xero, **settings))
    assert done.returncode == 1
    assert f"The webhook inbox {path} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_changed_records_have_the_version_of_a_full_refresh_of_the_same_run(wired):
    """Records without it would leave the target unable to tell which rows are gone."""
    wired.edited("Contacts")
    run = wired.run(webhook_only=False, full_refresh_every={"contacts": "1d"})
    assert run.error is None
    versions = {m.get("version") for m in run.of("RECORD") if m["stream"] == "contacts"}
    (activated,) = [m for m in run.of("ACTIVATE_VERSION") if m["stream"] == "contacts"]
    assert versions == {activated["version"]}
