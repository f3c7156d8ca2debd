"""The one port: TLS and plain HTTP, connections that are reset, calls that wait; without Spark."""

from __future__ import annotations

import gc
import http.client
import os
import socket
import ssl
import threading
import time
from typing import ClassVar

import pytest
import requests
from databricks_sandbox.clock import ManualClock
from databricks_sandbox.faults import Fault
from databricks_sandbox.garbage import THREAD, GarbageCollector
from databricks_sandbox.sandbox import Sandbox

PATH = "/Volumes/main/default/v/file.bin"


@pytest.fixture(scope="module")
def _running(tmp_path_factory):
    with Sandbox(clock=ManualClock(), folder=tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def sandbox(_running):
    _running.volumes.create(("main", "default", "v"), None)
    yield _running
    _running.volumes.drop(("main", "default", "v"))
    _running.reset()


@pytest.fixture(params=["http", "https"])
def base(request, sandbox, monkeypatch):
    """Plain HTTP, then TLS, on the same port."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.ca_file))
    return f"{request.param}://127.0.0.1:{sandbox.port}"


def open_connection(sandbox, base):
    if base.startswith("https"):
        context = ssl.create_default_context(cafile=sandbox.ca_file)
        return http.client.HTTPSConnection("127.0.0.1", sandbox.port, timeout=20, context=context)
    return http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)


def get_clock(connection):
    connection.request("GET", "/sandbox/clock")
    return connection.getresponse().read()


def test_tls_and_plain_connections_live_side_by_side_on_one_port(sandbox):
    plain, tls = (open_connection(sandbox, kind) for kind in ("http", "https"))
    for _ in range(3):
        # The socket is the same every time: both connections are kept alive.
        assert get_clock(plain) == get_clock(tls)
        first = plain.sock.getsockname(), tls.sock.getsockname()
    assert (plain.sock.getsockname(), tls.sock.getsockname()) == first
    assert tls.sock.version().startswith("TLS")
    plain.close()
    tls.close()


def test_urls_are_of_the_scheme_that_the_client_came_with(base):
    found = requests.get(f"{base}/.well-known/databricks-config", timeout=10).json()
    assert found["oidc_endpoint"] == f"{base}/oidc"


def test_a_first_byte_that_comes_late_is_waited_for(sandbox):
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as slow:
        time.sleep(0.2)
        # Nobody else waits for it.
        assert requests.get(f"{sandbox.url}/sandbox/clock", timeout=10).status_code == 200
        slow.sendall(b"GET /sandbox/clock HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 200")


def test_a_client_that_does_not_trust_the_certificate_harms_nobody(sandbox):
    with (
        socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(connection, server_hostname="127.0.0.1")
    assert requests.get(f"{sandbox.url}/sandbox/clock", timeout=10).status_code == 200


def test_a_cut_is_a_reset_and_the_next_connection_works(sandbox, base):
    fault = sandbox.faults.add(Fault("token", "cut"))
    connection = open_connection(sandbox, base)
    get_clock(connection)
    connection.request("POST", "/oidc/v1/token", "grant_type=client_credentials")
    # Below TLS, which makes an end of its own of it.
    with socket.socket(fileno=os.dup(connection.sock.fileno())) as raw:
        raw.settimeout(20)
        with pytest.raises(ConnectionResetError):
            raw.recv(1)
    connection.close()
    assert fault.happened == 1
    again = requests.post(f"{base}/oidc/v1/token", data={}, timeout=10)
    assert (again.status_code, again.json()["error"]) == (400, "unsupported_grant_type")


def test_an_upload_is_reset_in_the_middle_and_stored_when_it_comes_again(sandbox, base):
    content = bytes(5_000_000)
    sandbox.faults.add(Fault("upload", "cut", after_bytes=100_000))
    url = sandbox.volumes.sign("PUT", PATH, base)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.put(url, data=content, timeout=20)
    assert not sandbox.volumes.local(PATH).exists()
    assert [(one.operation, one.size) for one in sandbox.log.stagings] == [("PUT failed", 100_000)]
    assert requests.put(url, data=content, timeout=20).status_code == 200
    assert sandbox.volumes.local(PATH).read_bytes() == content


def test_files_of_many_megabytes_in_pieces_and_a_look_at_their_head(sandbox, base):
    pieces = [bytes([number]) * 1_000_000 for number in range(20)]
    bearer = {"Authorization": f"Bearer {sandbox.admin.access_token}"}
    # A body without a length goes up in chunks.
    sent = requests.put(sandbox.volumes.sign("PUT", PATH, base), data=iter(pieces), timeout=60)
    assert sent.status_code == 200
    head = requests.head(f"{base}/api/2.0/fs/files{PATH}", headers=bearer, timeout=60)
    assert (head.headers["Content-Length"], head.content) == ("20000000", b"")
    part = requests.get(
        f"{base}/api/2.0/fs/files{PATH}", headers={**bearer, "Range": "bytes=999999-1000000"},
        timeout=60,
    )  # fmt: skip
    assert (part.status_code, part.content) == (206, b"\x00\x01")
    got = requests.get(sandbox.volumes.sign("GET", PATH, base), timeout=60)
    assert got.content == b"".join(pieces)
    assert requests.delete(sandbox.volumes.sign("REMOVE", PATH, base), timeout=10).content == b""


def test_an_answer_before_the_body_was_read_leaves_the_connection_usable(sandbox):
    with requests.Session() as session:
        wrong = session.put(f"{sandbox.url}/staging{PATH}", data=bytes(3_000_000), timeout=20)
        assert wrong.status_code == 403
        assert session.get(f"{sandbox.url}/sandbox/clock", timeout=10).status_code == 200


def test_a_refusal_of_two_lines_is_one_line_in_its_header(sandbox):
    answer = requests.get(
        f"{sandbox.url}/api/2.0/fs/files{PATH}",
        headers={"Authorization": f"Bearer {sandbox.nobody.access_token}"},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert "privileges: User does not" in answer.headers["X-Thriftserver-Error-Message"]


def test_calls_that_wait_do_not_keep_others_waiting(sandbox):
    waiting = 60
    sandbox.faults.add(Fault("token", "delay", seconds=1.0, times=None))
    threads = [
        threading.Thread(
            target=requests.post,
            args=(f"{sandbox.url}/oidc/v1/token",),
            kwargs={"data": {}, "timeout": 30},
        )
        for _ in range(waiting)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    while sandbox.faults.planned()[0]["happened"] < waiting:
        time.sleep(0.01)
    assert requests.get(f"{sandbox.url}/sandbox/clock", timeout=10).status_code == 200
    quick = time.monotonic() - began
    for thread in threads:
        thread.join()
    assert quick < time.monotonic() - began
    assert time.monotonic() - began < waiting * 1.0 / 4


def test_it_listens_on_loopback_only_and_frees_its_port(tmp_path):
    with Sandbox(folder=tmp_path / "one") as first:
        port = first.port
        assert first._server._socket.getsockname()[0] == "127.0.0.1"
        with pytest.raises(OSError, match="in use"):
            Sandbox(folder=tmp_path / "two", port=port)
        connection = open_connection(first, "http")
        get_clock(connection)
        began = time.monotonic()
    # A connection that is kept alive does not hold up the end.
    assert time.monotonic() - began < 5
    connection.close()
    with Sandbox(folder=tmp_path / "three", port=port) as third:
        assert requests.get(f"{third.url}/sandbox/clock", timeout=10).status_code == 200


class Forgotten:
    """Something that only the garbage collector can clear away, which notes where it does."""

    threads: ClassVar[set[str]] = set()

    def __init__(self):
        self.itself = self

    def __del__(self):
        self.threads.add(threading.current_thread().name)


def test_garbage_is_never_collected_by_the_thread_that_serves(sandbox, base):
    """A forgotten connection of the connector ends its session then, and would wait for itself."""
    Forgotten.threads.clear()
    connection = open_connection(sandbox, base)
    end = time.monotonic() + 20
    while not Forgotten.threads and time.monotonic() < end:
        for _ in range(1000):
            Forgotten()
        get_clock(connection)
    connection.close()
    assert Forgotten.threads == {THREAD}


def test_garbage_is_collected_as_ever_when_the_last_sandbox_has_stopped():
    collector = GarbageCollector()
    enabled = gc.isenabled()
    gc.enable()
    try:
        collector.start()
        collector.start()
        assert not gc.isenabled()
        collector.stop()
        assert not gc.isenabled()
        collector.stop()
        assert gc.isenabled()
    finally:
        (gc.enable if enabled else gc.disable)()
