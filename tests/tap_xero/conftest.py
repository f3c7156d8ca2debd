"""Runs the tap in this process, against sandboxes, and collects what it says."""

from __future__ import annotations

import io
import json
import os
import pickle
import shlex
import subprocess
import sys
from collections import defaultdict
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.helpers._util import dump_json
from tap_xero.api import limits
from tap_xero.auth import encryption
from tap_xero.reports.table import REPORT_NAMES
from tap_xero.tap import TapXero
from trigger_bench import Bench
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

FEBRUARY = datetime(2026, 2, 20, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _state_folder_of_session(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("session-state")))
        yield


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory, monkeypatch):
    """Credential stores of tests are nobody else's, commands that they start included."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder / "tap-xero"


@pytest.fixture(autouse=True)
def cheap_passphrases(monkeypatch):
    """Passphrases cost what they did in version 1, which any version reads."""
    monkeypatch.setattr("tap_xero.auth.encryption._COST", encryption._OLD_COST)


@pytest.fixture(autouse=True)
def allowance(monkeypatch):
    """As many calls as a test likes, unless it is about their number."""

    def allow(**more):
        made = limits.Allowance(**{"minute": 100_000, "app_minute": 1_000_000, **more})
        monkeypatch.setattr("tap_xero.api.limits.XERO", made)

    allow()
    return allow


@dataclass
class Run:
    """The messages of one run, in order and by kind."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    error: BaseException | None = None
    tap: TapXero | None = None

    def read(self, text: str) -> None:
        for line in text.splitlines():
            self.messages.append(json.loads(line, parse_float=Decimal))
        for name in ("records", "schemas"):
            self.__dict__.pop(name, None)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @cached_property
    def records(self) -> dict[str, list[dict[str, Any]]]:
        found = defaultdict(list)
        for message in self.of("RECORD"):
            found[message["stream"]].append(message["record"])
        # Organisations are read side by side, so their order differs from run to run.
        for records in found.values():
            records.sort(key=lambda record: record["TenantID"])
        return found

    @cached_property
    def schemas(self) -> dict[str, dict[str, Any]]:
        return {message["stream"]: message["schema"] for message in self.of("SCHEMA")}

    @property
    def states(self) -> list[dict[str, Any]]:
        return [message["value"] for message in self.of("STATE")]

    @property
    def state(self) -> dict[str, Any]:
        return self.states[-1] if self.states else {}

    @property
    def remarks(self) -> list[str]:
        return self.tap.run.report.not_read

    def partition(self, stream: str, tenant_id: str) -> dict[str, Any] | None:
        """The last state's partition of a stream of an organisation."""
        entry = self.state.get("bookmarks", {}).get(stream, {})
        for partition in entry.get("partitions", []):
            if partition["context"] == {"TenantID": tenant_id}:
                return partition
        return None


