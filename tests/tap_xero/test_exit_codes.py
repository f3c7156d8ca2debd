"""The exit code is a contract: every row of the README's table is a case here.

Kinds 3 and 4 and attack 16 of the trials. The command runs in this process, as `test_cli.py` does
in one of its own.
"""

from __future__ import annotations

import gc
import io
import json
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
from singer_sdk.helpers._util import dump_json
from tap_xero.tap import TapXero
from tap_xero.webhooks.events import Event
from tap_xero.webhooks.inbox import Inbox
from xero_sandbox import wire

README = Path(__file__).parents[2] / "tap-xero" / "README.md"
NOWHERE = "99999999-9999-4999-8999-999999999999"
STREAMS = ("accounts", "contacts", "invoices")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Waits are noted, not waited."""
    monkeypatch.setattr("tap_xero.api.retries.Retries._wait", lambda self, error, seconds: None)


@dataclass
class Scene:
    """What a case prepares.

    Attributes:
        sandbox: Xero, with two organisations.
        folder: A folder of its own.
        settings: Further settings.
    """

    sandbox: Any
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> str:
        return self.sandbox.tenants[0].tenant_id

    @property
    def second(self) -> str:
        return self.sandbox.tenants[1].tenant_id

    def fault(self, effect: str, **more: Any) -> None:
        self.sandbox.faults.add(effect, **{"count": None, **more})

    def announce(self, *tenants: str) -> None:
        """An edited contact of each organisation is in the inbox, and read by this run alone."""
        page = self.sandbox.store.page(self.second, "Contacts", limit=1).documents
        contact = wire.decode(page[0])["ContactID"]
        path = self.folder / "inbox.db"
        with Inbox(path) as inbox:
            inbox.add([Event(each, "CONTACT", contact, "UPDATE", "2026-02-02") for each in tenants])
        self.settings |= {"webhook_only": True, "webhook_inbox_path": str(path)}

    def spoil_store(self) -> None:
        path = self.folder / "tokens"
        path.write_text("nonsense")
        self.settings |= {"credential_store": str(path), "credential_store_key": "k"}


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        code: Exit code.
        prepare: Brings it about.
        says: What is on standard error.
        first: Streams that come of the first organisation; None where that is not sure.
        second: Those of the second one.
    """

    code: int
    prepare: Callable[[Scene], Any]
    says: str = ""
    first: tuple[str, ...] | None = ()
    second: tuple[str, ...] = STREAMS


def _set(settings: dict[str, Any], scene: Scene) -> None:
    scene.settings |= settings


AFTER = "1, after reading all the rest"
BEFORE = "1, before anything is read"
ANNOUNCED = (
    "webhooks named an organisation that is gone; its events are set aside, so the next run does "
    "not fail for them again"
)
CASES = {
    ("0", "everything that is selected was read to its end"): [
        Case(0, lambda scene: None, first=STREAMS)
    ],
    ("0", "a stream was skipped because a scope or a tier is missing; the bill says which"): [
        Case(
            0,
            lambda scene: scene.fault("scope_missing", path="Contacts"),
            "contacts of",
            first=("accounts", "invoices"),
            second=("accounts", "invoices"),
        )
    ],
    ("0", "an organisation's calls of the day are used up; it keeps its place"): [
        Case(
            0,
            lambda scene: scene.fault("rate_day", tenant=scene.first, seconds=40_000),
            "from here on",
        )
    ],
    ("0", "a stream was not due, or nothing has come for webhooks"): [
        Case(0, lambda scene: scene.announce(), second=())
    ],
    (AFTER, "a stream failed lastingly"): [
        Case(
            1,
            lambda scene: scene.fault("server_error", tenant=scene.first, path="Contacts"),
            "Not read to the end: contacts of",
            first=("accounts", "invoices"),
        )
    ],
    (AFTER, "an organisation was lost on the way"): [
        Case(
            1,
            lambda scene: scene.fault("tenant_revoked", tenant=scene.first, after=1),
            "Not read to the end: the rest of",
            first=None,
        )
    ],
    (AFTER, "an organisation gave nothing, because every call was refused"): [
        Case(
            1,
            lambda scene: scene.fault("scope_missing", tenant=scene.first),
            "Not read to the end: all of",
        )
    ],
    (AFTER, "an organisation of `tenant_ids` is not connected"): [
        Case(
            1,
            lambda scene: scene.settings.update(tenant_ids=[NOWHERE, scene.second]),
            f"Not read to the end: organisation {NOWHERE}",
        )
    ],
    (AFTER, ANNOUNCED): [
        Case(
            1,
            lambda scene: scene.announce(NOWHERE, scene.second),
            f"Not read to the end: events of {NOWHERE}, which is not connected",
            second=("contacts",),
        )
    ],
    (BEFORE, "a setting is refused"): [
        Case(
            1,
            lambda scene: scene.settings.update(start_date="yesterday"),
            "start_date",
            second=(),
        )
    ],
    (BEFORE, "the client, the secret or the refresh token is refused"): [
        Case(1, partial(_set, settings), says, second=())
        for settings, says in (
            ({"client_secret": "of another app"}, "client_secret"),
            ({"refresh_token": "of nobody"}, "tap-xero-login"),
        )
    ],
    (BEFORE, "the credential store or the webhook inbox cannot be used"): [
        Case(1, Scene.spoil_store, "is damaged", second=()),
        Case(
            1,
            lambda scene: scene.settings.update(webhook_inbox_path=str(scene.folder)),
            "cannot be used",
            second=(),
        ),
    ],
    (BEFORE, "no organisation is connected at all"): [
        Case(
            1,
            lambda scene: scene.sandbox.identity.connections.clear(),
            "No organisation is connected",
            second=(),
        )
    ],
}
STOPPED = (
    "it was told to stop (SIGTERM, SIGINT) and nothing had failed; the state of the last page was "
    "written"
)
CUT = "whoever reads its output has gone, or it was told to stop after something had failed"
ELSEWHERE = {("0", STOPPED), ("1, where it is", CUT), ("2", "there is no such option")}
"""Rows with tests of their own: below, and in `test_cli.py`."""


