"""Kind 22: events of whatever Xero may announce one day are fetched from its first day on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tap_xero.models.resources import RESOURCES, by_category
from webhook_receiving import Wired, body_of, deliver, event
from xero_sandbox.webhooks.announcements import ANNOUNCED, CATEGORIES

TO_COME = sorted(CATEGORIES.keys() - ANNOUNCED.keys())


@pytest.fixture
def announced(wired) -> Wired:
    """A Xero that announces changes of all its resources."""
    assert wired.xero.webhooks.subscribe(wired.receiver.url, tuple(CATEGORIES)) == "ok"
    return wired


def test_what_xero_begins_to_announce_is_fetched_as_polling_would_bring_it(announced, selecting):
    edited = {by_category(each): announced.edited(CATEGORIES[each]) for each in TO_COME}
    run = announced.run()
    assert run.error is None
    assert announced.inbox.failed() == 0
    assert set(run.records) == {resource.stream for resource in edited}
    assert len(announced.calls) == len(edited), "one call for each row"
    polled = announced.run_tap(announced.xero, catalog=selecting(*run.records)).records
    for resource, (identity,) in edited.items():
        (record,) = run.records[resource.stream]
        assert record[resource.identity] == identity
        assert record in polled[resource.stream], resource.stream


@pytest.mark.parametrize(
    ("category", "stream"),
    [
        ("MANUALJOURNAL", "manual_journals"),
        ("PurchaseOrder", "purchase_orders"),
        ("bank_transaction", "bank_transactions"),
        ("BANK TRANSACTIONS", "bank_transactions"),
        ("item", "items"),
        ("Account", "accounts"),
        ("quotes", "quotes"),
        ("CreditNote", "credit_notes"),
        ("TRACKINGCATEGORIES", "tracking_categories"),
        ("BatchPayment", "batch_payments"),
    ],
)
def test_a_category_is_known_in_whatever_way_it_is_written(category, stream):
    assert by_category(category).stream == stream


@pytest.mark.parametrize("category", ["SUBSCRIPTION", "TIMESHEET", "", "…", "S", "IES"])
def test_a_category_of_nothing_that_is_read_is_not_known(category):
    assert by_category(category) is None


def test_every_resource_has_a_category_of_its_own():
    named = [resource for resource in RESOURCES if not resource.fixed]
    assert [by_category(resource.category) for resource in named] == named
    assert {by_category(category).path for category in CATEGORIES} == set(CATEGORIES.values())


def test_the_project_selects_all_that_can_be_announced():
    """Events of a stream that is not selected count as done."""
    project = yaml.safe_load((Path(__file__).parents[2] / "meltano.yml").read_text())
    plugins = {each["name"]: each for each in project["plugins"]["extractors"]}
    selected = {name.removesuffix(".*") for name in plugins["tap-xero-webhooks"]["select"]}
    assert selected == {resource.stream for resource in RESOURCES if resource.single}


def test_events_in_another_case_are_fetched_too(announced):
    (note,) = announced.edited("CreditNotes")
    (order,) = announced.edited("PurchaseOrders")
    events = [
        event(tenantId=announced.tenant, resourceId=each, eventCategory=category)
        for each, category in ((note, "creditNote"), (order, "Purchase_Order"))
    ]
    announced.xero.webhooks.unsubscribe()
    body = body_of(*events)
    assert deliver(announced.receiver.url, body, announced.xero.webhooks.signing_key).ok
    run = announced.run()
    assert [record["CreditNoteID"] for record in run.records["credit_notes"]] == [note]
    assert [record["PurchaseOrderID"] for record in run.records["purchase_orders"]] == [order]
    assert not announced.receiver.metrics.text().count("unknown_category_events_total{")


def test_what_one_answer_cannot_give_whole_is_left_to_polling(announced):
    """A journal that is asked for by its id lacks its source, a budget its months."""
    for category in ("JOURNAL", "BUDGET"):
        told = event(tenantId=announced.tenant, eventCategory=category)
        announced.xero.webhooks.add(told)
    run = announced.run()
    assert (run.records, announced.inbox.failed()) == ({}, 0)
    assert announced.calls == []
    assert run.state["webhooks"]["organisations"] == {announced.tenant: 2}
