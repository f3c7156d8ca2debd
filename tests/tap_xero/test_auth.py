"""Credentials: which grant, when to renew, and no secret in any message."""

from __future__ import annotations

import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest
import requests
from tap_xero.api.errors import CredentialsRefusedError, TokenServiceDownError
from tap_xero.api.retries import Retries
from tap_xero.auth.store import MemoryStore
from tap_xero.auth.token_service import TokenService
from tap_xero.auth.tokens import CommandTokens, Credentials

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


def credentials(refresh_token="refresh-value", scopes=None, store=None, secret=SECRETS[0]):
    clock = FakeClock()
    store = store or MemoryStore()
    made = Credentials(
        service=TokenService(requests.Session(), IDENTITY, "client", secret),
        store=store,
        client_id="client",
        seed=refresh_token,
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
    assert store.load().refresh_token == "next"
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
    made.reject(token)
    assert made.token() == "access-value-2"
    made.reject(token)
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
    with pytest.raises(TokenServiceDownError, match="identity service answered 500"):
        made.token()
    assert requests_mock.call_count == 3


@pytest.mark.parametrize(
    ("refresh_token", "problem", "advice"),
    [
        ("refresh-value", "invalid_grant", "tap-xero-login"),
        ("refresh-value", "invalid_client", "client_id and client_secret"),
        (None, "unauthorized_client", "tap-xero-login"),
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


def test_the_token_of_the_config_is_a_seed_and_the_store_knows_better(requests_mock):
    requests_mock.post(
        TOKEN,
        [{"json": answer(n, refresh_token=f"refresh-{n}")} for n in range(1, 4)],
    )
    store = MemoryStore()
    credentials(store=store)[0].token()
    for _ in range(2):
        later, _, clock = credentials(store=store)
        clock.now = store.load().expires
        later.token()
    sent = [form(each)["refresh_token"] for each in requests_mock.request_history]
    assert sent == ["refresh-value", "refresh-1", "refresh-2"]


def test_another_process_uses_the_access_token_that_is_kept(requests_mock):
    requests_mock.post(TOKEN, [{"json": answer(1)}, {"json": answer(2)}])
    store = MemoryStore()
    first, _, _ = credentials(store=store)
    second, _, _ = credentials(store=store)
    assert first.token() == second.token() == "access-value-1"
    second.reject("access-value-1")
    assert second.token() == "access-value-2"
    first.reject("access-value-1")
    assert first.token() == "access-value-2"
    assert requests_mock.call_count == 2


def test_many_threads_cause_one_renewal(requests_mock):
    requests_mock.post(TOKEN, json=answer(1, refresh_token="next"))
    made, _, _ = credentials()
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: made.token(), range(64))) == {"access-value-1"}
    assert requests_mock.call_count == 1


def test_an_app_without_a_secret_names_itself_in_the_form(requests_mock):
    requests_mock.post(TOKEN, json=answer(1, refresh_token="next"))
    credentials(secret=None)[0].token()
    assert form(requests_mock.last_request)["client_id"] == "client"
    assert "Authorization" not in requests_mock.last_request.headers


def test_a_token_that_was_not_kept_is_not_used(requests_mock):
    requests_mock.post(TOKEN, json=answer(1, refresh_token="next"))
    store = MemoryStore()
    made, _, _ = credentials(store=store)

    def full(kept):
        raise OSError("disk full")

    store.save = full
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            made.token()
    assert {form(each)["refresh_token"] for each in requests_mock.request_history} == {
        "refresh-value"
    }


def command(tmp_path, body):
    script = tmp_path / "broker.py"
    script.write_text(body)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"


@pytest.mark.parametrize(
    "printed", ["access-value", '{"access_token": "access-value", "expires_in": 1800}']
)
def test_a_broker_command_gives_access_tokens(tmp_path, printed):
    made = CommandTokens(command(tmp_path, f"print({printed!r})"), FakeClock())
    assert made.token() == "access-value"


def test_a_broker_command_is_asked_again_when_its_token_ends(tmp_path):
    body = (
        "import json, pathlib\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "number = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(number))\n"
        "print(json.dumps({'access_token': f'token-{number}', 'expires_in': 1800}))\n"
    )
    clock = FakeClock()
    made = CommandTokens(command(tmp_path, body), clock)
    assert [made.token(), made.token()] == ["token-1", "token-1"]
    clock.now += 1500
    assert made.token() == "token-2"
    made.reject("token-2")
    assert made.token() == "token-3"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("print()", "printed no token"),
        ("print('two words')", "printed no token"),
        ("print('{broken')", "printed no token"),
    ],
)
def test_a_broker_command_that_gives_none_is_named(tmp_path, body, problem):
    made = CommandTokens(command(tmp_path, body), FakeClock())
    with pytest.raises(CredentialsRefusedError, match=problem) as caught:
        made.token()
    assert "access_token_command" in str(caught.value)


def test_a_broker_that_repeats_an_expired_token_is_named(tmp_path):
    made = CommandTokens(command(tmp_path, "print('access-value')"), FakeClock())
    made.reject(made.token())
    with pytest.raises(CredentialsRefusedError, match="again") as caught:
        made.token()
    assert "access-value" not in str(caught.value)


def test_a_broker_gives_the_tokens_of_a_run(xero_sandbox, run_tap, selecting, tmp_path):
    """No client, no secret and no store of ours; every organisation of the broker's consent."""
    broker = command(tmp_path, f"print({xero_sandbox.access_token()!r})")
    settings = dict.fromkeys(("client_id", "client_secret", "refresh_token"), "")
    run = run_tap(
        xero_sandbox, catalog=selecting("organisations"), access_token_command=broker, **settings
    )
    assert run.error is None
    assert len(run.records["organisations"]) == 2
    assert xero_sandbox.calls.of("connect/token") == []


def test_a_token_that_expires_in_the_middle_of_a_run_is_renewed_once_for_all_calls(
    xero_sandbox, run_tap, selecting, small_pages
):
    small_pages(9)
    xero_sandbox.hooks.after_page("Invoices", 2, xero_sandbox.identity.expire_access_tokens)
    run = run_tap(xero_sandbox, catalog=selecting("invoices", "payments", "contacts"))
    assert run.error is None
    assert run.remarks == []
    assert xero_sandbox.calls.of(status=401) != []
    assert len(xero_sandbox.calls.of("connect/token")) == 2


def test_fresh_tokens_that_xero_calls_expired_end_the_run(xero_sandbox, run_tap, selecting):
    xero_sandbox.faults.add("token_expired", path="Accounts", count=None)
    run = run_tap(xero_sandbox, catalog=selecting("accounts", "invoices"))
    assert type(run.error) is CredentialsRefusedError
    assert "clock" in str(run.error)
