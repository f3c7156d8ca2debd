"""The commands beside the tap, as processes, against the sandbox."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from tap_xero.auth.store import open_store
from tap_xero.auth.stored_tokens import StoredTokens
from tap_xero.commands.check import refresh_token_line, scope_rows
from tap_xero.commands.login import default_scopes
from tap_xero.settings import problems

FOLDER = Path(sys.executable).parent
BROWSER = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode(), file=sys.stderr)
"""


@pytest.fixture
def sandbox(make_xero_sandbox):
    return make_xero_sandbox(organisations=2, invoices=2, auto_approve=True, granular_only=True)


@pytest.fixture
def config(sandbox, config_of, tmp_path):
    made = config_of(sandbox, login_url=sandbox.url, credential_store=str(tmp_path / "tokens"))
    del made["refresh_token"]
    return made


@pytest.fixture
def command(tmp_path):
    def start(name, config, *arguments, **env):
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "browser.py").write_text(BROWSER)
        clean = {name: value for name, value in os.environ.items() if "TAP_XERO" not in name}
        return subprocess.Popen(
            [FOLDER / f"tap-xero-{name}", "--config", tmp_path / "config.json", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **clean,
                "BROWSER": f"{sys.executable} {tmp_path / 'browser.py'} %s",
                **env,
            },
        )

    def run(*arguments, **options):
        process = start(*arguments, **options)
        output, log = process.communicate(timeout=60)
        return process.returncode, output, log

    run.start = start
    return run


def kept(config):
    return open_store(config, lambda _: None).load()


def test_signing_in_with_a_browser_keeps_the_tokens(command, config, sandbox):
    code, output, log = command("login", config, "--port", "0")
    assert code == 0, log
    assert "You can close this page" in log
    for tenant in sandbox.tenants:
        assert f"{tenant.tenant_id}  {tenant.name}" in output
    assert set(default_scopes().split()) == set(kept(config).scopes)
    assert kept(config).refresh_token not in output + log
    assert config["client_secret"] not in output + log


def test_an_app_without_a_secret_can_sign_in_and_stay_signed_in(command, config, sandbox):
    with_secret = dict(config)
    del config["client_secret"]
    code, _, log = command("login", config, "--port", "0")
    assert code == 0, log
    first = kept(config).refresh_token
    sandbox.identity.expire_access_tokens()
    code, output, log = command("tenants", config)
    assert code == 0, log
    assert sandbox.tenants[0].name in output
    assert kept(config).refresh_token not in {first, ""}
    # The tokens of an app that has a secret are not renewed without it.
    assert command("login", with_secret, "--port", "0")[0] == 0
    sandbox.identity.expire_access_tokens()
    code, _, log = command("tenants", config)
    assert code == 1
    assert "invalid_client" in log


def link_in(process) -> str:
    while line := process.stderr.readline():
        if line.startswith("http"):
            return line.strip()
    return ""


def test_signing_in_on_a_server_takes_the_pasted_address(command, config):
    process = command.start("login", config, "--no-browser")
    link = link_in(process)
    asked = parse_qs(urlsplit(link).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert re.fullmatch(r"http://localhost:\d+/callback", asked["redirect_uri"][0])
    answer = requests.get(link, allow_redirects=False, timeout=10)
    output, log = process.communicate(answer.headers["Location"] + "\n", timeout=60)
    assert process.returncode == 0, log
    assert "organisation" in output
    assert kept(config).refresh_token


def test_signing_in_without_a_terminal_and_without_an_answer_says_where_to_paste(command, config):
    code, output, log = command("login", config, "--no-browser")
    assert code == 1
    assert output == ""
    assert "http" in log
    last = log.splitlines()[-1]
    assert "There is no terminal to paste the address into" in last
    assert "mkfifo answer" in last
    assert "Traceback" not in log
    assert "Warning" not in log
    assert kept(config) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda url: url.replace("state=", "state=x"), "state differs"),
        (lambda url: re.sub("code=[^&]*", "error=access_denied", url), "access_denied"),
        (lambda url: re.sub("code=[^&]*&?", "", url), "no code"),
        (lambda url: url.replace("code=", "code=x"), "invalid_grant"),
    ],
)
def test_a_wrong_address_is_refused_in_one_line(command, config, change, problem):
    process = command.start("login", config, "--no-browser")
    answer = requests.get(link_in(process), allow_redirects=False, timeout=10)
    _, log = process.communicate(change(answer.headers["Location"]) + "\n", timeout=60)
    assert process.returncode == 1
    assert problem in log
    assert "Traceback" not in log
    assert kept(config) is None


