"""Attack 15 of the trials: while somebody signs in, other pages and connections change nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import closing

import pytest
import requests
from tap_xero.api.errors import CredentialsRefusedError
from tap_xero.commands.loopback import Loopback

STATE = "the-state-that-was-sent-out"


@pytest.fixture
def loopback():
    with closing(Loopback(0, STATE)) as made:
        yield made


def address(loopback: Loopback, path: str) -> str:
    return loopback.redirect_uri.replace("localhost", "127.0.0.1").replace("/callback", path)


def visit(loopback: Loopback, query: str, path: str = "/callback") -> requests.Response:
    return requests.get(address(loopback, f"{path}?{query}"), timeout=10)


@pytest.mark.parametrize(
    "query",
    [
        "code=stolen&state=wrong",
        "code=stolen",
        "code=stolen&state=",
        "code=stolen&state=%C3%A9%00",
        f"code=stolen&state=wrong&state={STATE}",
        "error=access_denied",
        "error=access_denied&state=wrong",
        f"state={STATE}",
        "",
    ],
)
def test_attack_15_a_page_without_the_state_is_sent_away_and_the_wait_goes_on(loopback, query):
    answer = visit(loopback, query)
    assert answer.status_code == 400
    assert "goes on waiting" in answer.text
    with pytest.raises(CredentialsRefusedError, match="Nobody came back"):
        loopback.wait(0.05)
    assert visit(loopback, f"code=right&state={STATE}").status_code == 200
    assert loopback.wait(5).code(STATE) == "right"


def test_attack_15_a_refusal_with_the_state_ends_the_wait(loopback):
    answer = visit(loopback, f"error=access_denied&state={STATE}")
    assert (answer.status_code, "Access was not given" in answer.text) == (200, True)
    with pytest.raises(CredentialsRefusedError, match="access_denied"):
        loopback.wait(5).code(STATE)


def test_attack_15_other_addresses_and_methods_end_nothing(loopback):
    assert visit(loopback, f"code=c&state={STATE}", path="/elsewhere").status_code == 404
    assert requests.post(address(loopback, "/callback"), timeout=10).status_code == 501
    with pytest.raises(CredentialsRefusedError, match="Nobody came back"):
        loopback.wait(0.05)


def test_attack_15_connections_that_say_nothing_keep_nobody_waiting(loopback):
    """Browsers open them ahead of time; others may send half a request, or hang up in it."""
    port = int(address(loopback, "").rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        for number, connection in enumerate(idle):
            connection.sendall(b"GET /callback?code=x HTTP/1.1\r\n"[:number])
        idle.pop().close()
        assert visit(loopback, f"code=right&state={STATE}").status_code == 200
        assert loopback.wait(5).code(STATE) == "right"
    finally:
        for connection in idle:
            connection.close()


def test_attack_15_whoever_comes_first_with_the_state_is_the_one(loopback):
    answers = []
    threads = [
        threading.Thread(target=lambda q=query: answers.append(visit(loopback, q).status_code))
        for query in [f"code=right&state={STATE}", *["code=stolen&state=wrong"] * 10]
    ]
    for thread in threads:
        thread.start()
    assert loopback.wait(10).code(STATE) == "right"
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, *[400] * 10]