class SmallPages:
    """Makes the pages that the tap asks for small, so that few rows fill many."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def __call__(self, size: int) -> None:
        self._monkeypatch.setattr("tap_xero.models.resources.PAGE_SIZE", size)


@pytest.fixture
def bench(tmp_path):
    """A trigger of webhooks with its inbox and a pipeline that notes what it does."""
    with closing(Bench(tmp_path)) as bench:
        yield bench


@pytest.fixture
def small_pages(monkeypatch):
    return SmallPages(monkeypatch)


def sandbox_config(sandbox, **more):
    """The config with which the tap reads a sandbox as it reads Xero."""
    return {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "refresh_token": sandbox.refresh_token,
        "api_url": sandbox.url,
        "identity_url": sandbox.url,
        **more,
    }


@pytest.fixture
def config_of():
    return sandbox_config


@pytest.fixture(scope="session")
def entries() -> dict[str, bytes]:
    """What discovery gives of each stream, pickled: to make it takes longer than many a test."""
    catalog = TapXero(config={}, validate_config=False).catalog_dict
    return {entry["tap_stream_id"]: pickle.dumps(entry) for entry in catalog["streams"]}


@pytest.fixture
def selecting(entries):
    """A catalog in which only some streams are, and perhaps not all of their fields selected.

    A stream that a catalog does not name is not selected, and costs the SDK no time.
    """

    def make(*streams: str, without: tuple[tuple[str, ...], ...] = ()):
        chosen = [pickle.loads(entries[name]) for name in entries if name in streams]
        for entry in chosen:
            for each in entry["metadata"]:
                crumb = tuple(each["breadcrumb"])
                if not crumb:
                    each["metadata"]["selected"] = True
                elif (entry["tap_stream_id"], *crumb[1::2]) in without:
                    each["metadata"]["selected"] = False
        return {"streams": chosen}

    return make


def run_against(sandbox, *, catalog=None, state=None, stop_after_pages=None, **settings) -> Run:
    """Run the tap against a sandbox to its end, or to the error it ends with."""
    result = Run()
    output = io.TextIOWrapper(io.BytesIO(), write_through=True)
    tap = TapXero(config=sandbox_config(sandbox, **settings), catalog=catalog, state=state)
    result.tap = tap
    if stop_after_pages is not None:
        stop_after(tap, stop_after_pages)
    try:
        with redirect_stdout(output):
            tap.run_sync()
    except (Exception, KilledError) as error:  # noqa: BLE001 (tests look at it)
        result.error = error
    finally:
        tap.run.close()
    output.seek(0)
    result.read(output.read())
    return result


@pytest.fixture(scope="session")
def run_tap():
    return run_against


@pytest.fixture(scope="session")
def first_run_of_two():
    """A sandbox with two organisations, and a first run of everything in it."""
    clock = ManualClock(datetime(2026, 2, 2, 9, 0, tzinfo=UTC))
    with Sandbox(organisations=2, invoices=40, clock=clock) as sandbox:
        run = run_against(sandbox)
        assert run.error is None
        yield sandbox, run


@pytest.fixture(scope="session")
def read_reports(run_tap):
    """Read the reports of a setting, and nothing else but other streams that are named."""

    def read(sandbox, reports, streams=(), **settings):
        catalog = TapXero(config={"reports": reports}, validate_config=False).catalog_dict
        names = {*REPORT_NAMES, *streams}
        named = [each for each in catalog["streams"] if each["tap_stream_id"] in names]
        for entry in named:
            (about,) = (each for each in entry["metadata"] if not each["breadcrumb"])
            about["metadata"]["selected"] = True
        catalog = {**catalog, "streams": named}
        return run_tap(sandbox, catalog=catalog, reports=reports, **settings)

    return read


@pytest.fixture(scope="session")
def reports_sandbox():
    """Books of two organisations on 20 February 2026, for tests that only read reports."""
    with Sandbox(organisations=2, invoices=120, clock=ManualClock(FEBRUARY)) as sandbox:
        yield sandbox


@pytest.fixture
def small_sandbox():
    """Small books of the same day that a test may change."""
    with Sandbox(organisations=2, invoices=20, clock=ManualClock(FEBRUARY)) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def all_reports(reports_sandbox, read_reports):
    """One run of every report."""
    reports = {
        "trial_balance": {},
        "profit_and_loss": {"periods": 12},
        "balance_sheet": {"periods": 12},
        "bank_summary": {"periods": 2},
        "budget_summary": {"ahead": 9},
        "executive_summary": {"periods": 4},
        "trial_balance_cash": {"periods": 2},
        "profit_and_loss_cash": {"periods": 2},
        "balance_sheet_cash": {"periods": 2},
    }
    run = read_reports(reports_sandbox, reports)
    assert run.error is None
    return run


@pytest.fixture
def cli(tmp_path):
    """Run the command with a config; settings of the environment do not leak in."""

    def run(*arguments, config=None, state=None, catalog=None, env=None, **options):
        files = []
        for name, content in (("config", config), ("state", state), ("catalog", catalog)):
            if content is not None:
                path = tmp_path / f"{name}.json"
                path.write_text(dump_json(content))
                files += [f"--{name}", str(path)]
        clean = {name: value for name, value in os.environ.items() if "TAP_XERO" not in name}
        return subprocess.run(
            [Path(sys.executable).with_name("tap-xero"), *files, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            env={**clean, **(env or {})},
            **options,
        )

    return run


@pytest.fixture
def manager(tmp_path):
    """A secret manager: a command that keeps content in a file, or fails."""
    script, kept = tmp_path / "manager.sh", shlex.quote(str(tmp_path / "managed"))
    # A shell, which starts in a twentieth of the time that Python takes.
    script.write_text(
        'case "$*" in\n'
        f"read) [ ! -e {kept} ] || cat {kept} ;;\n"
        f"write) cat > {kept} ;;\n"
        "*) exit 4 ;;\n"
        "esac\n"
    )
    return f"sh {shlex.quote(str(script))}"


class KilledError(BaseException):
    """Stands for a process that ends in the middle of a run."""


def stop_after(tap: TapXero, pages: int) -> None:
    """End the run right after so many pages have been written and their state with them."""
    left, state = [pages], tap.run.state

    def write_and_stop():
        state.write_now()
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    state.write = write_and_stop


@pytest.fixture
def receiver(tmp_path):
    """A function that starts receivers in this process; all are stopped after the test."""
    from webhook_receiving import RunningReceiver

    running = []

    def start(keys=None, **options):
        keys = {} if keys is None else {"keys": keys}
        running.append(RunningReceiver(tmp_path / "inbox.db", **keys, **options))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def receiver_process(tmp_path):
    """A function that starts `tap-xero-webhooks serve`; all are stopped after the test."""
    from webhook_receiving import ReceiverProcess

    running = []

    def start(*arguments, **env):
        running.append(ReceiverProcess(tmp_path / "inbox.db", *arguments, **env))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def wired(make_xero_sandbox, receiver, run_tap):
    """A sandbox whose webhook ends in an inbox, and the tap that reads it."""
    from webhook_receiving import Wired

    xero = make_xero_sandbox(organisations=2, invoices=120)
    xero.prepare()
    running = receiver(xero.webhooks.signing_key)
    assert xero.webhooks.subscribe(running.url) == "ok"
    return Wired(xero, running, run_tap)