def run(folder: Path, config: dict[str, Any], catalog: dict[str, Any]) -> tuple[int, list[Any]]:
    """The command: its exit code and the messages that it wrote."""
    arguments = []
    for name, content in (("config", config), ("catalog", catalog)):
        (folder / f"{name}.json").write_text(dump_json(content))
        arguments += [f"--{name}", str(folder / f"{name}.json")]
    output = io.TextIOWrapper(io.BytesIO(), write_through=True)
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    try:
        with redirect_stdout(output):
            TapXero.cli.main(arguments, standalone_mode=False)
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)
    output.seek(0)
    return code, [json.loads(line) for line in output]


def test_every_row_of_the_table_is_tested():
    text = README.read_text().partition("<!-- exit codes -->")[2].partition("<!-- /exit codes")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)[1:]
    assert set(rows) == CASES.keys() | ELSEWHERE
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=f"{row[1][:40]}-{number}")
        for row, cases in CASES.items()
        for number, case in enumerate(cases)
    ],
)
def test_the_exit_code_says_what_the_table_says(
    make_xero_sandbox, config_of, selecting, tmp_path, caplog, case
):
    sandbox = make_xero_sandbox(organisations=2, invoices=10)
    sandbox.prepare()
    scene = Scene(sandbox, tmp_path)
    case.prepare(scene)
    code, messages = run(tmp_path, config_of(sandbox, **scene.settings), selecting(*STREAMS))
    assert code == case.code
    assert case.says in caplog.text
    assert "Traceback" not in caplog.text
    came = {(m["record"]["TenantID"], m["stream"]) for m in messages if m["type"] == "RECORD"}
    assert {stream for tenant, stream in came if tenant == scene.second} == {*case.second}
    if case.first is not None:
        assert {stream for tenant, stream in came if tenant == scene.first} == {*case.first}
    assert not messages or messages[-1]["type"] == "STATE"


def test_an_option_that_there_is_not_is_2():
    with pytest.raises(click.UsageError) as caught:
        TapXero.cli.main(["--no-such-option"], standalone_mode=False)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("failures", "code"), [([], 0), (["contacts of Somebody"], 1)])
def test_attack_16_a_run_that_is_told_to_stop_is_a_success_unless_something_had_failed(
    xero_sandbox, config_of, failures, code
):
    """0 as in the SDK; the command itself is stopped in `test_cli.py`."""
    tap = TapXero(config=config_of(xero_sandbox))
    tap.run.report.failures += failures
    with pytest.raises(SystemExit) as caught:
        tap._handle_termination(15, None)
    assert caught.value.code == code
