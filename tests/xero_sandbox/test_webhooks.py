"""The sandbox's webhooks: what is announced, how it is delivered, and what if that fails."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from xero_sandbox.sandbox import Sandbox
from xero_sandbox.webhooks.announcements import ANNOUNCED

KINDS = (
    ("Contacts", "CONTACT"),
    ("Invoices", "INVOICE"),
    ("CreditNotes", "CREDITNOTE"),
    ("Payments", "PAYMENT"),
    ("Prepayments", "PREPAYMENT"),
    ("Overpayments", "OVERPAYMENT"),
)


class Listener:
    """A receiver that keeps what it gets and answers as it is told."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.good: list[dict[str, Any]] = []
        self.bad = 0
        self.refuse = 0
        self.headers: dict[str, str] = {}
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(listener.status_of(body, self.headers["x-xero-signature"]))
                for name, value in listener.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def status_of(self, body: bytes, signature: str) -> int:
        digest = hmac.new(self.key.encode(), body, hashlib.sha256).digest()
        if base64.b64encode(digest).decode() != signature:
            self.bad += 1
            return 401
        if self.refuse:
            self.refuse -= 1
            return 500
        self.good.append(json.loads(body))
        return 200

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for delivery in self.good for event in delivery["events"]]


@pytest.fixture
def listen() -> Iterator[Callable[[str], Listener]]:
    running: list[Listener] = []

    def start(key: str) -> Listener:
        running.append(Listener(key))
        return running[-1]

    yield start
    for listener in running:
        listener.server.shutdown()
        listener.server.server_close()


@pytest.fixture
def subscribed(
    xero_sandbox: Sandbox, listen: Callable[[str], Listener]
) -> tuple[Sandbox, Listener]:
    """Books up to date, and a listener that passed the handshake."""
    xero_sandbox.prepare()
    listener = listen(xero_sandbox.webhooks.signing_key)
    assert xero_sandbox.webhooks.subscribe(listener.url) == "ok"
    listener.good.clear()
    listener.bad = 0
    return xero_sandbox, listener


def invoice_of(sandbox: Sandbox, tenant: int = 0) -> dict[str, Any]:
    return sandbox.books.add_invoice(sandbox.tenants[tenant].tenant_id)


def test_the_handshake_wants_good_signatures_accepted_and_bad_ones_refused(
    xero_sandbox: Sandbox, listen: Callable[[str], Listener]
) -> None:
    listener = listen(xero_sandbox.webhooks.signing_key)
    assert xero_sandbox.webhooks.subscribe(listener.url) == "ok"
    assert (len(listener.good), listener.bad) == (2, 2)
    for body in listener.good:
        assert body["events"] == []
        assert (body["firstEventSequence"], body["lastEventSequence"]) == (0, 0)
    assert xero_sandbox.webhooks.status == "ok"


def test_a_receiver_that_does_not_check_signatures_is_not_delivered_to(
    xero_sandbox: Sandbox, listen: Callable[[str], Listener]
) -> None:
    listener = listen("another key")
    assert xero_sandbox.webhooks.subscribe(listener.url) == "answered 401 instead of 200"
    invoice_of(xero_sandbox)
    assert xero_sandbox.webhooks.settle()
    assert listener.good == []
    assert xero_sandbox.webhooks.report()["waiting"] == 1


def test_cookies_fail_the_handshake(
    xero_sandbox: Sandbox, listen: Callable[[str], Listener]
) -> None:
    listener = listen(xero_sandbox.webhooks.signing_key)
    listener.headers["Set-Cookie"] = "a=b"
    assert xero_sandbox.webhooks.subscribe(listener.url) == "set a cookie"


@pytest.mark.parametrize(("resource", "category"), KINDS)
def test_an_edit_is_announced_in_its_category(
    subscribed: tuple[Sandbox, Listener], resource: str, category: str
) -> None:
    sandbox, listener = subscribed
    tenant = sandbox.tenants[1].tenant_id
    ids = [json.loads(text) for text in sandbox.store.page(tenant, resource, limit=1).documents]
    assert ids, f"the books have no {resource}"
    identity = ids[0][f"{resource[:-1]}ID"]
    sandbox.books.edit(tenant, resource, identity, Reference="edited")
    assert sandbox.webhooks.settle()
    (event,) = listener.events
    data = event.pop("data", None)
    assert event == {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/{resource}/{identity}",
        "resourceId": identity,
        "tenantId": tenant,
        "tenantType": "ORGANISATION",
        "eventCategory": category,
        "eventType": "UPDATE",
        "eventDateUtc": "2026-02-02T09:00:00.000",
    }
    assert (data is None) == (category in {"CONTACT", "INVOICE"})


