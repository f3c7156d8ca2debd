"""Taking deliveries: what is accepted, what is refused, and what is on the disk afterwards."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress

import pytest
import requests
from tap_xero.webhooks.logs import JsonLines
from tap_xero.webhooks.metrics import Metrics
from tap_xero.webhooks.signature import SigningKeys
from webhook_receiving import KEY, body_of, deliver, event, signature
from xero_sandbox.sandbox import Sandbox


def raw(url: str, *parts: bytes, pause: float = 0.0, wait: float = 10.0) -> bytes:
    """Send bytes as they are, and give what comes until the other side closes or goes quiet."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        received = b""
        with suppress(TimeoutError):
            while piece := connection.recv(65_536):
                received += piece
        return received


def test_a_good_delivery_is_on_the_disk_and_answered_with_nothing(receiver):
    running = receiver()
    answer = deliver(running.url, body_of(event(1), event(2, eventCategory="CONTACT")))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == "0"
    assert "Set-Cookie" not in answer.headers
    assert [(category, at) for category, _, at in running.stored()] == [
        ("INVOICE", "2026-02-02T09:00:00.000"),
        ("CONTACT", "2026-02-02T09:00:00.000"),
    ]


def test_a_bad_signature_is_401_and_keeps_nothing(receiver):
    running = receiver()
    body = body_of(event(1))
    for headers in (
        {"x-xero-signature": signature(body, "another key")},
        {"x-xero-signature": signature(body)[:-1]},
        {"x-xero-signature": ""},
        {"x-xero-signature": "\xfc\xff"},
        {},
    ):
        answer = requests.post(running.url, body, headers=headers, timeout=10)
        assert (answer.status_code, answer.content) == (401, b""), headers
    assert running.stored() == []


