"""What the documents show for one's own organisations, as it stands, in front of a sandbox."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import requests
from conftest import BIN, UV, Project
from deltalake import write_deltalake
from shown_commands import ROOT, as_shown
from tap_xero.webhooks.inbox import Inbox
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

LOAD = as_shown("uv run meltano --environment=local run tap-xero target-databricks")
WEBHOOKS = (
    as_shown("uv run meltano invoke tap-xero:webhooks"),
    as_shown("tap-xero-webhooks serve"),
    as_shown("tap-xero-webhooks serve --standby") + " --run true",
)


@pytest.fixture
def xero() -> Iterator[Sandbox]:
    """Two organisations, whose user allows what is asked for."""
    clock = ManualClock(datetime(2026, 2, 2, 9, 0, tzinfo=UTC))
    with Sandbox(
        organisations=2, invoices=120, clock=clock, machine_reaches_all=True, auto_approve=True
    ) as sandbox:
        yield sandbox


@pytest.fixture
def ready(project: Project, xero: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with `.env` filled in, and a browser in which somebody allows what is asked for."""
    project.read_from(xero)
    allow = tmp_path_factory.mktemp("browser") / "allow.py"
    allow.write_text("import requests, sys; requests.get(sys.argv[1], timeout=60)")
    project.env |= {
        "BROWSER": f"{sys.executable} {allow} %s",
        "TAP_XERO_LOGIN_URL": xero.url,
        "TAP_XERO_WEBHOOK_SIGNING_KEY": xero.webhooks.signing_key,
        "TAP_XERO_WEBHOOK_INBOX_PATH": str(project.root / "inbox.db"),
        "TAP_XERO_CREDENTIAL_STORE_KEY": "a passphrase",
    }
    return project


@pytest.mark.parametrize(
    "login",
    [
        as_shown("uv run meltano --environment=local invoke tap-xero:login"),
        as_shown("uv run meltano invoke tap-xero:login"),
    ],
)
def test_from_the_sign_in_to_the_first_load(ready: Project, xero: Sandbox, login: str) -> None:
    said = ready.run(login)
    assert all(tenant.name in said for tenant in xero.tenants)
    said = ready.run(as_shown("uv run meltano --environment=local invoke tap-xero:check"))
    assert "access token   works" in said
    said = ready.run(as_shown("uv run meltano --environment=local invoke tap-xero:estimate"))
    assert "organisation, stream" in said
    ready.run(LOAD)
    assert ready.table("invoices").num_rows
    health = as_shown("uv run meltano --environment=local invoke target-databricks:health")
    assert "Traceback" not in ready.run(health)
    words = as_shown(
        "target-databricks-history invoices --key tenant_id --key invoice_id "
        "--from updated_date_utc --child invoice_line_items"
    )
    convert = as_shown("uv run meltano invoke target-databricks:history …")
    ready.run(convert.replace("…", words.partition(" ")[2]))
    assert "valid_from" in " ".join(ready.table("invoices").schema.names)
    assert "Usage" in ready.run(as_shown("uv run meltano invoke target-databricks:history"), code=2)


def test_a_lake(ready: Project) -> None:
    ready.env |= {
        "TARGET_DATABRICKS_LAKEHOUSE_PATH": str(ready.root / "lake"),
        "TARGET_DATABRICKS_SPOOL_PATH": str(ready.root / "spool"),
    }
    del ready.env["MELTANO_ENVIRONMENT"]
    check = as_shown("uv run meltano --environment=lake invoke target-databricks:check")
    assert "Ready." in ready.run(check)
    ready.run(as_shown("uv run meltano --environment=lake run tap-xero target-databricks"))
    assert (ready.root / "lake" / "xero" / "invoices" / "_delta_log").exists()


@pytest.mark.parametrize(
    "command",
    [
        as_shown(
            "uv run --extra warehouse --with 'meltano[s3]' meltano --environment=prod run documents"
        ),
        as_shown(
            "uv run --extra warehouse --with 'meltano[s3]' meltano --environment=prod run reference"
        ),
    ],
)
def test_scheduled_runs_on_github(ready: Project, command: str) -> None:
    ready.run(command, TARGET_DATABRICKS_LAKEHOUSE_PATH=str(ready.lakehouse.parent))
    assert ready.table("contacts").num_rows


def test_what_is_asked_for_is_planned_and_written(ready: Project, xero: Sandbox) -> None:
    ready.run(LOAD)
    row = next(each for each in ready.rows("contacts") if each["email_address"])
    asked = {name: row[name] for name in ("tenant_id", "contact_id")}
    write_deltalake(
        ready.lakehouse.parent / "xero_writeback" / "contacts",
        pa.Table.from_pylist([asked | {"email_address": "books@example.com"}]),
    )
    ready.env["TARGET_XERO_STREAMS"] = '["contacts"]'
    plan = ready.run(as_shown("uv run meltano invoke target-xero:plan"))
    assert "books@example.com" in plan
    command = as_shown("meltano invoke tap-databricks")
    assert '"books@example.com"' in ready.run(command)
    ready.run(as_shown("uv run meltano run tap-databricks target-xero"))
    ready.run(as_shown("uv run meltano run write-back"))
    (written,) = (
        each for each in ready.rows("contacts") if each["contact_id"] == row["contact_id"]
    )
    assert written["email_address"] == "books@example.com"


