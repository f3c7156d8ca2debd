"""The job's command, as a process: a secret scope, Xero into the warehouse, state in a volume."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from books import documents
from bundle_secrets import SCOPE, client_of, put
from cryptography.fernet import Fernet
from databricks_sandbox.faults import Fault
from databricks_sandbox.sandbox import Sandbox as Workspace
from resources import jobs
from warehouse_marts import settings
from xero_job.reconciliation import NotInstalledError, installed
from xero_job.scope import TOKENS
from xero_job.state import StateLog
from xero_job.volume import NumberedFiles
from xero_sandbox.sandbox import Sandbox as Xero

REPOSITORY = Path(__file__).resolve().parents[2]
WEBHOOK_KEY = "a-key-of-the-webhook"


class Job:
    """The command of a workspace and a Xero."""

    def __init__(self, workspace: Workspace, xero: Xero, schema: str, folder: Path) -> None:
        self.workspace, self.xero, self.schema = workspace, xero, schema
        self.client = client_of(workspace)
        self.tenant = xero.tenants[0].tenant_id
        self.volume = f"/Volumes/main/{schema}/pipeline"
        workspace.sql(f"CREATE VOLUME main.{schema}.pipeline")
        self._env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TAP_", "TARGET_"))},
            "DATABRICKS_HOST": workspace.url,
            "DATABRICKS_TOKEN": workspace.admin.access_token,
            "XDG_STATE_HOME": str(folder),
        }

    def arguments(self, run: str) -> list[str]:
        """What a task says to `xero-job`."""
        tap = {"api_url": self.xero.url, "identity_url": self.xero.url}
        arguments = {
            "job": "documents",
            "select": "items",
            "scope": SCOPE,
            "volume": self.volume,
            "catalog": "main",
            "schema": self.schema,
            "warehouse": self.workspace.http_path.rpartition("/")[2],
            "run": run,
            "tap": json.dumps(tap),
        }
        return [part for name, value in arguments.items() for part in (f"--{name}", value)]

    def start(self, *more: str, run: str = "7001") -> subprocess.Popen[str]:
        return self.command("xero_job.load", *self.arguments(run), *more)

    def command(self, module: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=self._env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *more: str, code: int = 0, run: str = "7001") -> str:
        process = self.start(*more, run=run)
        printed, _ = process.communicate(timeout=240)
        assert process.returncode == code, printed
        return printed

    def states(self) -> StateLog:
        """Those that the job keeps."""
        return StateLog(NumberedFiles(self.client.files, f"{self.volume}/state/documents"))

    def rows(self, table: str) -> list[dict[str, object]]:
        return self.workspace.sql(f"SELECT * FROM main.{self.schema}.{table}")


def kill(process: subprocess.Popen[str]) -> None:
    """As when the machine goes: the process and all that it has started, at once."""
    pids, waiting = [], [process.pid]
    while waiting:
        pid = waiting.pop()
        pids.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting += map(int, children.read_text().split())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def xero() -> Iterator[Xero]:
    with Xero(organisations=1, invoices=20) as sandbox:
        yield sandbox


@pytest.fixture
def job(databricks_sandbox, databricks_schema, xero, tmp_path) -> Job:
    made = Job(databricks_sandbox, xero, databricks_schema, tmp_path)
    put(
        made.client,
        client_id=xero.client_id,
        client_secret=xero.client_secret,
        refresh_token=xero.refresh_token,
        store_key=Fernet.generate_key().decode(),
        webhook_signing_key=WEBHOOK_KEY,
    )
    return made


def bookmark(state: dict[str, Any] | None) -> str:
    """Up to when items were read."""
    assert state
    (partition,) = state["bookmarks"]["items"]["partitions"]
    return str(partition["replication_key_value"])


def test_a_load_killed_while_a_token_rotates_goes_on_where_it_was(job):
    """Xero has replaced the refresh token, the scope does not have it yet."""
    log = job.states()
    assert log.latest() is None
    before = "2016-01-01T00:00:00Z"
    partition = {
        "context": {"TenantID": job.tenant},
        "replication_key": "UpdatedDateUTC",
        "replication_key_value": before,
    }
    log.add({"bookmarks": {"items": {"partitions": [partition]}}})
    slow = Fault(at="api", effect="delay", match="POST /api/2.0/secrets/put", seconds=20)
    job.workspace.faults.add(slow)
    process = job.start()
    deadline = time.monotonic() + 60
    while not slow.happened and time.monotonic() < deadline:
        time.sleep(0.05)
    kill(process)
    assert slow.happened
    assert bookmark(job.states().latest()) == before
    job.xero.calls.clear()
    printed = job.run("--dead-after", "1", run="7002")
    assert job.xero.client_secret not in printed
    items = {row["item_id"] for row in job.rows("items")}
    assert items == {each["ItemID"] for each in documents(job.xero, job.tenant, "Items")}
    # The tokens in the scope are the ones that Xero takes, and nobody can read them there.
    stored = base64.b64decode(job.client.secrets.get_secret(SCOPE, TOKENS).value)
    assert b"refresh" not in stored
    assert {row["job_id"] for row in job.rows("_sdc_loads")} == {"7002"}
    # It has begun with the state that was there, and left its own to the next run.
    asked = [call for call in job.xero.calls.of() if call.path == "Items"]
    assert asked
    assert all(call.modified_since for call in asked)
    assert bookmark(job.states().latest()) > before


def test_deliveries_of_webhooks_in_a_volume_are_fetched_and_removed(job):
    (contact, *_) = documents(job.xero, job.tenant, "Contacts")
    job.xero.books.edit(job.tenant, "Contacts", contact["ContactID"], Name="Harakeke Renamed")
    event = {
        "resourceId": contact["ContactID"],
        "tenantId": job.tenant,
        "eventCategory": "CONTACT",
        "eventType": "UPDATE",
        "eventDateUtc": "2026-02-02T09:00:00.000",
    }
    body = json.dumps({"events": [event]})
    digest = hmac.digest(WEBHOOK_KEY.encode(), body.encode(), hashlib.sha256)
    signed = {"body": body, "signature": base64.b64encode(digest).decode()}
    forged = {"body": body, "signature": "bm9ib2R5"}
    for name, delivery in {"1": signed, "2": forged}.items():
        content = io.BytesIO(json.dumps(delivery).encode())
        job.client.files.upload(f"{job.volume}/events/{name}.json", content)
    printed = job.run(
        *("--events", f"{job.volume}/events", "--job", "webhooks", "--select", "contacts"),
        *("--target", json.dumps({"child_tables": {"*": False}})),
        run="7004",
    )
    assert "2.json is no delivery that Xero has signed" in printed
    assert "Harakeke Renamed" in {row["name"] for row in job.rows("contacts")}
    paths = {call.path for call in job.xero.calls.of()}
    assert paths - {"connect/token", "connections"} == {"Contacts"}
    assert list(job.client.files.list_directory_contents(f"{job.volume}/events")) == []


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_the_books_are_reconciled_with_the_job_as_the_load(job, tmp_path):
    """dbt in an environment of its own, all that the ledger needs read by `xero-job`."""
    requirements = [p for pin in jobs.dependencies()["dbt"] for p in ("--requirement", pin)]
    load = job.arguments("7005")
    del load[load.index("--select") : load.index("--select") + 2]
    process = job.command(
        "xero_job.reconciliation",
        *("--marts", str(REPOSITORY / "plugins" / "marts")),
        *("--catalog", "main", "--schema", job.schema, "--marts-schema", f"{job.schema}_marts"),
        *("--warehouse", job.workspace.http_path.rpartition("/")[2], "--scope", SCOPE),
        *requirements,
        "--",
        *load,
        MARTS_RECONCILED_MODELS="+reconciliation",
        **settings(tmp_path, job.workspace),
    )
    printed, _ = process.communicate(timeout=3000)
    try:
        assert process.returncode == 0, printed
        assert "The books agree with Xero." in printed
        statuses = {row["status"] for row in job.rows("xero_reconciliation")}
        assert "agrees" in statuses
        assert statuses <= {"agrees", "explained"}
    finally:
        job.workspace.sql(f"DROP SCHEMA IF EXISTS main.{job.schema}_marts CASCADE")


@pytest.mark.stress
def test_a_reconciliation_that_gets_no_dbt_says_what_it_needs(tmp_path):
    with pytest.raises(NotInstalledError, match=r"no-such-dbt could not be installed .*index"):
        installed(tmp_path, ["--no-index", "no-such-dbt"])
