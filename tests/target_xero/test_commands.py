"""The command that shows a plan, and the settings of both commands."""

from __future__ import annotations

import json
import shlex
import sys

import pytest
from click.testing import CliRunner
from singer_sdk.exceptions import ConfigurationError
from target_xero.commands import plan
from target_xero.job import alone
from target_xero.settings import problems, with_tap_settings
from way_back import messages


@pytest.fixture
def show(way, tmp_path):
    """Run `target-xero-plan`."""
    desired = tmp_path / "desired.singer"
    row = {"tenant_id": way.one, "code": "S-1", "name": "Software", "type": "EXPENSE"}
    desired.write_text(messages({"accounts": [row]}))

    def show(*arguments, **settings):
        config = tmp_path / "config.json"
        config.write_text(json.dumps(way.config(**settings)))
        return CliRunner().invoke(plan, [f"--config={config}", *arguments])

    show.desired = desired
    return show


def test_a_plan_is_shown_of_what_is_piped_in(show, way):
    shown = show(f"--input={show.desired}")
    assert shown.exit_code == 0
    assert "Code: (empty) → S-1" in shown.stdout
    assert way.writes() == []


def test_a_plan_is_shown_to_programs(show):
    (row,) = map(json.loads, show(f"--input={show.desired}", "--json").stdout.splitlines())
    assert (row["stream"], row["verdict"], row["action"]) == ("accounts", "write", "create")
    assert (row["key"], row["on"]) == ("S-1", False)
    assert {"field": "Code", "before": None, "after": "S-1"} in row["changes"]


def test_a_command_says_what_is_desired(show):
    print_it = "import sys; print(open(sys.argv[1]).read())"
    command = shlex.join([sys.executable, "-c", print_it, str(show.desired)])
    assert "1 to write" in show(desired_state_command=command).stdout


@pytest.mark.parametrize(
    ("command", "words"), [("false", "ended with 1"), ("no-such-tap", "cannot be run")]
)
def test_a_command_that_fails_makes_no_plan(show, command, words):
    shown = show(desired_state_command=command)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert words in shown.stderr


def test_two_runs_do_not_write_at_once(way):
    ledger = str(way.folder / "xero_writeback" / "xero_writes")
    words = "Another target-xero is writing"
    with alone(ledger), pytest.raises(ConfigurationError, match=words):
        way.write("items", {"tenant_id": way.one, "code": "I-1"})
    assert way.writes() == []


def test_the_way_to_xero_is_the_taps_unless_another_one_is_named(monkeypatch):
    monkeypatch.setenv("TAP_XERO_CLIENT_ID", "of the tap")
    monkeypatch.setenv("TAP_XERO_CREDENTIAL_STORE", "/store")
    monkeypatch.setenv("TAP_XERO_API_URL", "https://xero.example")
    shared = with_tap_settings({})
    assert (shared["client_id"], shared["credential_store"]) == ("of the tap", "/store")
    other = with_tap_settings({"client_id": "another"})
    assert (other["client_id"], other.get("credential_store")) == ("another", None)
    assert other["api_url"] == "https://xero.example"
    assert other["identity_url"] == "https://identity.xero.com"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"streams": ["invoices"]}, "invoices cannot be written"),
        ({"max_changes": "many"}, "a number, or a share"),
        ({"lakehouse_path": None}, "lakehouse_path is missing"),
        ({"sandbox": None}, "client_id is missing"),
    ],
)
def test_a_setting_that_is_wrong_is_named(wrong, words):
    right = {"sandbox": {}, "lakehouse_path": "x", "max_changes": "10%", "streams": ["items"]}
    config = {name: value for name, value in {**right, **wrong}.items() if value is not None}
    assert problems({name: right[name] for name in right}) == []
    (problem,) = problems(config)
    assert words in problem


def test_settings_that_are_wrong_are_lines(show):
    shown = show(f"--input={show.desired}", streams=["invoices"])
    assert shown.exit_code == 1
    assert "invoices cannot be written" in shown.stderr
