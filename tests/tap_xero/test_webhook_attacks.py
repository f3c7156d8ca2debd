"""The receiver under attack: what fails is shown and begins again, and nobody shuts Xero out.

Attacks 11 (file descriptors used up once), 12 (strangers' connections) and 13 (the inbox deleted,
renamed or replaced while it is used) of the trials.
"""

from __future__ import annotations

import http.client
import resource
import socket
from contextlib import closing
from pathlib import Path

import pytest
import requests
from tap_xero.webhooks import connections
from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.parts import Parts
from trigger_bench import wait_until
from webhook_receiving import body_of, deliver, event, signature


class Client:
    """One connection that stays open, as Xero's do."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.split("/")[2], timeout=20)

    def deliver(self, *numbers: int, signed: bool = True) -> http.client.HTTPResponse:
        body = body_of(*map(event, numbers))
        key = {} if signed else {"key": "another"}
        headers = {"x-xero-signature": signature(body, **key)}
        return self._answer("POST", "/webhooks", body, headers)

    def get(self, path: str) -> http.client.HTTPResponse:
        return self._answer("GET", path)

    def _answer(self, *request: object) -> http.client.HTTPResponse:
        self._connection.request(*request)
        answer = self._connection.getresponse()
        answer.body = answer.read()
        return answer

    @property
    def open(self) -> bool:
        return self._connection.sock is not None

    def close(self) -> None:
        self._connection.close()


def health(url: str) -> tuple[int, str]:
    answer = requests.get(f"http://{url.split('/')[2]}/healthz", timeout=20)
    return answer.status_code, answer.text


def stored_at(path: Path) -> set[str]:
    """Ids of the events that somebody who opens the inbox now finds in it."""
    with Inbox(path) as inbox:
        events = inbox.waiting({}, inbox.last_position(), most=1_000_000)
        return {each.event.resource_id for each in events}


# Attack 11 ---------------------------------------------------------------------------------


def test_attack_11_descriptors_that_are_used_up_once_end_nothing_for_good(receiver_process, bench):
    process = receiver_process("--run", bench.command, "--gather", "0.05")
    pid = process.process.pid
    first, second = Client(process.url), Client(process.url)
    assert first.deliver(1).status == second.deliver(1).status == 200
    wait_until(lambda: bench.count("ends") == 1 and bench.pending == 0)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    in_use = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
    first_free = next(each for each in range(1000) if each not in in_use)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free, before[1]))
    assert first.deliver(2).status == 200
    wait_until(lambda: "The trigger does not work" in process.log.read_text())
    with closing(socket.create_connection(("127.0.0.1", int(process.url.split("/")[2][10:])))):
        wait_until(lambda: "The listening socket does not work" in process.log.read_text())
    answer = second.get("/healthz")
    assert (answer.status, b"trigger" in answer.body) == (503, True)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    wait_until(lambda: bench.count("ends") == 2 and bench.pending == 0)
    wait_until(lambda: health(process.url) == (200, "ok\n"))


@pytest.mark.parametrize("error", [RuntimeError("a bug"), MemoryError(), SystemExit(1)])
def test_attack_11_a_trigger_that_fails_is_shown_and_begins_again(bench, monkeypatch, error):
    """Whatever the error is, the thread that raised it is not the last one."""
    errors = [error]

    def last_position(inbox: Inbox) -> int:
        if errors:
            raise errors.pop()
        return original(inbox)

    original = Inbox.last_position
    parts = Parts()
    trigger = bench.start(parts=parts)
    wait_until(lambda: trigger._look.is_set() is False)
    monkeypatch.setattr(Inbox, "last_position", last_position)
    bench.arrive(1)
    wait_until(lambda: parts.failing() == ["trigger"])
    wait_until(lambda: bench.count("ends") == 1 and bench.pending == 0)
    wait_until(lambda: parts.failing() == [])


def test_attack_11_a_writer_that_fails_is_shown_and_works_again_without_a_delivery(
    receiver, monkeypatch
):
    """A balancer that heeds `/healthz` would send no delivery that could end the failure."""
    running = receiver()
    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "add", lambda *_: [][0])
        assert deliver(running.url, body_of(event(1))).status_code == 503
        assert health(running.url) == (503, "not working: inbox writer\n")
    wait_until(lambda: health(running.url) == (200, "ok\n"))
    assert deliver(running.url, body_of(event(1))).status_code == 200
    assert len(running.stored()) == 1


def test_attack_11_a_request_that_ends_in_an_error_is_shown_for_a_minute(receiver, monkeypatch):
    now = [0.0]
    parts = Parts(lambda: now[0])
    running = receiver(parts=parts)
    with monkeypatch.context() as patch:
        patch.setattr("tap_xero.webhooks.receiver.parse", lambda body: body / 0)
        assert deliver(running.url, body_of(event(1))).status_code == 500
    assert health(running.url) == (503, "not working: web server\n")
    assert running.metrics.counted("deliveries", "error") == 1
    now[0] = 61.0
    assert health(running.url) == (200, "ok\n")


@pytest.mark.parametrize(
    ("limits", "raised", "shares"),
    [
        ((1024, 1_048_576), 2128, (1000, 1000)),
        ((65_536, 65_536), None, (1000, 1000)),
        ((1024, 1024), 1024, (448, 448)),
        ((256, -1), 2128, (1000, 1000)),
        ((-1, -1), None, (1000, 1000)),
    ],
)
def test_attack_11_connections_and_those_that_wait_fit_the_files_that_may_be_open(
    monkeypatch, limits, raised, shares
):
    sets = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: sets.append(both))
    assert connections.descriptors() == shares
    assert [soft for soft, _ in sets] == ([] if raised is None else [raised])


def test_attack_11_too_few_files_are_refused_at_the_start(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: None)
    with pytest.raises(OSError, match=r"may open 64 files here: raise the limit to 192 at least"):
        connections.descriptors()


# Attack 12 ---------------------------------------------------------------------------------


def test_attack_12_a_connection_stays_open_for_xero_alone(receiver):
    running = receiver()
    xero, stranger = Client(running.url), Client(running.url)
    assert xero.deliver(1).status == xero.deliver(2).status == 200
    assert xero.open
    assert stranger.deliver(3, signed=False).status == 401
    assert not stranger.open
    for path in ("/healthz", "/metrics", "/elsewhere"):
        stranger.get(path)
        assert not stranger.open, path
    # A proxy's connections carry both.
    assert xero.deliver(4, signed=False).status == 401
    assert not xero.open


def test_attack_12_the_oldest_stranger_goes_when_there_is_no_room(receiver, monkeypatch):
    monkeypatch.setattr(connections, "MOST", 40)
    running = receiver()
    xero = Client(running.url)
    assert xero.deliver(1).status == 200
    where = ("127.0.0.1", int(running.server.url.rpartition(":")[2]))
    strangers = [socket.create_connection(where, timeout=10) for _ in range(100)]
    newcomer = Client(running.url)
    assert newcomer.deliver(2).status == 200
    assert xero.deliver(3).status == 200
    # Those that came last are still there.
    for stranger in strangers[:60]:
        assert stranger.recv(1) == b""
    strangers[-1].setblocking(False)
    with pytest.raises(BlockingIOError):
        strangers[-1].recv(1)
    for each in (*strangers, xero, newcomer):
        each.close()


def test_attack_12_bodies_of_strangers_do_not_fill_the_memory(receiver, monkeypatch):
    """Half of one is kept for three seconds; a delivery of Xero's is small, and gets through."""
    monkeypatch.setattr("tap_xero.webhooks.receiver.CROWDED", 200_000)
    running = receiver()
    where = ("127.0.0.1", int(running.server.url.rpartition(":")[2]))
    head = b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"
    large = body_of(*map(event, range(300)))
    assert len(large) > 70_000
    with closing(socket.create_connection(where)) as stranger:
        stranger.sendall(head + b"x" * 150_000)
        wait_until(lambda: deliver(running.url, large).status_code == 503)
        assert running.metrics.counted("deliveries", "crowded") >= 1
        assert deliver(running.url, body_of(event(1))).status_code == 200
    wait_until(lambda: deliver(running.url, large).status_code == 200)


