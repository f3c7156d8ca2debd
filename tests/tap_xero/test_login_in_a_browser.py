"""`tap-xero-login` with a real browser: headless Chromium, driven through its debugging pipe.

Runs where a Chromium is found. `SCREENSHOTS=folder` keeps a picture of each page.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tap_xero.auth.store import open_store

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
LOGIN = Path(sys.executable).with_name("tap-xero-login")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
# The protocol is spoken on the descriptors 3 and 4.
WITH_PIPES = """
import fcntl, os, sys
high = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3]]
for number, each in zip((3, 4), high):
    os.dup2(each, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
# Hands the link over instead of opening it, as the test's browser runs already.
HAND_OVER = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine"),
]


class Browser:
    """One page of a Chromium, by the Chrome DevTools Protocol."""

    def __init__(self, profile):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        pipes = map(str, (to_browser, from_browser))
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", WITH_PIPES, *pipes, *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._rest = b""
        self._session = None
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        attached = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.do("Page.enable")

    def do(self, method, **params):
        """Carry out a command and give its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _message(self):
        while b"\0" not in self._rest:
            read = os.read(self._in, 65536)
            assert read, "the browser has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, url):
        self.do("Page.navigate", url=url)

    def js(self, expression):
        """The value of an expression in the page."""
        result = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait_for(self, expression):
        """Wait until an expression of the page is true."""
        deadline = time.monotonic() + 30
        while not self.js(expression):
            assert time.monotonic() < deadline, self.js("document.body.innerText")
            time.sleep(0.05)

    def click(self, selector):
        """Press and release the mouse in the middle of an element."""
        box = json.loads(
            self.js(f"JSON.stringify(document.querySelector({selector!r}).getBoundingClientRect())")
        )
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def picture(self, name):
        if folder := os.environ.get("SCREENSHOTS"):
            data = self.do("Page.captureScreenshot")["data"]
            Path(folder, f"{name}.png").write_bytes(base64.b64decode(data))

    def close(self):
        for pipe in (self._out, self._in):
            os.close(pipe)
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()


@pytest.fixture
def browser(tmp_path):
    made = Browser(tmp_path / "profile")
    yield made
    made.close()


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
    browser.picture("consent")
    first, second, third = sandbox.tenants
    browser.click(f"input[name='tenant-{second.tenant_id}']")
    browser.click("button[value=allow]")
    browser.wait_for("document.body && document.body.innerText.includes('close this page')")
    browser.picture("done")
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
    browser.picture("cancelled")
    output, log = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output == ""
    assert "access_denied" in log
    assert "Traceback" not in log
    assert open_store(config, lambda _: None).load() is None