def test_two_signatures_are_none(receiver):
    running = receiver()
    body = body_of(event(1))
    head = (
        f"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"X-Xero-Signature: {signature(body)}\r\nX-Xero-Signature: {signature(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    assert raw(running.url, head.encode() + body).startswith(b"HTTP/1.1 401")


def test_the_sandbox_s_handshake_is_passed_only_with_the_right_key(receiver, make_xero_sandbox):
    xero: Sandbox = make_xero_sandbox()
    wrong = receiver("another")
    assert xero.webhooks.subscribe(wrong.url) == "answered 401 instead of 200"
    wrong.stop()
    right = receiver(xero.webhooks.signing_key)
    assert xero.webhooks.subscribe(right.url) == "ok"
    assert right.metrics.counted("deliveries", "handshake") == 2
    assert right.metrics.counted("deliveries", "unsigned") == 2


def test_two_keys_count_while_one_replaces_the_other(receiver):
    running = receiver(f"{KEY}, the-next-key")
    assert deliver(running.url, body_of(event(1))).status_code == 200
    assert deliver(running.url, body_of(event(2)), "the-next-key").status_code == 200
    assert deliver(running.url, body_of(event(3)), "a-third-key").status_code == 401
    assert len(running.stored()) == 2


def test_keys_do_not_show_and_none_is_an_error():
    assert KEY not in repr(SigningKeys.parse(KEY))
    with pytest.raises(ValueError, match="no signing key"):
        SigningKeys.parse(" , ")


def test_an_event_is_kept_once_however_often_it_comes(receiver):
    running = receiver()
    first, later = event(1), event(1, eventDateUtc="2026-02-02T09:00:00.001")
    for events in ((first, first), (first,), (later, first)):
        assert deliver(running.url, body_of(*events)).status_code == 200
    assert len(running.stored()) == 2
    assert running.metrics.counted("events", "new") == 2
    assert running.metrics.counted("events", "received") == 5


def test_unknown_categories_and_types_are_kept_and_logged(receiver, caplog):
    running = receiver()
    novel = event(1, eventCategory="NOVELTY", eventType="MERGE", tenantType="APPLICATION")
    with caplog.at_level(logging.WARNING, "tap_xero.webhooks"):
        assert deliver(running.url, body_of(novel, event(2))).status_code == 200
    assert [category for category, _, _ in running.stored()] == ["NOVELTY", "INVOICE"]
    told = [record for record in caplog.records if "no stream is for" in record.getMessage()]
    assert [record.category for record in told] == ["NOVELTY"]


def test_entries_that_name_no_record_are_counted_and_the_others_kept(receiver):
    running = receiver()
    broken = [
        None,
        7,
        {},
        event(1, resourceId=""),
        event(2, tenantId="\x00"),
        event(3, eventDateUtc="x" * 500),
        {**event(4), "eventCategory": ["INVOICE"]},
    ]
    assert deliver(running.url, body_of(*broken, event(9))).status_code == 200
    assert len(running.stored()) == 1
    assert running.metrics.counted("events", "malformed") == len(broken)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"null",
        b'{"events": {}}',
        b'{"events": [',
        b'{"events": "\xff\xfe"}',
        b"[" * 100_000,
        b'{"events": [' + b'{"tenantId":' * 5_000,
    ],
    ids=range(9),
)
def test_what_is_signed_and_not_understood_is_counted_and_not_asked_for_again(receiver, body):
    running = receiver()
    answer = deliver(running.url, body)
    assert (answer.status_code, answer.content) == (200, b"")
    assert running.metrics.counted("deliveries", "not_understood") == 1
    assert deliver(running.url, body_of(event(1))).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"])
def test_only_post_is_taken(receiver, method):
    running = receiver()
    answer = requests.request(method, running.url, data=body_of(event(1)), timeout=10)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert running.stored() == []


def test_other_paths_are_404(receiver):
    running = receiver()
    for path in ("/", "/webhooks//", "/webhooks/../etc/passwd", "/%00", "/metrics/x"):
        assert deliver(running.server.url + path, body_of(event(1))).status_code == 404
    assert running.stored() == []


def test_the_path_may_end_with_a_slash(receiver):
    """Kind 21: the address in the portal was typed with one, and the handshake failed."""
    running = receiver()
    assert deliver(f"{running.url}/", body_of(event(1))).status_code == 200
    assert deliver(f"{running.url}/", body_of(), key="another").status_code == 401
    assert len(running.stored()) == 1


def test_large_bodies_are_refused_before_they_are_read(receiver):
    running = receiver()
    head = b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
    assert raw(running.url, head).startswith(b"HTTP/1.1 413")
    chunked = b"POST /webhooks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    try:
        answer = raw(running.url, chunked, *[chunk] * 40)
    except (BrokenPipeError, ConnectionResetError):
        answer = b"HTTP/1.1 413"  # it did not even wait for the rest
    assert answer.startswith(b"HTTP/1.1 413")
    assert running.metrics.counted("deliveries", "too_large") == 2


def test_slow_bodies_are_given_up(receiver):
    running = receiver(body_within=0.2)
    head = b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
    started = time.monotonic()
    assert raw(running.url, head, b"{").startswith(b"HTTP/1.1 408")
    assert time.monotonic() - started < 5
    assert running.metrics.counted("deliveries", "too_slow") == 1


def test_slow_headers_are_given_up(receiver, monkeypatch):
    monkeypatch.setattr("tap_xero.webhooks.connections.Connection.headers_within", 0.2)
    running = receiver()
    for part in (b"POST /webhooks HTTP/1.1\r\nHost: ", b""):
        started = time.monotonic()
        assert raw(running.url, part) == b""
        assert time.monotonic() - started < 5
    body = body_of(event(1))
    good = (
        f"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"X-Xero-Signature: {signature(body)}\r\n\r\n"
    ).encode() + body
    # A second request on the same connection is waited for no longer than the first.
    answer = raw(running.url, good, b"POST ", pause=0.05)
    assert answer.count(b"HTTP/1.1 200") == 1


def test_clients_that_do_nothing_do_not_keep_others_waiting(receiver):
    running = receiver()
    host, port = running.server.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        for number, connection in enumerate(idle):
            connection.sendall(b"POST /webhooks HTTP/1.1\r\nContent-Length: 100\r\n\r\n"[:number])
        started = time.monotonic()
        assert deliver(running.url, body_of(event(1))).status_code == 200
        assert time.monotonic() - started < 2
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /webhooks HTTP/9.9\r\n\r\n",
        b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /webhooks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabcd",
        b"POST /webhooks HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"POST /webhooks HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
        b"POST http://x/webhooks HTTP/1.1\r\nHost: x\r\n Content-Length: 4\r\n\r\n",
    ],
    ids=["tls", "version", "negative", "twice", "coding", "huge", "colon", "folded"],
)
def test_tricks_with_headers_are_refused_and_harm_nobody(receiver, head):
    running = receiver()
    try:
        answer = raw(running.url, head, wait=2)
    except ConnectionResetError:
        answer = b""
    assert answer[:10] in (b"", b"HTTP/1.1 4", b"HTTP/1.1 5")
    assert running.stored() == []
    assert deliver(running.url, body_of(event(1))).status_code == 200