def test_what_is_new_is_a_create_and_other_resources_are_not_announced(
    subscribed: tuple[Sandbox, Listener],
) -> None:
    sandbox, listener = subscribed
    tenant = sandbox.tenants[0].tenant_id
    made = invoice_of(sandbox)
    sandbox.books.add(tenant, "Items", Code="NEW", Name="New")
    sandbox.books.pay(tenant, made["InvoiceID"])
    assert sandbox.webhooks.settle()
    assert [(e["eventCategory"], e["eventType"]) for e in listener.events] == [
        ("INVOICE", "CREATE"),
        ("PAYMENT", "CREATE"),
        ("INVOICE", "UPDATE"),
    ]


def test_one_delivery_mixes_organisations_and_categories_and_numbers_its_events(
    subscribed: tuple[Sandbox, Listener],
) -> None:
    sandbox, listener = subscribed
    sandbox.webhooks.hold()
    for tenant in (0, 1):
        made = invoice_of(sandbox, tenant)
        sandbox.books.pay(sandbox.tenants[tenant].tenant_id, made["InvoiceID"])
    sandbox.webhooks.release()
    assert sandbox.webhooks.settle()
    (delivery,) = listener.good
    assert {event["tenantId"] for event in delivery["events"]} == {
        tenant.tenant_id for tenant in sandbox.tenants
    }
    assert {event["eventCategory"] for event in delivery["events"]} == {"INVOICE", "PAYMENT"}
    assert (delivery["firstEventSequence"], delivery["lastEventSequence"]) == (1, 6)


def test_business_that_goes_on_is_announced_as_it_happens(
    subscribed: tuple[Sandbox, Listener],
) -> None:
    sandbox, listener = subscribed
    before = {
        (tenant.tenant_id, resource): sandbox.store.count(tenant.tenant_id, resource)
        for tenant in sandbox.tenants
        for resource in ANNOUNCED.values()
    }
    sandbox.webhooks.hold()
    sandbox.clock.advance(days=3)
    sandbox.prepare()
    sandbox.webhooks.release()
    assert sandbox.webhooks.settle()
    new = sum(sandbox.store.count(*key) - count for key, count in before.items())
    assert new > 0
    created = [event for event in listener.events if event["eventType"] == "CREATE"]
    assert len(created) == new
    dates = [event["eventDateUtc"] for event in listener.events]
    assert all("2026-02-02T09:00" <= date <= "2026-02-05T09:00" for date in dates)


def test_a_failed_delivery_is_tried_again_with_growing_pauses(
    subscribed: tuple[Sandbox, Listener],
) -> None:
    sandbox, listener = subscribed
    listener.refuse = 4
    invoice_of(sandbox)
    assert sandbox.webhooks.settle()
    tried = [sandbox.webhooks.counts.attempts]
    for pause in (15, 60, 300):
        sandbox.clock.advance(seconds=pause - 1)
        assert sandbox.webhooks.settle()
        assert sandbox.webhooks.counts.attempts == tried[-1], "it was tried too early"
        sandbox.clock.advance(seconds=1)
        assert sandbox.webhooks.settle()
        tried.append(sandbox.webhooks.counts.attempts)
    assert tried == [2, 3, 4, 5]
    assert len(listener.events) == 1
    assert sandbox.webhooks.counts.failures == {"answered 500": 4}


def test_after_a_day_of_failures_it_is_disabled_and_replays_in_order_once_enabled(
    subscribed: tuple[Sandbox, Listener],
) -> None:
    sandbox, listener = subscribed
    listener.refuse = 10_000
    first = invoice_of(sandbox)
    for _ in range(100):
        sandbox.clock.advance(minutes=15)
        assert sandbox.webhooks.settle()
    assert sandbox.webhooks.status == "disabled"
    second = invoice_of(sandbox)
    assert sandbox.webhooks.settle()
    listener.refuse = 0
    assert listener.events == []
    assert sandbox.webhooks.enable() == "ok"
    assert sandbox.webhooks.settle()
    ours = [e["resourceId"] for e in listener.events]
    assert ours.index(first["InvoiceID"]) < ours.index(second["InvoiceID"])
    assert sandbox.webhooks.report()["waiting"] == 0


