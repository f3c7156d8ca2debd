"""Credentials: which grant, when to renew, and no secret in any message."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
import requests
from tap_xero.auth import Credentials, MemoryTokenStore
from tap_xero.errors import CredentialsRefusedError, TemporaryError
from tap_xero.retries import Retries

IDENTITY = "http://identity.test"
TOKEN = f"{IDENTITY}/connect/token"
SECRETS = ("client-secret-value", "refresh-value", "access-value")


class FakeClock:
    now = 1000.0

    def monotonic(self):
        return self.now

    time = monotonic

    def sleep(self, seconds):
        self.now += seconds


def credentials(refresh_token="refresh-value", scopes=None):
    clock = FakeClock()
    store = MemoryTokenStore(refresh_token)
    made = Credentials(
        http=requests.Session(),
        identity_url=IDENTITY,
        client_id="client",
        client_secret="client-secret-value",
        store=store,
        scopes=scopes,
        clock=clock,
        retries=Retries(clock=clock, attempts=3),
    )
    return made, store, clock


def answer(number=1, **more):
    return {"access_token": f"access-value-{number}", "expires_in": 1800, **more}


def form(request):
    return {name: values[0] for name, values in parse_qs(request.text).items()}


def test_a_refresh_token_is_exchanged_and_its_successor_kept(requests_mock):
    requests_mock.post(
        TOKEN,
        [{"json": answer(1, refresh_token="next")}, {"json": answer(2, refresh_token="last")}],
    )
    made, store, clock = credentials()
    assert made.token() == "access-value-1"
    assert store.load() == "next"
    assert store.rotated
    clock.now += 1800
    assert made.token() == "access-value-2"
    first, second = requests_mock.request_history
    assert form(first) == {"grant_type": "refresh_token", "refresh_token": "refresh-value"}
    assert form(second)["refresh_token"] == "next"
    assert first.headers["Authorization"].startswith("Basic ")


def test_without_a_refresh_token_client_credentials_are_used(requests_mock):
    requests_mock.post(TOKEN, json=answer())
    made, store, _ = credentials(refresh_token=None, scopes="accounting.settings.read")
    assert made.custom_connection
    assert made.token() == "access-value-1"
    assert form(requests_mock.last_request) == {
        "grant_type": "client_credentials",
        "scope": "accounting.settings.read",
    }
    assert store.load() is None


def test_a_token_is_kept_until_five_minutes_before_its_end(requests_mock):
    requests_mock.post(TOKEN, [{"json": answer(1)}, {"json": answer(2)}])
    made, _, clock = credentials()
    made.token()
    clock.now += 1499
    assert made.token() == "access-value-1"
    clock.now += 1
    assert made.token() == "access-value-2"


def test_only_the_token_that_expired_is_forgotten(requests_mock):
    requests_mock.post(TOKEN, [{"json": answer(1)}, {"json": answer(2)}])
    made, _, _ = credentials()
    token = made.token()
    made.expired(token)
    assert made.token() == "access-value-2"
    made.expired(token)
    assert made.token() == "access-value-2"


def test_a_failing_identity_service_is_retried(requests_mock):
    requests_mock.post(
        TOKEN,
        [
            {"exc": requests.ConnectionError},
            {"status_code": 503, "text": "<html>"},
            {"json": answer()},
        ],
    )
    made, _, _ = credentials()
    assert made.token() == "access-value-1"


def test_a_lasting_failure_of_the_identity_service_ends_the_run(requests_mock):
    requests_mock.post(TOKEN, status_code=500)
    made, _, _ = credentials()
    with pytest.raises(TemporaryError, match="identity service answered 500"):
        made.token()
    assert requests_mock.call_count == 3


@pytest.mark.parametrize(
    ("refresh_token", "problem", "advice"),
    [
        ("refresh-value", "invalid_grant", "refresh_token"),
        ("refresh-value", "invalid_client", "client_id and client_secret"),
        (None, "unauthorized_client", "set refresh_token"),
        (None, "invalid_scope", "scopes"),
        (None, "something_new", "client_id"),
    ],
)
def test_refused_credentials_name_the_setting_and_no_secret(
    requests_mock, refresh_token, problem, advice
):
    requests_mock.post(TOKEN, status_code=400, json={"error": problem})
    made, _, _ = credentials(refresh_token=refresh_token)
    with pytest.raises(CredentialsRefusedError) as caught:
        made.token()
    message = str(caught.value)
    assert problem in message
    assert advice in message
    assert not [secret for secret in SECRETS if secret in message]
    assert requests_mock.call_count == 1