# Attack 13 ---------------------------------------------------------------------------------


def _rename(path: Path) -> None:
    for each in path.parent.glob("inbox.db*"):
        each.rename(each.with_name(f"old-{each.name}"))


def _delete(path: Path) -> None:
    for each in path.parent.glob("inbox.db*"):
        each.unlink()


def _replace(path: Path) -> None:
    other = path.with_name("other.db")
    Inbox(other).close()
    other.replace(path)


def _move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def _swap_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("third.db"))


MOVES = {
    "deleted": _delete,
    "renamed": _rename,
    "file_deleted": Path.unlink,
    "journal_deleted": lambda path: path.with_name("inbox.db-wal").unlink(),
    "index_deleted": lambda path: path.with_name("inbox.db-shm").unlink(),
    "replaced": _replace,
    "folder_moved": _move_folder,
    "link_led_elsewhere": _swap_link,
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_attack_13_what_is_answered_200_is_in_the_inbox_of_that_path(
    receiver, tmp_path, move, request
):
    path = tmp_path / "inbox.db"
    if "link" in request.node.callspec.id:
        path.symlink_to(tmp_path / "second.db")
    running = receiver()
    assert deliver(running.url, body_of(event(1))).status_code == 200
    assert health(running.url) == (200, "ok\n")
    running.inbox.close()
    move(path)
    taken = set()
    for number in range(2, 8):
        if deliver(running.url, body_of(event(number))).status_code == 200:
            taken.add(event(number)["resourceId"])
        health(running.url)
    assert event(7)["resourceId"] in taken
    assert taken <= stored_at(path)
    wait_until(lambda: health(running.url) == (200, "ok\n"))


def test_attack_13_events_of_the_new_inbox_are_fetched(bench, receiver_process):
    process = receiver_process("--run", bench.command, "--gather", "0.05")
    assert deliver(process.url, body_of(event(1))).status_code == 200
    wait_until(lambda: bench.count("ends") == 1 and bench.pending == 0)
    _rename(bench.path)
    wait_until(lambda: deliver(process.url, body_of(event(2))).status_code == 200)
    wait_until(lambda: bench.count("ends") == 2)
    told = [line["message"] for line in process.logged()]
    assert any("deleted, renamed or replaced while it was in use" in each for each in told)
    wait_until(lambda: health(process.url) == (200, "ok\n"))
