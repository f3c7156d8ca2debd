"""Errors of the network name the host and the cause, through Databricks' own clients."""

from __future__ import annotations

from contextlib import ExitStack

import broken_networks as broken
import pytest
import requests
from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client import access as access_module
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.client.rules import Kind
from target_databricks.warehouse.client.start import check

WAREHOUSE = {"http_path": "/sql/1.0/warehouses/abc", "access_token": "swordfish"}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def reach(monkeypatch):
    """Goes to a workspace as a run does, for a second; gives what is said when that fails."""
    monkeypatch.setattr(access_module, "_CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(access_module, "_REST_SECONDS", 1)

    def reach(host):
        settings = {**WAREHOUSE, "server_hostname": host, "warehouse_timeout": 0}
        with pytest.raises(ConfigurationError) as caught:
            check(make_access(settings), Backoff(0))
        assert "swordfish" not in str(caught.value)
        return str(caught.value)

    return reach


def test_a_name_without_an_address(reach):
    said = reach(broken.UNKNOWN)
    assert f"{broken.UNKNOWN}: its name has no address (Name or service not known)" in said
    assert "'server_hostname'" in said


def test_a_port_that_refuses(reach):
    with broken.refusing() as port:
        assert f"127.0.0.1:{port}: it refused the connection" in reach(f"http://127.0.0.1:{port}")


def test_a_host_that_takes_no_connection(reach):
    with broken.swallowing() as port:
        said = reach(f"http://127.0.0.1:{port}")
    assert f"127.0.0.1:{port}: it did not answer in time; a firewall" in said


@pytest.mark.parametrize(
    ("answer", "scheme", "cause"),
    [
        (broken.hanging_up, "http", "it closed the connection before its answer was whole"),
        (broken.resetting, "http", "it closed the connection before its answer was whole"),
        (broken.speaking_plainly, "https", "TLS failed ("),
        (None, "https", "its certificate is not trusted (self-signed certificate)"),
    ],
    ids=["hanging up", "resetting", "plain", "own certificate"],
)
def test_what_happens_behind_the_first_connection(reach, tmp_path, answer, scheme, cause):
    with ExitStack() as stack:
        serve = answer or broken.with_own_certificate(tmp_path)
        port = stack.enter_context(broken.serving(serve))
        said = reach(f"{scheme}://localhost:{port}")
    assert f"localhost:{port}: {cause}" in said
    if answer is None:
        assert "REQUESTS_CA_BUNDLE" in said


@pytest.mark.parametrize("willing", [False, True])
def test_a_proxy_is_named_without_its_password(reach, monkeypatch, willing):
    with broken.serving(broken.unwilling) if willing else broken.refusing() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:swordfish@127.0.0.1:{port}")
        said = reach("dbc-1.example")
    cause = "it does not let this machine through (407" if willing else "it refused the connection"
    assert f"dbc-1.example, by way of the proxy 127.0.0.1:{port}: {cause}" in said


def test_a_host_that_says_nothing():
    with broken.serving(broken.silent) as port:
        with pytest.raises(requests.RequestException) as caught:
            requests.get(f"http://127.0.0.1:{port}/api", timeout=0.3)
        problem = classify(caught.value)
    assert problem.kind is Kind.TRANSIENT
    assert problem.reason == (
        f"127.0.0.1:{port}: it took the connection and did not answer in time"
    )


def test_what_a_server_says_is_told_as_it_is():
    """Its words may have any error of the network in their train."""
    answer = RuntimeError("[DELTA_X] Not like this. SQLSTATE: 42601")
    answer.__cause__ = ConnectionResetError("gone")
    assert classify(answer).reason == "[DELTA_X] Not like this. SQLSTATE: 42601"