def test_a_body_that_is_cut_off_is_not_taken(receiver):
    running = receiver()
    body = body_of(event(1))
    host, port = running.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = (
            f"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            f"X-Xero-Signature: {signature(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:-5])
    deadline = time.monotonic() + 10
    while not running.metrics.counted("deliveries", "cut") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running.metrics.counted("deliveries", "cut") == 1
    assert running.stored() == []


def test_health_and_figures(receiver):
    running = receiver()
    health = requests.get(f"{running.server.url}/healthz", timeout=10)
    assert (health.status_code, health.text) == (200, "ok\n")
    deliver(running.url, body_of(event(1), event(2)))
    deliver(running.url, body_of(event(1)), "another key")
    answer = requests.get(f"{running.server.url}/metrics", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    figures = {name: float(figure) for name, figure in (line.rsplit(" ", 1) for line in lines)}
    assert figures['tap_xero_webhook_deliveries_total{result="stored"}'] == 1
    assert figures['tap_xero_webhook_deliveries_total{result="unsigned"}'] == 1
    assert figures['tap_xero_webhook_events_total{kind="new"}'] == 2
    assert figures["tap_xero_webhook_pending_events"] == 2
    assert 0 <= figures["tap_xero_webhook_oldest_pending_seconds"] < 60


def test_figures_have_the_names_and_types_that_dashboards_rely_on():
    metrics = Metrics()
    for name, label in (("events", "new"), ("unknown_category_events", "BILL"), ("runs", "failed")):
        metrics.count(name, label)
    lines = metrics.text().splitlines()
    types = dict(line.split()[2:] for line in lines if line.startswith("# TYPE"))
    assert types == {
        "tap_xero_webhook_deliveries_total": "counter",
        "tap_xero_webhook_events_total": "counter",
        "tap_xero_webhook_unknown_category_events_total": "counter",
        "tap_xero_webhook_runs_total": "counter",
        "tap_xero_webhook_pending_events": "gauge",
        "tap_xero_webhook_failed_events": "gauge",
        "tap_xero_webhook_oldest_pending_seconds": "gauge",
        "tap_xero_webhook_last_run_seconds": "gauge",
        # A sum that only grows is none of its own, but half of a summary.
        "tap_xero_webhook_answer_seconds": "summary",
    }
    names = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert names == {
        *(name for name in types if name != "tap_xero_webhook_answer_seconds"),
        "tap_xero_webhook_answer_seconds_sum",
        "tap_xero_webhook_answer_seconds_count",
    }


def test_nothing_of_a_request_is_logged_but_size_result_and_number_of_events(receiver, caplog):
    running = receiver()
    secret = "INV-0001-of-somebody"
    with caplog.at_level(logging.DEBUG):
        deliver(running.url, body_of(event(1, resourceId=secret)), **{"X-Secret": secret})
        deliver(running.url, body_of(event(1, resourceId=secret)), "another key")
        requests.get(f"{running.url}?{secret}", timeout=10)
        running.stop()
    ours = [record for record in caplog.records if record.name.startswith("tap_xero")]
    assert [
        (record.result, record.bytes > 0, record.events)
        for record in ours
        if record.msg == "request"
    ] == [("stored", True, 1), ("unsigned", True, 0), ("wrong_method", False, 0)]
    formatted = "\n".join(map(JsonLines().format, ours))
    assert secret not in formatted
    assert signature(body_of(event(1, resourceId=secret))) not in formatted
    assert KEY not in formatted


def test_it_listens_on_loopback_unless_told_otherwise(receiver_process):
    assert receiver_process().url.startswith("http://127.0.0.1:")


def test_a_graceful_stop_finishes_what_is_under_way(receiver):
    running = receiver()
    answers = []

    def send(number):
        # Who comes too late is not answered, and sends it again later.
        with suppress(requests.ConnectionError):
            answers.append(deliver(running.url, body_of(event(number))))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    while not running.metrics.counted("events", "new"):
        time.sleep(0.001)
    running.server.stop()
    for thread in threads:
        thread.join()
    taken = [answer for answer in answers if answer.status_code == 200]
    assert len(running.stored()) >= len(taken) > 0
