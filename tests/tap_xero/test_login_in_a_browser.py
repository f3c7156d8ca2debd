"""`tap-xero-login` with a real browser: headless Chromium, driven through its debugging pipe.

`SCREENSHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chromium import opened
from tap_xero.auth.store import open_store

LOGIN = Path(sys.executable).with_name("tap-xero-login")
# Hands the link over instead of opening it, as the test's browser runs already.
HAND_OVER = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"


def picture(browser, name):
    if folder := os.environ.get("SCREENSHOTS"):
        browser.picture(Path(folder, f"{name}.png"))


@pytest.fixture
def browser(tmp_path):
    yield from opened(tmp_path / "profile")


@pytest.fixture
def sandbox(make_xero_sandbox):
    """Three organisations, none of them connected yet."""
    made = make_xero_sandbox(organisations=3, invoices=2, granular_only=True)
    for row in list(made.identity.connections):
        made.identity.disconnect(row.connection_id)
    return made


@pytest.fixture
def config(sandbox, config_of, tmp_path):
    made = config_of(sandbox, login_url=sandbox.url, credential_store=str(tmp_path / "tokens"))
    del made["refresh_token"]
    (tmp_path / "config.json").write_text(json.dumps(made))
    return made


@pytest.fixture
def login(config, tmp_path):
    """Start the command; gives the process and the link it opened."""
    (tmp_path / "hand_over.py").write_text(HAND_OVER)
    link = tmp_path / "link"
    clean = {name: value for name, value in os.environ.items() if "TAP_XERO" not in name}
    process = subprocess.Popen(
        [LOGIN, "--config", tmp_path / "config.json", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean, "BROWSER": f"{sys.executable} {tmp_path / 'hand_over.py'} {link} %s"},
    )
    deadline = time.monotonic() + 60
    while not (link.exists() and link.read_text()):
        assert time.monotonic() < deadline, process.poll()
        time.sleep(0.05)
    yield process, link.read_text()
    process.kill()
    process.communicate()


def test_allowing_access_in_a_browser_connects_what_was_ticked(browser, sandbox, config, login):
    process, link = login
    browser.open(link)
    browser.wait_for("document.querySelector('button[value=allow]') !== null")
    picture(browser, "consent")
    first, second, third = sandbox.tenants
    browser.click(f"input[name='tenant-{second.tenant_id}']")
    browser.click("button[value=allow]")
    browser.wait_for("document.body && document.body.innerText.includes('close this page')")
    picture(browser, "done")
    output, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert first.name in output
    assert third.name in output
    assert second.name not in output
    kept = open_store(config, lambda _: None).load()
    assert kept.refresh_token
    assert kept.refresh_token not in output + log
    assert browser.js("document.location.href").startswith("http://localhost:")


def test_cancelling_in_a_browser_is_one_line(browser, config, login):
    process, link = login
    browser.open(link)
    browser.wait_for("document.querySelector('button[value=cancel]') !== null")
    browser.click("button[value=cancel]")
    browser.wait_for("document.body && document.body.innerText.includes('not given')")
    picture(browser, "cancelled")
    output, log = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output == ""
    assert "access_denied" in log
    assert "Traceback" not in log
    assert open_store(config, lambda _: None).load() is None