def test_signing_in_again_replaces_a_damaged_store(command, config):
    Path(config["credential_store"]).write_text("nonsense")
    code, _, log = command("login", config, "--port", "0")
    assert code == 0
    assert "is damaged" in log
    assert kept(config).refresh_token


STORES = pytest.mark.parametrize(
    "named",
    [
        pytest.param(False, id="the default store"),
        # Each of these runs starts the command five times.
        pytest.param(True, id="a store of its own", marks=pytest.mark.stress),
    ],
)


@pytest.fixture
def two_users(sandbox):
    """Refresh tokens of two users, each with one organisation."""
    return [sandbox.identity.another_consent([tenant.tenant_id]) for tenant in sandbox.tenants]


@STORES
def test_signing_in_with_a_seed_in_the_settings_is_what_the_seed_means_from_then_on(
    command, config, sandbox, two_users, named
):
    config = {**config, "refresh_token": two_users[0]}
    if not named:
        del config["credential_store"]
    code, output, _ = command("tenants", config)
    assert (code, len(output.splitlines())) == (0, 2)
    code, output, log = command("login", config, "--port", "0")
    assert code == 0, log
    assert "another refresh_token" not in log
    for _ in range(2):
        sandbox.identity.expire_access_tokens()
        sandbox.clock.advance(31 * 60)
        code, output, log = command("tenants", config)
        assert code == 0, log
        assert len(output.splitlines()) == 3, "both organisations of the consent"


def test_signing_in_beside_another_pipeline_leaves_its_tokens_alone(
    command, config, sandbox, two_users
):
    del config["credential_store"]
    first, second = ({**config, "refresh_token": seed} for seed in two_users)
    assert command("tenants", first)[0] == 0
    code, _, log = command("login", second, "--port", "0")
    assert code == 0, log
    assert "another refresh_token" not in log
    for settings, organisations in ((first, 1), (second, 2)):
        sandbox.identity.expire_access_tokens()
        sandbox.clock.advance(31 * 60)
        code, output, log = command("tenants", settings)
        assert code == 0, log
        assert len(output.splitlines()) == 1 + organisations


@STORES
def test_signing_in_over_the_tokens_of_a_seed_says_so_and_the_seed_does_not_get_the_new_ones(
    command, config, sandbox, two_users, named
):
    if not named:
        del config["credential_store"]
    seeded = {**config, "refresh_token": two_users[0]}
    assert command("tenants", seeded)[0] == 0
    code, output, log = command("login", config, "--port", "0")
    assert code == 0, log
    assert log.index("come from another refresh_token") < log.index("Your browser opens")
    sandbox.identity.expire_access_tokens()
    sandbox.clock.advance(31 * 60)
    code, output, log = command("tenants", seeded)
    assert (code, output) == (1, "")
    assert "take refresh_token out of the settings" in log
    code, output, log = command("tenants", config)
    assert code == 0, log
    assert len(output.splitlines()) == 3


@pytest.mark.parametrize("config", [{}, {"client_id": "c", "sandbox": {}}])
def test_there_must_be_something_to_sign_in_to(command, config):
    code, _, log = command("login", config)
    assert code == 1
    assert "Setting" in log
    assert "Traceback" not in log


