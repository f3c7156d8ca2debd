"""Alerts of a run that did not read everything, sent to a real server, and what they never do."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager

import broken_networks as broken
import pytest
from chat import SECRET, Chat
from singer_sdk.exceptions import ConfigValidationError, FatalAPIError
from tap_xero import alerts
from target_databricks import alerts as alerts_of_target


@pytest.fixture
def chat():
    with Chat() as made:
        yield made


def failing(url, error=None, **stated):
    warnings, error = [], error or FatalAPIError("Xero refused <this> & that.")
    with (
        pytest.raises(type(error)),
        alerts.alerting("tap-xero", {"alert_url": url, **stated}, warnings.append),
    ):
        raise error
    return warnings


def test_a_failed_run_is_told_in_the_json_of_slack(chat, monkeypatch):
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "prod")
    monkeypatch.setenv("MELTANO_RUN_ID", "run-7")
    assert failing(chat.url) == []
    path, message = chat.messages.get(timeout=5)
    assert path == f"/services/{SECRET}"
    assert message == {
        "text": "tap-xero (prod, run run-7): not everything was read.\n"
        "- Xero refused &lt;this&gt; &amp; that."
    }


def test_teams_gets_a_card_with_the_same_words(chat):
    assert failing(chat.url, alert_format="teams") == []
    _, message = chat.messages.get(timeout=5)
    (attachment,) = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    (block,) = attachment["content"]["body"]
    assert "Xero refused <this> & that." in block["text"]


@pytest.mark.parametrize(
    ("host", "card"),
    [
        ("hooks.slack.com", False),
        ("chat.example", False),
        ("prod-12.westeurope.logic.azure.com:443", True),
        ("acme.webhook.office.com", True),
        ("default1.2.environment.api.powerplatform.com", True),
    ],
)
@pytest.mark.parametrize("module", [alerts, alerts_of_target])
def test_the_host_says_which_of_the_two_it_takes(module, host, card):
    assert ("attachments" in module.message("x", "auto", f"https://{host}/x")) is card
    assert "text" in module.message("x", "slack", f"https://{host}/x")


def test_a_run_that_ends_with_an_exit_code_says_what_was_not_read(chat):
    def run():
        with alerts.alerting("tap-xero", {"alert_url": chat.url}, print) as unread:
            unread += [f"invoices of Company {number}" for number in range(30)]
            sys.exit(1)

    with pytest.raises(SystemExit):
        run()
    _, message = chat.messages.get(timeout=5)
    lines = message["text"].splitlines()
    assert lines[1] == "- invoices of Company 0"
    assert lines[-1] == "- … and 10 more: see the log."


@pytest.mark.parametrize("code", [None, 0])
def test_a_run_that_ends_well_says_nothing(chat, code):
    with alerts.alerting("tap-xero", {"alert_url": chat.url}, print):
        pass
    with pytest.raises(SystemExit), alerts.alerting("tap-xero", {"alert_url": chat.url}, print):
        raise SystemExit(code)
    assert chat.messages.empty()


def test_what_nobody_has_foreseen_is_told_by_its_name_alone(chat):
    failing(chat.url, ValueError("swordfish in the words"))
    _, message = chat.messages.get(timeout=5)
    assert "ValueError: see the log of the run." in message["text"]
    assert "words" not in message["text"]


def test_wrong_settings_are_told_too(chat):
    failing(chat.url, ConfigValidationError("x", errors=["Setting client_id is missing."]))
    assert "client_id is missing" in chat.messages.get(timeout=5)[1]["text"]


@contextmanager
def trouble(what):
    if what in ("404", "302"):
        with Chat(status=int(what)) as made:
            yield made.url
    elif what == "refusing":
        with broken.refusing() as port:
            yield f"http://127.0.0.1:{port}/services/{SECRET}"
    elif what == "silent":
        with broken.serving(broken.silent) as port:
            yield f"http://127.0.0.1:{port}/services/{SECRET}"
    elif what == "unknown":
        yield f"https://{broken.UNKNOWN}/services/{SECRET}"
    else:
        yield f"{SECRET} is no address"


@pytest.mark.parametrize("what", ["404", "302", "refusing", "silent", "unknown", "no address"])
@pytest.mark.parametrize("module", [alerts, alerts_of_target])
def test_an_alert_that_fails_changes_nothing_and_shows_no_more_than_the_host(
    module, what, caplog, monkeypatch
):
    monkeypatch.setattr(module, "TIMEOUT", (0.3, 0.3))
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    warnings = []
    with (
        trouble(what) as url,
        pytest.raises(FatalAPIError),
        module.alerting("plugin", {"alert_url": url}, warnings.append),
    ):
        raise FatalAPIError("refused")
    (warning,) = warnings
    assert warning.startswith("The alert ")
    assert SECRET not in warning + caplog.text
    host = {"unknown": broken.UNKNOWN, "no address": "an address without a host"}.get(
        what, "127.0.0.1:"
    )
    assert host in warning


@pytest.mark.parametrize("module", [alerts, alerts_of_target])
def test_the_address_comes_from_files_and_variables_before_any_other_setting_is_looked_at(
    module, monkeypatch
):
    monkeypatch.setenv("X_ALERT_URL", "variable")
    file = {"alert_url": "file", "daily_call_reserve": "nonsense"}
    assert module.stated(file, "X_", environment=True)["alert_url"] == "variable"
    assert module.stated(file, "X_", environment=False)["alert_url"] == "file"
    monkeypatch.setenv("X_ALERT_URL", "")
    assert module.stated(file, "X_", environment=True)["alert_url"] == "file"


def test_the_tap_tells_of_a_partly_failed_run_and_its_log_has_no_address(
    cli, chat, make_xero_sandbox, config_of, selecting
):
    sandbox = make_xero_sandbox(organisations=1, invoices=2)
    (tenant,) = sandbox.tenants
    sandbox.faults.add("tenant_revoked", path="Accounts", count=None)
    config = config_of(sandbox, alert_url=chat.url)
    done = cli(
        config=config,
        catalog=selecting("organisations", "accounts"),
        env={"LOGLEVEL": "DEBUG"},
    )
    assert done.returncode == 1
    text = chat.messages.get(timeout=5)[1]["text"]
    assert f"- the rest of {tenant.name}" in text
    assert SECRET not in done.stderr + done.stdout
    assert config["client_secret"] not in text


def test_the_tap_tells_of_credentials_that_are_refused(cli, chat, make_xero_sandbox, config_of):
    config = config_of(make_xero_sandbox(organisations=1, invoices=2), refresh_token="dead")
    done = cli(config=config, env={"TAP_XERO_ALERT_URL": chat.url}, catalog=None)
    assert done.returncode == 1
    assert chat.messages.empty()  # variables count only with --config=ENV
    done = cli("--config=ENV", config={**config, "alert_url": chat.url})
    assert done.returncode == 1
    assert "refresh token" in chat.messages.get(timeout=5)[1]["text"]