def test_what_waits_longer_than_a_month_is_forgotten(
    subscribed: tuple[Sandbox, Listener],
) -> None:
    sandbox, listener = subscribed
    sandbox.webhooks.hold()
    gone = invoice_of(sandbox)["InvoiceID"]
    sandbox.clock.advance(days=32)
    kept = invoice_of(sandbox)["InvoiceID"]
    sandbox.webhooks.release()
    assert sandbox.webhooks.settle()
    delivered = {event["resourceId"] for event in listener.events}
    assert kept in delivered
    assert gone not in delivered
    counts = sandbox.webhooks.counts
    assert counts.announced == counts.delivered + counts.dropped


def test_duplicates_losses_and_forgeries_on_demand_are_counted(
    subscribed: tuple[Sandbox, Listener],
) -> None:
    sandbox, listener = subscribed
    hook = sandbox.webhooks
    hook.disturb("drop")
    lost = invoice_of(sandbox)
    hook.disturb("duplicate")
    hook.disturb("forge")
    kept = invoice_of(sandbox)
    assert hook.settle()
    assert [event["resourceId"] for event in listener.events] == [kept["InvoiceID"]] * 2
    assert lost["InvoiceID"] not in {event["resourceId"] for event in hook.sent}
    assert listener.bad == 1
    counts = hook.counts
    assert (counts.announced, counts.dropped, counts.delivered) == (2, 1, 1)
    assert (counts.duplicated, counts.forged) == (1, 1)


def test_events_are_reordered_on_demand(subscribed: tuple[Sandbox, Listener]) -> None:
    sandbox, listener = subscribed
    sandbox.webhooks.hold()
    sandbox.webhooks.disturb("reorder")
    made = [invoice_of(sandbox)["InvoiceID"] for _ in range(8)]
    sandbox.webhooks.release()
    assert sandbox.webhooks.settle()
    delivered = [event["resourceId"] for event in listener.events]
    assert sorted(delivered) == sorted(made)
    assert delivered != made


def test_a_replaced_key_signs_what_follows(subscribed: tuple[Sandbox, Listener]) -> None:
    sandbox, listener = subscribed
    sandbox.webhooks.replace_key("the next key")
    listener.key = "the next key"
    invoice_of(sandbox)
    assert sandbox.webhooks.settle()
    assert len(listener.events) == 1


def test_the_control_api_does_the_same(
    xero_sandbox: Sandbox, listen: Callable[[str], Listener]
) -> None:
    xero_sandbox.prepare()
    control = f"{xero_sandbox.url}/sandbox/webhooks"

    def do(**deed: object) -> dict[str, Any]:
        answer = requests.post(control, json=deed, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    key = requests.get(control, timeout=10).json()["signing_key"]
    listener = listen(key)
    assert do(subscribe=listener.url, categories=["INVOICE"])["told"] == "ok"
    do(hold=True)
    do(disturb="drop", count=2)
    for _ in range(3):
        made = invoice_of(xero_sandbox)
        xero_sandbox.books.pay(xero_sandbox.tenants[0].tenant_id, made["InvoiceID"])
    do(add={"eventCategory": "NOVELTY", "eventDateUtc": "2026-02-02T09:00:00.000"})
    do(hold=False)
    assert xero_sandbox.webhooks.settle()
    report = requests.get(control, timeout=10).json()
    assert (report["status"], report["waiting"]) == ("ok", 0)
    assert (report["announced"], report["dropped"], report["delivered"]) == (7, 2, 5)
    refused = requests.post(control, json={"dance": True}, timeout=10)
    assert refused.status_code == 400
    assert "nothing to do" in refused.json()["error"]
    assert requests.delete(control, timeout=10).json()["status"] == "unsubscribed"
    invoice_of(xero_sandbox)
    assert len(listener.events) == 5
