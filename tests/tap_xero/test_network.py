"""Errors of the network name the host and the cause, whichever it is; no secret is among them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import broken_networks as broken
import pytest
import requests
from tap_xero.api import network
from tap_xero.api.client import Client
from tap_xero.api.errors import SlowAnswerError, TemporaryError
from tap_xero.api.limits import Limiter
from tap_xero.api.retries import Retries
from tap_xero.auth.token_service import TokenService
from tap_xero.auth.tokens import CommandTokens

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@contextmanager
def place(what: str, tmp_path) -> Iterator[tuple[str, dict[str, str]]]:
    """A URL behind a broken network, and variables of the environment that belong to it."""
    servers = {
        "hanging up": broken.hanging_up,
        "resetting": broken.resetting,
        "silent": broken.silent,
        "plain": broken.speaking_plainly,
        "unwilling proxy": broken.unwilling,
    }
    with ExitStack() as stack:
        if what == "unknown":
            yield f"https://{broken.UNKNOWN}", {}
        elif what in ("refusing", "refusing proxy"):
            port = stack.enter_context(broken.refusing())
            proxied = {"HTTPS_PROXY": f"http://someone:swordfish@127.0.0.1:{port}"}
            yield (
                ("https://api.xero.example", proxied)
                if "proxy" in what
                else (f"http://127.0.0.1:{port}", {})
            )
        elif what == "swallowing":
            yield f"http://127.0.0.1:{stack.enter_context(broken.swallowing())}", {}
        elif what == "own certificate":
            answer = broken.with_own_certificate(tmp_path)
            yield f"https://localhost:{stack.enter_context(broken.serving(answer))}", {}
        else:
            port = stack.enter_context(broken.serving(servers[what]))
            if "proxy" in what:
                proxied = {"HTTPS_PROXY": f"http://someone:swordfish@127.0.0.1:{port}"}
                yield "https://api.xero.example", proxied
            else:
                yield f"{'https' if what == 'plain' else 'http'}://127.0.0.1:{port}", {}


CAUSES = {
    "unknown": "its name has no address (Name or service not known)",
    "refusing": "it refused the connection",
    "swallowing": "it did not take the connection in time",
    "hanging up": "it closed the connection before its answer was whole",
    "resetting": "it closed the connection before its answer was whole",
    "own certificate": "its certificate is not trusted (self-signed certificate)",
    "plain": "TLS failed (",
    "refusing proxy": "it refused the connection",
    "unwilling proxy": "it does not let this machine through (407 Proxy Authentication Required)",
}


@pytest.fixture
def client(monkeypatch):
    """Makes the tap's own client for a URL, that tries once and waits half a second."""
    monkeypatch.setattr("tap_xero.api.client.TIMEOUT", (0.5, 0.5))
    monkeypatch.setattr("tap_xero.auth.token_service.TIMEOUT", (0.5, 0.5))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def make(url):
        return Client(
            http=requests.Session(),
            api_url=url,
            credentials=CommandTokens("echo swordfish", time),
            retries=Retries(attempts=1, slow=1),
            limiter=Limiter(None, time, warn=print),
            user_agent="test",
        )

    return make


@pytest.mark.parametrize("what", CAUSES)
def test_an_error_of_the_network_names_host_and_cause(what, client, tmp_path, monkeypatch):
    with place(what, tmp_path) as (url, variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TemporaryError) as api:
            client(url).tenants()
        with pytest.raises(TemporaryError) as identity:
            TokenService(requests.Session(), url, "app", "swordfish").client_credentials(None)
    host = url.partition("//")[2]
    for said in (str(api.value), str(identity.value)):
        assert CAUSES[what] in said
        assert host in said
        assert "swordfish" not in said
        if variables:
            assert f"by way of the proxy {variables['HTTPS_PROXY'].partition('@')[2]}" in said
    assert not isinstance(api.value, SlowAnswerError)


def test_an_answer_that_does_not_come_names_the_host_and_may_be_asked_for_smaller(client, tmp_path):
    with place("silent", tmp_path) as (url, _), pytest.raises(SlowAnswerError) as caught:
        client(url).tenants()
    assert "did not answer in 0.5 seconds" in str(caught.value)
    assert url.partition("//")[2] in str(caught.value)


def test_every_cause_of_the_table_is_tried_but_for_a_missing_route():
    tried = set(CAUSES.values())
    texts = [cause.text.partition("{")[0].partition(";")[0] for cause in network.CAUSES]
    untried = [text for text in texts if not any(each.startswith(text) for each in tried)]
    assert untried == ["there is no way to it from this machine (", "it did not answer in time"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.xero.com/api.xro/2.0/Invoices", "api.xero.com"),
        ("https://api.xero.com:443/", "api.xero.com"),
        ("http://localhost:8080/x", "localhost:8080"),
        ("http://someone:swordfish@proxy.example:3128", "proxy.example:3128"),
    ],
)
def test_a_host_is_named_without_what_is_nobody_s_business(url, host):
    assert network.host_of(url) == host
