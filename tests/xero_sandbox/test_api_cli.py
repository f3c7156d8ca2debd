"""The command line and the process contract: one line of JSON, then service until told to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from xero_sandbox.cli import main

COMMAND = [sys.executable, "-m", "xero_sandbox", "serve", "--port", "0", "--invoices", "5"]


def started(*options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    process = subprocess.Popen(
        [*COMMAND, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def headers_for(details: dict[str, Any]) -> dict[str, str]:
    answer = requests.post(
        f"{details['url']}/connect/token",
        data={"grant_type": "refresh_token", "refresh_token": details["refresh_token"]},
        auth=(details["client_id"], details["client_secret"]),
        timeout=10,
    )
    return {
        "Authorization": f"Bearer {answer.json()['access_token']}",
        "xero-tenant-id": details["tenants"][0]["tenantId"],
        "Accept": "application/json",
    }


def test_one_line_says_where_and_the_process_ends_with_its_input() -> None:
    process, details = started(
        "--until-stdin-closes", "--organisations", "Acorn Ltd, Birch Ltd", "--clock", "2026-02-02"
    )
    try:
        assert set(details) == {"url", "client_id", "client_secret", "refresh_token", "tenants"}
        assert [row["tenantName"] for row in details["tenants"]] == ["Acorn Ltd", "Birch Ltd"]
        url = f"{details['url']}/api.xro/2.0/Organisation"
        response = requests.get(url, headers=headers_for(details), timeout=10)
        assert response.json()["Organisations"][0]["Name"] == "Acorn Ltd"
        assert response.headers["X-MinLimit-Remaining"] == "59"
    finally:
        out, errors = process.communicate("", timeout=20)
    assert (process.returncode, out, errors) == (0, "", "")


def test_an_interrupt_ends_it_quietly_and_limits_can_be_off() -> None:
    process, details = started("--organisations", "1", "--no-limits", "--no-journals")
    try:
        headers = headers_for(details)
        base = f"{details['url']}/api.xro/2.0"
        response = requests.get(f"{base}/Organisation", headers=headers, timeout=10)
        assert response.headers["X-MinLimit-Remaining"] == "60"
        assert requests.get(f"{base}/Journals", headers=headers, timeout=10).status_code == 401
    finally:
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "", "")


def test_a_parent_that_goes_away_ends_even_a_long_preparation(tmp_path: Path) -> None:
    command = [*COMMAND[:-1], "250000", "--until-stdin-closes"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    out, errors = process.communicate("", timeout=20)
    assert (process.returncode, out, errors) == (0, "", "")
    assert not any(tmp_path.iterdir())


def test_two_processes_with_the_same_arguments_serve_the_same_books() -> None:
    options = ("--clock", "=2026-02-02T09:00:00", "--organisations", "1")
    answers = []
    with ThreadPoolExecutor(2) as pool:
        for process, details in pool.map(lambda _: started(*options), range(2)):
            try:
                url = f"{details['url']}/api.xro/2.0/Invoices?page=1"
                answers.append(requests.get(url, headers=headers_for(details), timeout=10).json())
            finally:
                process.terminate()
                process.communicate(timeout=20)
    assert answers[0]["Invoices"] == answers[1]["Invoices"]
    assert answers[0]["DateTimeUTC"] == answers[1]["DateTimeUTC"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--invoices", "250001"], "from 0 to 250000"),
        (["--invoices", "many"], "from 0 to 250000"),
        (["--organisations", "0"], "at least one organisation"),
        (["--clock", "tomorrow"], "not an ISO time"),
    ],
)
def test_a_bad_option_is_named(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve", *options])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_a_taken_port_is_one_clear_line_and_leaves_nothing_behind(
    xero_sandbox: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    port = xero_sandbox.url.rpartition(":")[2]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["serve", "--port", port, "--invoices", "1", "--organisations", "1"]) == 1
    assert not any(tmp_path.iterdir())
    assert f"cannot listen on port {port}" in capsys.readouterr().err
