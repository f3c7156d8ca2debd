"""What the command does before the SDK is loaded, and that it is what the SDK would do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tap_xero.catalog import catalog
from tap_xero.models.resources import RESOURCES
from tap_xero.tap import TapXero

EVERYTHING = {
    "reports": {"trial_balance": {}, "bank_summary": {"periods": 1}, "profit_and_loss_cash": {}},
    "history": ["invoices", "contacts"],
    "attachments": ["invoices"],
}


def child(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, whose last line on stderr names the modules it has loaded."""
    told = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    return subprocess.run(
        [sys.executable, "-c", told + program, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("config", [{}, EVERYTHING], ids=["plain", "everything"])
def test_the_catalog_of_the_tables_is_the_one_that_the_sdk_makes_of_the_streams(config):
    text = catalog(config)
    assert max(map(len, text.splitlines())) < 1000, "Meltano takes lines of 64 KiB"
    made = json.loads(text)
    tap = TapXero(config=config, validate_config=False)
    expected = json.loads(tap.catalog_json_text)
    assert [each["stream"] for each in made["streams"]] == list(tap.streams)
    for ours, theirs in zip(made["streams"], expected["streams"], strict=True):
        assert ours == theirs, ours["stream"]
        # Targets make columns in this order.
        assert [*ours["schema"]["properties"]] == [*theirs["schema"]["properties"]]


@pytest.mark.parametrize(
    "config",
    [{"stream_counts": True}, {"stream_ids": {"invoices": []}}, {"amount_scale": "multipleOf"}],
)
def test_what_is_in_no_table_is_left_to_the_sdk(config):
    assert catalog(config) is None


def test_discovery_loads_no_sdk(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"client_id": "c", "client_secret": "s"}))
    started = "from tap_xero.start import main; main()"
    done = child(started, "--config", str(config), "--discover")
    assert json.loads(done.stdout)["streams"]
    modules = done.stderr.split()
    assert "msgspec" in modules
    assert not {"singer_sdk", "requests", "cryptography", "click"} & set(modules)


def test_missing_credentials_are_told_before_anything_is_discovered(cli):
    """Meltano hands over the defaults of the settings, and reads both ends of the pipe."""
    done = cli("--discover", config={"api_url": "https://api.xero.com", "skip_unchanged": True})
    assert done.returncode == 0
    assert done.stderr.startswith("Setting client_id is missing: ")
    assert json.loads(done.stdout)["streams"]


def test_a_sandbox_ends_with_whoever_has_started_it():
    started = (
        "from tap_xero.api.sandbox import SandboxProcess\n"
        "sandbox = SandboxProcess({'organisations': 1, 'invoices': 1})\n"
        "print(sandbox._process.pid, sandbox.access.url)"
    )
    number, url = child(started).stdout.split()
    assert url.startswith("http")
    assert not Path("/proc", number).exists()


def test_the_test_of_meltano_says_what_can_be_read_and_shows_no_record(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"sandbox": {"organisations": 1, "invoices": 30}}))
    command = Path(sys.executable).with_name("tap-xero-test")
    done = subprocess.run([command, "--config", config], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{resource.stream}: read" for resource in RESOURCES]


@pytest.mark.parametrize(
    "module",
    [
        *("xero_sandbox", "uvicorn", "h11", "prometheus_client", "keyring", "pandas", "sqlalchemy"),
        *("webbrowser", "http.server", "tap_xero.commands", "tap_xero.webhooks.intake"),
    ],
)
def test_what_a_run_may_not_need_is_not_loaded_at_its_start(module, at_start):
    assert module not in at_start


@pytest.fixture(scope="module")
def at_start():
    return {*child("import tap_xero.tap").stderr.split()}
