"""The inbox keeps what was answered: through kills, full disks, wrong clocks, and many at once."""

from __future__ import annotations

import resource
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from tap_xero.webhooks.events import Event
from tap_xero.webhooks.inbox import SET_ASIDE_FOR, Inbox
from tap_xero.webhooks.settings import inbox_path
from webhook_receiving import TENANT, body_of, deliver, event

DAY = 86_400.0
OTHER = "22222222-2222-4222-8222-222222222222"


def made(number: int, tenant: str = TENANT, category: str = "INVOICE") -> Event:
    return Event(tenant, category, f"id-{number}", "UPDATE", f"2026-02-02T09:00:00.{number:03d}")


def ids(inbox: Inbox, positions: dict[str, int] | None = None, **options: object) -> list[str]:
    found = inbox.waiting(positions or {}, inbox.last_position(), most=1000, **options)
    return [each.event.resource_id for each in found]


class Watch:
    """A clock that somebody sets."""

    def __init__(self, now: float = 1_000_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def inbox(tmp_path):
    with Inbox(tmp_path / "inbox.db") as opened:
        yield opened


def test_what_was_answered_survives_kill_9(receiver_process, tmp_path):
    process = receiver_process()
    answered: list[int] = []
    stop = threading.Event()

    def send(first: int) -> None:
        number = first
        while not stop.is_set():
            try:
                if deliver(process.url, body_of(event(number))).status_code == 200:
                    answered.append(number)
            except requests.RequestException:
                return
            number += 4

    threads = [threading.Thread(target=send, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(answered) < 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    stop.set()
    for thread in threads:
        thread.join()
    assert len(answered) >= 200
    again = receiver_process()
    # What had been answered is there, and what was sent twice is there once.
    repeated = answered[-20:]
    for number in repeated:
        assert deliver(again.url, body_of(event(number))).status_code == 200
    again.stop()
    with Inbox(tmp_path / "inbox.db") as opened:
        stored = ids_of_all(opened)
    assert {event(number)["resourceId"] for number in answered} <= set(stored)
    assert len(stored) == len(set(stored))


def ids_of_all(inbox: Inbox) -> list[str]:
    found = inbox.waiting({}, inbox.last_position(), most=1_000_000)
    return [each.event.resource_id for each in found]


def test_a_full_disk_is_503_until_there_is_room_again(receiver_process, tmp_path):
    process = receiver_process()
    pid = process.process.pid
    # No file of the process may grow beyond this: what a full disk looks like to SQLite.
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (300_000, hard))
    statuses = []
    for number in range(400):
        events = [event(number * 100 + each) for each in range(100)]
        statuses.append(deliver(process.url, body_of(*events)).status_code)
        if statuses[-1] == 503:
            break
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert deliver(process.url, body_of()).status_code == 200, "the handshake needs no disk"
    assert deliver(process.url, b"forged", "another key").status_code == 401
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    # Xero tries again what was refused.
    assert deliver(process.url, body_of(*events)).status_code == 200
    process.stop()
    refused = [line for line in process.logged() if line["level"] == "error"]
    assert "cannot be written" in refused[0]["message"]
    with Inbox(tmp_path / "inbox.db") as opened:
        assert len(ids_of_all(opened)) == 100 * statuses.count(200) + 100


def test_a_restart_goes_on_where_it_stopped(receiver_process, tmp_path):
    first = receiver_process()
    deliver(first.url, body_of(event(1)))
    assert first.stop() == 0
    second = receiver_process()
    deliver(second.url, body_of(event(2), event(1)))
    assert second.stop() == 0
    with Inbox(tmp_path / "inbox.db") as opened:
        assert len(ids_of_all(opened)) == 2


def test_many_at_once_are_each_kept_once(receiver):
    running = receiver()
    bodies = [body_of(event(number), event(number + 1)) for number in range(300)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda body: deliver(running.url, body).status_code, bodies))
    assert answers == [200] * 300
    assert len(running.stored()) == len(set(running.stored())) == 301
    assert running.metrics.counted("events", "new") == 301


def test_order_is_that_of_arrival_whatever_the_clock_says(tmp_path):
    watch = Watch()
    with Inbox(tmp_path / "inbox.db", watch) as opened:
        for number, jump in ((1, 0.0), (2, -400 * DAY), (3, 900 * DAY)):
            watch.now += jump
            assert opened.add([made(number)]) == 1
        assert ids(opened) == ["id-1", "id-2", "id-3"]
        # Known events stay known when the clock has jumped.
        assert opened.add([made(1), made(4)]) == 1
        # Unconfirmed events are not forgotten, however old the clock makes them look.
        watch.now += 9_000 * DAY
        assert opened.forget(7 * DAY) == 0
        assert len(ids(opened)) == 4


def test_ages_are_never_negative(receiver, monkeypatch):
    running = receiver()
    deliver(running.url, body_of(event(1)))
    monkeypatch.setattr("time.time", lambda: 0.0)
    text = requests.get(f"{running.server.url}/metrics", timeout=10).text
    assert "tap_xero_webhook_oldest_pending_seconds 0.0\n" in text


def test_each_organisation_has_its_own_position(inbox):
    inbox.add([made(1), made(2, OTHER), made(3), made(4, OTHER)])
    assert ids(inbox) == ["id-1", "id-2", "id-3", "id-4"]
    assert ids(inbox, {TENANT: 1}) == ["id-2", "id-3", "id-4"]
    assert ids(inbox, {TENANT: 3, OTHER: 2}) == ["id-4"]
    assert ids(inbox, without={OTHER}) == ["id-1", "id-3"]
    assert [each.position for each in inbox.waiting({}, 3, most=2)] == [1, 2]


def test_an_event_counts_as_done_when_the_state_that_covers_it_comes_back(inbox):
    inbox.add([made(1), made(2, OTHER), made(3)])
    inbox.emitted({TENANT: 3, OTHER: 2})
    assert inbox.pending()[0] == 3, "what was only written is not confirmed"
    inbox.begin({TENANT: 1})
    assert inbox.pending()[0] == 2
    inbox.begin({TENANT: 3, OTHER: 2})
    assert inbox.pending() == (0, None)
    inbox.begin({})
    assert inbox.pending()[0] == 3, "an older state takes it back"


def test_what_a_successful_pipeline_emitted_is_confirmed(inbox):
    inbox.add([made(1), made(2)])
    inbox.begin({})
    inbox.emitted({TENANT: 1})
    inbox.confirm()
    assert inbox.pending()[0] == 1
    assert inbox.pending(through=1)[0] == 0


def test_only_what_is_confirmed_is_forgotten_and_only_after_its_time(tmp_path):
    watch = Watch()
    with Inbox(tmp_path / "inbox.db", watch) as opened:
        opened.add([made(1), made(2)])
        watch.now += 3 * DAY
        opened.add([made(3)])
        opened.begin({TENANT: 1})
        watch.now += 5 * DAY
        assert opened.forget(7 * DAY) == 1
        assert ids(opened) == ["id-2", "id-3"]
        opened.begin({TENANT: 3})
        assert opened.forget(7 * DAY) == 1
        assert ids(opened) == ["id-3"]
        # Positions go on even when everything is gone, so that no state points too far.
        assert opened.forget(0) == 1
        opened.add([made(4)])
        assert opened.last_position() == 4


def test_what_failed_is_out_of_the_way_and_goes_to_the_end_of_the_line_on_retry(inbox):
    inbox.add([made(1), made(2), made(3, OTHER, "PAYMENT"), made(4)])
    inbox.set_aside({1: "Xero has nothing there (404).", 3: "no scope"})
    assert ids(inbox) == ["id-2", "id-4"]
    assert (inbox.pending()[0], inbox.failed()) == (2, 2)
    inbox.begin({TENANT: 4, OTHER: 3})
    assert inbox.put_back(category="PAYMENT") == 1
    assert inbox.put_back(OTHER) == 0
    assert ids(inbox, {TENANT: 4, OTHER: 3}) == ["id-3"]
    assert inbox.put_back() == 1
    assert ids(inbox, {TENANT: 4, OTHER: 3}) == ["id-3", "id-1"]
    assert inbox.add([made(5)]) == 1
    assert inbox.last_position() == 7
    assert inbox.failed() == 0


def test_failures_that_nobody_puts_back_are_forgotten_in_the_end(tmp_path):
    watch = Watch()
    with Inbox(tmp_path / "inbox.db", watch) as opened:
        opened.add([made(1)])
        opened.set_aside({1: "gone"})
        opened.begin({TENANT: 1})
        watch.now += 30 * DAY
        assert (opened.forget(7 * DAY), opened.failed()) == (0, 1)
        watch.now += SET_ASIDE_FOR
        assert (opened.forget(7 * DAY), opened.failed()) == (1, 0)


def test_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "deeper" / "inbox.db"
    with Inbox(path) as opened:
        opened.add([made(1)])
        for each in path.parent.iterdir():
            assert stat.S_IMODE(each.stat().st_mode) == 0o600, each


def test_connections_of_one_process_do_not_hide_what_others_write(tmp_path):
    """Opening the inbox again must not drop the locks that keep its journal in place."""
    path = tmp_path / "inbox.db"
    with Inbox(path) as one, Inbox(path) as two:
        script = (
            "import sys; from pathlib import Path\n"
            "from tap_xero.webhooks.inbox import Inbox\n"
            "with Inbox(Path(sys.argv[1])) as inbox: inbox.stand_by(sys.argv[2])\n"
        )
        for name in ("a", "b", "c"):
            with Inbox(path) as third:
                third.add([made(ord(name))])
            subprocess.run([sys.executable, "-c", script, str(path), name], check=True, timeout=60)
            # A run that is not the one that stands by ends at once; that one is seen by all.
            for each in (one, two):
                assert not each.wait_for_release("another")
            with Inbox(path) as fourth:
                fourth.release(name)
            assert one.wait_for_release(name)
            assert two.wait_for_release(name)
        assert ids(one) == ids(two) == ["id-97", "id-98", "id-99"]


def test_a_failed_write_keeps_nothing_of_any_delivery(inbox):
    inbox.add([made(1)])
    with pytest.raises(sqlite3.Error):
        inbox.add([made(2), Event(TENANT, "INVOICE", None, "UPDATE", "x")])  # type: ignore[arg-type]
    assert ids(inbox) == ["id-1"]
    assert inbox.add([made(2)]) == 1


def test_each_app_has_an_inbox_of_its_own_beside_its_credentials(state_folder):
    first, second = ({"client_id": name, "identity_url": "https://x"} for name in ("a", "b"))
    assert inbox_path(first).parent == state_folder
    assert inbox_path(first) != inbox_path(second)
    assert str(inbox_path({"webhook_inbox_path": "some/where.db"})) == "some/where.db"