def test_tenants_lists_what_is_connected(command, config, sandbox):
    code, output, log = command("tenants", {**config, "refresh_token": sandbox.refresh_token})
    assert code == 0, log
    lines = output.splitlines()
    assert lines[0].split() == ["tenant", "id", "organisation"]
    assert [line.split(maxsplit=1) for line in lines[1:]] == [
        [tenant.tenant_id, tenant.name] for tenant in sandbox.tenants
    ]


def test_the_environment_configures_the_commands(command, config, sandbox):
    code, output, _ = command("tenants", config, TAP_XERO_REFRESH_TOKEN=sandbox.refresh_token)
    assert code == 0
    assert sandbox.tenants[0].name in output


def test_check_says_in_one_screen_what_works(command, config, make_xero_sandbox, config_of):
    sandbox = make_xero_sandbox(
        organisations=2, invoices=2, auto_approve=True, journals=False, limits=True
    )
    config = {**config, **config_of(sandbox, login_url=sandbox.url)}
    assert command("login", config, "--port", "0")[0] == 0
    code, output, log = command("check", config)
    assert code == 0, log
    assert "good until" in output
    assert re.search(
        r"not granted +accounting.journals.read \(skipped: journals, journals_cash\)", output
    )
    assert config["credential_store"] in output
    assert "The tap can run." in output
    assert output.count("no (tier or scope)") == 2
    assert "4,999 calls" in output
    assert len(output.splitlines()) < 25


def test_check_fails_when_an_organisation_cannot_be_read(command, config, sandbox):
    config["refresh_token"] = sandbox.refresh_token
    sandbox.faults.add("tenant_revoked", tenant=sandbox.tenants[0].tenant_id, count=None)
    code, output, _ = command("check", {**config, "tenant_ids": ["elsewhere"]})
    assert code == 1
    assert "not connected to this app" in output
    assert "elsewhere is not connected" in output


def test_check_names_a_dead_refresh_token(command, config):
    code, _, log = command("check", {**config, "refresh_token": "dead"})
    assert code == 1
    assert "invalid_grant" in log
    assert "Traceback" not in log


def test_the_end_of_a_refresh_token_is_warned_about_from_two_weeks_on():
    renewed = datetime(2026, 3, 1, tzinfo=UTC)
    token = StoredTokens("client", "refresh", renewed=renewed.timestamp())
    assert "WARNING" not in refresh_token_line(token, renewed + timedelta(days=45))
    assert "good until 2026-04-30 00:00 UTC" in refresh_token_line(token, renewed)
    line = refresh_token_line(token, renewed + timedelta(days=46, hours=1))
    assert "WARNING: 13 days left" in line
    assert refresh_token_line(None, renewed).startswith("none")


def test_scopes_to_write_are_asked_for_only_where_a_stream_is_to_be_written():
    usual = set(default_scopes().split())
    assert all(each.endswith(".read") for each in usual if each.startswith("accounting."))
    more = set(default_scopes({"write_streams": ["contacts", "contact_groups"]}).split())
    assert more - usual == {"accounting.contacts"}


def test_streams_to_write_are_looked_for_among_the_scopes():
    rows = scope_rows(["accounting.contacts"], (), ["contacts", "items"])
    assert rows[1:] == [
        ("writes", "contacts"),
        ("writes", "not items: accounting.settings is not granted, sign in again"),
    ]


def test_a_stream_that_cannot_be_written_is_said():
    (problem,) = problems({"sandbox": {}, "write_streams": ["invoices"]})
    assert "invoices cannot be written" in problem


def test_streams_without_a_scope_are_listed():
    rows = scope_rows(["accounting.transactions.read", "accounting.settings.read"])
    assert rows == [
        ("scopes", "2 granted"),
        ("not granted", "paymentservices (skipped: payment_services)"),
        ("not granted", "accounting.contacts.read (skipped: contact_groups, contacts)"),
        ("not granted", "accounting.journals.read (skipped: journals, journals_cash)"),
        ("not granted", "accounting.budgets.read (skipped: budgets)"),
    ]
    assert "not told" in scope_rows([])[0][1]