@pytest.mark.parametrize("command", WEBHOOKS)
def test_webhooks_are_taken(ready: Project, xero: Sandbox, command: str) -> None:
    receiver = subprocess.Popen(
        ["bash", "-c", f"exec {command} --port 0"],
        cwd=ready.root,
        env=ready.env | UV,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert receiver.stdout is not None
        lines = (line for line in iter(receiver.stdout.readline, "") if line.startswith("{"))
        url = json.loads(next(lines))["url"]
        assert xero.webhooks.subscribe(url) == "ok"
        assert requests.get(url.replace("/webhooks", "/healthz"), timeout=60).ok
    finally:
        receiver.send_signal(signal.SIGTERM)
        receiver.communicate(timeout=90)


def test_the_inbox_is_looked_at_and_read(ready: Project) -> None:
    with Inbox(ready.root / "inbox.db"):
        pass
    for status in (
        as_shown("tap-xero-webhooks status"),
        as_shown("uv run meltano invoke tap-xero:webhooks-status"),
    ):
        assert "No event has come yet." in ready.run(status)
    for retry in (
        as_shown("tap-xero-webhooks retry"),
        as_shown("uv run meltano invoke tap-xero:webhooks-retry"),
    ):
        assert "Traceback" not in ready.run(retry)
    ready.run(as_shown("uv run meltano run tap-xero-webhooks target-databricks"))


def test_a_pipeline_of_webhooks_without_meltano(ready: Project) -> None:
    (ready.root / "tap.json").write_text('{"webhook_only": true}')
    (ready.root / "target.json").write_text('{"lakehouse_path": "lake"}')
    (ready.root / "state.json").write_text("{}")
    script = (
        as_shown("set -eo pipefail"),
        as_shown(
            "tap-xero --config=ENV --config=tap.json --state=state.json "
            "| target-databricks --config=target.json | tail -n 1 > state.new"
        ),
        as_shown("test ! -s state.new || mv state.new state.json"),
    )
    ready.run("\n".join(script))
    json.loads((ready.root / "state.json").read_text())


@pytest.fixture
def commands(ready: Project) -> Project:
    """The same without Meltano: settings in `config.json`, commands on the PATH."""
    prefix = "TAP_XERO_"
    mine = [name for name in ready.env if name.startswith(prefix)]
    settings = {name.removeprefix(prefix).lower(): ready.env.pop(name) for name in mine}
    (ready.root / "config.json").write_text(json.dumps(settings))
    return ready


def test_the_tap_by_itself(commands: Project, xero: Sandbox) -> None:
    said = commands.run(as_shown("tap-xero-login --config config.json"))
    assert xero.tenants[0].name in said
    assert "works" in commands.run(as_shown("tap-xero-check --config config.json"))
    (commands.root / "state.json").write_text("{}")
    read = commands.run(as_shown("tap-xero --config config.json --state state.json"))
    assert read.count('"RECORD"') > 100


def test_the_target_by_itself(commands: Project) -> None:
    commands.env |= {
        "TARGET_DATABRICKS_LAKEHOUSE_PATH": str(commands.lakehouse.parent),
        "TARGET_DATABRICKS_DEFAULT_TARGET_SCHEMA": "xero",
    }
    grants = as_shown("target-databricks-grants --to <principal>")
    assert "Traceback" not in commands.run(grants.replace("<principal>", "finance"))
    assert "Nothing" in commands.run(as_shown("target-databricks-staged list"))
    for decide in (
        as_shown("target-databricks-staged retry <file> …"),
        as_shown("target-databricks-staged drop <file> …"),
    ):
        said = commands.run(decide.replace("<file> …", "books-1 books-2"), code=1)
        assert "is not set aside" in said
    assert "lakehouse_path" in commands.run(as_shown("target-databricks --about"))


def test_what_a_job_of_databricks_calls_says_how() -> None:
    command = as_shown("xero-job --help")
    said = subprocess.run(
        [Path(BIN) / command.split()[0], "--help"], capture_output=True, text=True, check=True
    )
    assert "usage" in said.stdout.lower()


def test_a_definition_is_added_to_somebody_elses_project(ready: Project) -> None:
    add = as_shown("meltano add --from-ref …/plugins/loaders/target-xero.yml target-xero")
    ready.root = ready.root / "theirs"
    ready.root.mkdir()
    (ready.root / "meltano.yml").write_text("{version: 1, send_anonymous_usage_stats: false}")
    ready.env["TARGET_XERO_PIP_URL"] = f"{ROOT}/plugins/target-xero"
    ready.run(add.replace("…", str(ROOT)) + " --no-install")
    assert "target-xero" in (ready.root / "meltano.yml").read_text()
