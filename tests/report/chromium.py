"""A real Chromium for tests, fetched once and driven through its debugging pipe.

The browser is the one that the npm package `@sparticuz/chromium` has inside, by its checksum: npm
and node are all that a machine needs. It is kept in the user's cache. Source: Chrome DevTools
Protocol.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

PACKAGE, VERSION = "@sparticuz/chromium", "153.0.0"
SHA512 = (
    "8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34ef"
    "c41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0"
)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xero-to-databricks"

FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--no-zygote",
    ),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars"),
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
UNPACK = """
const { createReadStream, createWriteStream } = require("node:fs");
const { createBrotliDecompress } = require("node:zlib");
const [, from, to] = process.argv;
createReadStream(from).pipe(createBrotliDecompress()).pipe(createWriteStream(to));
"""

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{home}/fonts</dir><cachedir>{home}/fonts-cache</cachedir></fontconfig>
"""


def installed() -> Path:
    """The folder of the browser, which is fetched where it is not there yet.

    In CI a browser that cannot be had fails the test; elsewhere a machine without npm skips it.
    """
    home = CACHE / f"chromium-{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "chromium.lock"):
        if not home.exists():
            missing = [each for each in ("npm", "node") if shutil.which(each) is None]
            if missing:
                told = f"there is no {' and no '.join(missing)} to fetch a Chromium with"
                (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                _fetch(Path(folder))
                Path(folder, "browser").rename(home)
    return home


def _fetch(folder: Path) -> None:
    """Put the browser, its libraries and fonts into `browser` of a folder."""
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{PACKAGE}@{VERSION}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    (archive,) = folder.glob("*.tgz")
    assert hashlib.sha512(archive.read_bytes()).hexdigest() == SHA512, (
        "another file than was pinned"
    )
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (home := folder / "browser").mkdir()
    for name in ("chromium", "al2023.tar", "fonts.tar", "swiftshader.tar"):
        source = folder / "package" / "bin" / f"{name}.br"
        if source.exists():
            subprocess.run(["node", "-e", UNPACK, str(source), str(home / name)], check=True)
    for name in ("al2023.tar", "fonts.tar", "swiftshader.tar"):
        if (home / name).exists():
            with tarfile.open(home / name) as packed:
                packed.extractall(home, filter="data")
            (home / name).unlink()
    (home / "chromium").chmod(0o755)
    # The package's own names places that are not here.
    (home / "fonts.conf").write_text(FONTS.format(home=CACHE / f"chromium-{VERSION}"))


class Browser:
    """One page of a Chromium.

    Attributes:
        requests: URLs that the page has asked for, in order.
        complaints: What it has written to the console, and what went wrong in its scripts.
    """

    def __init__(self, profile: Path) -> None:
        home = installed()
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        pipes = map(str, (to_browser, from_browser))
        command = [str(home / "chromium"), *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", WITH_PIPES, *pipes, *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "LD_LIBRARY_PATH": str(home / "lib"),
                "FONTCONFIG_PATH": str(home),
                "HOME": str(profile),
                "TZ": "UTC",
            },
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        attached = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **params: Any) -> dict[str, Any]:
        """Carry out a command and give its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer.get("method", ""), answer.get("params", {}))

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(f"{event}: {json.dumps(told)[:500]}")

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._in, 1 << 20)
            assert read, "the browser has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def open(self, url: str) -> None:
        self.do("Page.navigate", url=url)

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = self.do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression of the page is true."""
        deadline = time.monotonic() + 30
        # Between two documents there is none to ask.
        while not self.js(f"document.documentElement !== null && Boolean({expression})"):
            assert time.monotonic() < deadline, self.js("document.body.innerText")
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element."""
        box = self.js(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        kind = "keyDown" if text else "rawKeyDown"
        self.do("Input.dispatchKeyEvent", type=kind, text=text, **named)
        self.do("Input.dispatchKeyEvent", type="keyUp", **named)

    def look(self, width: int, height: int, *, scheme: str = "light", mobile: bool = False) -> None:
        """The size of the window, and whether the reader prefers light or dark."""
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.do("Emulation.setEmulatedMedia", features=features)

    def picture(self, path: Path, height: int | None = None) -> None:
        """Keep a PNG of the window, or of the page down to a height."""
        options: dict[str, Any] = {}
        if height is not None:
            width = self.js("innerWidth")
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            options = {"clip": clip, "captureBeyondViewport": True}
        data = self.do("Page.captureScreenshot", **options)["data"]
        path.write_bytes(base64.b64decode(data))

    def pdf(self) -> bytes:
        """The page as it is printed."""
        printed = self.do("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(printed["data"])

    def close(self) -> None:
        for pipe in (self._out, self._in):
            os.close(pipe)
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()


def opened(profile: Path) -> Iterator[Browser]:
    """A browser for a fixture."""
    made = Browser(profile)
    yield made
    made.close()
