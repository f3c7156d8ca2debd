"""The real command: what it prints, how it ends, and that the sandbox goes with it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from singer_sdk.helpers._util import dump_json
from tap_xero.models.resources import RESOURCES

TAP = str(Path(sys.executable).with_name("tap-xero"))


def messages(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def errors(done):
    return [line for line in done.stderr.splitlines() if "| ERROR" in line]


def test_a_run_against_its_own_sandbox(cli, selecting):
    done = cli(
        config={"sandbox": {"organisations": 2, "invoices": 20, "seed": 5}},
        catalog=selecting("organisations", "invoices"),
    )
    assert done.returncode == 0
    kinds = {message["type"] for message in messages(done)}
    assert kinds == {"SCHEMA", "RECORD", "STATE"}
    names = [
        message["record"]["Name"]
        for message in messages(done)
        if message["type"] == "RECORD" and message["stream"] == "organisations"
    ]
    assert len(names) == 2
    assert "The bill of this run:" in done.stderr
    # Organisations are read side by side, so either may come first.
    assert any(f"Reading from {first}, " in done.stderr for first in names)
    for name in names:
        assert re.search(rf"\| {name} +\d", done.stderr)
    assert "bill: " not in done.stderr
    assert "METRIC" not in done.stderr
    assert len(done.stderr.splitlines()) < 6
    assert "Traceback" not in done.stderr
    assert errors(done) == []


def test_details_are_there_for_who_wants_them(cli, selecting, tmp_path):
    path = tmp_path / "bills" / "last.json"
    config = {
        "sandbox": {"organisations": 1, "invoices": 5},
        "bill_path": str(path),
        "bill_in_log": True,
    }
    done = cli(config=config, catalog=selecting("users"), env={"LOGLEVEL": "DEBUG"})
    assert done.returncode == 0
    assert "| users: " in done.stderr
    assert "By stream:" in done.stderr
    told = json.loads("{" + done.stderr.split("bill: {", 1)[1].splitlines()[0])
    assert [entry["stream"] for entry in told["bill"]] == ["users"]
    assert json.loads(path.read_text()) == told


def test_an_empty_object_starts_a_sandbox_and_no_selection_starts_none(cli, selecting):
    done = cli(config={"sandbox": {}}, catalog=selecting())
    assert done.returncode == 0
    assert "Reading from" not in done.stderr
    assert messages(done) == []


def test_discovery_needs_no_settings_no_network_and_no_sandbox(cli):
    nowhere = {"api_url": "http://127.0.0.1:9", "identity_url": "http://127.0.0.1:9"}
    for config in (None, nowhere, {"sandbox": {"invoices": "many"}}):
        done = cli("--discover", config=config)
        assert done.returncode == 0
        streams = json.loads(done.stdout)["streams"]
        assert [each["tap_stream_id"] for each in streams] == [each.stream for each in RESOURCES]
        assert errors(done) == []
    invoices = next(each for each in streams if each["tap_stream_id"] == "invoices")
    assert invoices["replication_method"] == "INCREMENTAL"
    assert invoices["schema"]["properties"]["LineItems"]["x-child-table"]


def test_about_lists_every_setting(cli):
    done = cli("--about", "--format", "json")
    assert done.returncode == 0
    about = json.loads(done.stdout)
    settings = about["settings"]["properties"]
    for name in ("client_id", "tenant_ids", "start_date", "sandbox", "stream_maps"):
        assert settings[name]["description"]
    assert settings["client_secret"]["secret"]
    assert {"catalog", "discover", "state", "about", "stream-maps", "batch"} <= set(
        about["capabilities"]
    )


def test_test_mode_reads_a_record_of_each_stream(cli):
    sandbox = {"organisations": 1, "invoices": 30}
    done = cli("--test", config={"sandbox": sandbox, "reports": {"trial_balance": {}}})
    assert done.returncode == 0
    assert errors(done) == []
    streams = [each["stream"] for each in messages(done) if each["type"] == "RECORD"]
    assert streams == [*(each.stream for each in RESOURCES), "trial_balance"]


def test_the_environment_configures_the_tap(cli, selecting):
    done = cli(
        "--config",
        "ENV",
        catalog=selecting("organisations"),
        env={"TAP_XERO_SANDBOX": json.dumps({"organisations": 1, "invoices": 5})},
    )
    assert done.returncode == 0
    assert [each["type"] for each in messages(done)].count("RECORD") == 1


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({"client_secret": "s"}, "client_id"),
        ({"client_id": "c"}, "client_secret"),
        ({"client_id": "c", "client_secret": "s", "start_date": "soon"}, "start_date"),
        ({"sandbox": {"invoices": "many"}}, "sandbox"),
        ({"sandbox": {"colour": "blue"}}, "sandbox"),
        ({"client_id": "c", "client_secret": "s", "tenant_ids": "all"}, "tenant_ids"),
        ({"sandbox": {}, "reports": {"cash_flow": {}}}, "reports: cash_flow"),
        ({"sandbox": {}, "reports": {"trial_balance": {"basis": "kash"}}}, "basis is accrual or"),
        ({"sandbox": {}, "reports": {"bank_summary": {"periods": 61}}}, "from 1 to 60, not 61"),
        ({"sandbox": {}, "reports": {"bank_summary": True}}, "bank_summary"),
        ({"sandbox": {}, "reports": ["bank_summary"]}, "reports"),
    ],
)
def test_a_bad_setting_is_one_line_that_names_it(cli, config, setting):
    done = cli(config=config)
    assert done.returncode == 1
    (line,) = errors(done)
    assert setting in line
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_setting_is_one_line_in_test_mode_too(cli):
    done = cli("--test", config={"client_secret": "s"})
    assert done.returncode == 1
    (line,) = errors(done)
    assert "client_id" in line


def test_an_unknown_organisation_is_one_line(cli):
    done = cli(config={"sandbox": {"organisations": 1, "invoices": 5}, "tenant_ids": ["nobody"]})
    assert done.returncode == 1
    (line,) = errors(done)
    assert "tenant_ids" in line
    assert "nobody" in line
    assert "Traceback" not in done.stderr


def test_refused_credentials_are_one_line_without_the_secret(cli, xero_sandbox, config_of):
    config = config_of(xero_sandbox, client_secret="wrong-secret-value")
    done = cli(config=config)
    assert done.returncode == 1
    (line,) = errors(done)
    assert "client_secret" in line
    assert "wrong-secret-value" not in done.stderr + done.stdout


def test_a_missing_sandbox_names_the_extra(cli, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = (\n"
        "    lambda name, *rest: None if name == 'xero_sandbox' else found(name, *rest)\n"
        ")\n"
    )
    done = cli(config={"sandbox": {}}, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    (line,) = errors(done)
    assert "xero-to-databricks-tap-xero[sandbox]" in line


def start(tmp_path, config, catalog):
    for name, content in (("config", config), ("catalog", catalog)):
        (tmp_path / f"{name}.json").write_text(dump_json(content))
    return subprocess.Popen(
        [TAP, "--config", tmp_path / "config.json", "--catalog", tmp_path / "catalog.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_whole_lines_and_no_sandbox(tmp_path, selecting, number):
    config = {"sandbox": {"organisations": 1, "invoices": 2000}}
    process = start(tmp_path, config, selecting("invoices", "payments"))
    first = b""
    while b'"RECORD"' not in first:
        first += process.stdout.readline()
    sandboxes = children_of(process.pid)
    process.send_signal(number)
    rest, log = process.stdout.read(), process.stderr.read()
    process.wait(60)
    assert sandboxes
    lines = (first + rest).splitlines(keepends=True)
    if number != signal.SIGKILL:
        assert process.returncode == 0
        assert b"Stopped." in log
        messages = [json.loads(line) for line in lines if line.endswith(b"\n")]
        assert len(messages) == len(lines)
        records = [each for each in messages if each["type"] == "RECORD"]
        (partition,) = messages[-1]["value"]["bookmarks"]["invoices"]["partitions"]
        assert partition["rows"] == len(records)
        assert not any(Path(f"/proc/{pid}").exists() for pid in sandboxes)
    else:
        # Its stdin closed with the tap, so it ends by itself.
        wait_until_gone(sandboxes)


def wait_until_gone(pids):
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_reader_that_leaves_is_one_line(tmp_path, selecting):
    config = {"sandbox": {"organisations": 1, "invoices": 2000}}
    process = start(tmp_path, config, selecting("invoices"))
    process.stdout.readline()
    process.stdout.close()
    log = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 1
    assert "Traceback" not in log
    assert "has gone" in log
