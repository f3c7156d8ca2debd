"""Attack 17 of the trials: control calls of web pages are refused, tokens are given for tokens.

Without Spark: the control calls on the server that serves them, with an identity service.
"""

from __future__ import annotations

import http.client
import json

import pytest
from databricks_sandbox.app import control
from databricks_sandbox.clock import OffsetClock
from databricks_sandbox.identity import Identity
from databricks_sandbox.server import Server
from starlette.applications import Starlette
from starlette.routing import Route

DETAILS = {"catalog": "main", "access_token": "of-the-admin"}


@pytest.fixture
def identity():
    return Identity(OffsetClock())


@pytest.fixture
def call(tmp_path, identity):
    """A function that makes a control call; gives status and content."""
    calls = {
        **control.detail_calls(lambda: DETAILS),
        **control.clock_calls(OffsetClock()),
        **control.principal_calls(identity),
    }
    answer = control.Control(calls, identity.is_admin).answer
    methods = ["GET", "POST", "DELETE"]
    server = Server(
        Starlette(routes=[Route("/sandbox/{path:path}", answer, methods=methods)]), tmp_path, 0
    )
    server.start()

    def make(method: str, path: str, body: object = None, **headers: str):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/sandbox/{path}", json.dumps(body or {}), sent)
        received = connection.getresponse()
        content = json.loads(received.read())
        connection.close()
        return received.status, content

    make.port = server.port
    yield make
    server.stop()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": ""},
    ],
)
def test_attack_17_control_calls_of_web_pages_change_nothing(call, headers):
    before = call("GET", "clock")[1]
    status, content = call("POST", "clock", {"seconds": 3600}, **headers)
    assert (status, content["error_code"]) == (403, "PERMISSION_DENIED")
    assert "this machine" in content["message"] or "other origins" in content["message"]
    assert call("GET", "clock")[1]["now"] - before["now"] < 3600


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "localhost:12345"])
def test_attack_17_programs_of_this_machine_are_served_by_any_of_its_names(call, host):
    assert call("POST", "clock", {"seconds": 1}, Host=host)[0] == 200
    assert call("POST", "clock", {"seconds": 1}, Host=host, Origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "details", None), ("POST", "principals", {"display_name": "other", "admin": True})],
)
def test_attack_17_who_wants_tokens_brings_the_admins(call, identity, method, path, body):
    admin = identity.add_user("admin@example.com", admin=True)
    nobody = identity.add_user("nobody@example.com")
    for token in ("", "Bearer ", f"Bearer {nobody.access_token}", admin.access_token, "Bearer x"):
        status, content = call(method, path, body, Authorization=token)
        assert (status, content["error_code"]) == (401, "UNAUTHENTICATED")
        assert "of-the-admin" not in str(content)
    status, content = call(method, path, body, Authorization=f"Bearer {admin.access_token}")
    assert status == 200
    assert content["access_token"]
