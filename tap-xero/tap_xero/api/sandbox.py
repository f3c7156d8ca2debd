"""Starts a Xero sandbox for the length of a run, where the `sandbox` setting asks for one.

The sandbox is a process of its own and an optional package; it is never imported. It
tells where it listens in one line of JSON, and it ends when its stdin closes, so that it
cannot outlive this process, however that ends.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_xero import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.exceptions import ConfigValidationError

_STOP_WITHIN = 10
"""Seconds the sandbox has to end by itself."""


@dataclass(frozen=True)
class SandboxAccess:
    """How to reach the sandbox: its one base URL and the credentials of its one app."""

    url: str
    client_id: str
    client_secret: str
    refresh_token: str


class SandboxProcess:
    """A running sandbox.

    Attributes:
        options: What it was started with.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Start it.

        Args:
            options: The `sandbox` setting: any of organisations, invoices, seed and features.

        Raises:
            ConfigValidationError: The sandbox is not installed.
        """
        self.options = options
        if not _is_installed():
            raise _refused(
                "Setting sandbox: the sandbox is not installed. "
                f"Install {PACKAGE}[sandbox], or leave the setting out to read from Xero."
            )
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", "xero_sandbox", *_arguments(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.stop)

    @cached_property
    def access(self) -> SandboxAccess:
        """How to reach it, once it is ready.

        Raises:
            ConfigValidationError: It did not start.
        """
        try:
            # Whatever ends the wait, an interruption too, ends the process that was waited for.
            line = self._process.stdout.readline() if self._process.stdout else b""
        except BaseException:
            self.stop()
            raise
        try:
            ready = json.loads(line)
            return SandboxAccess(
                ready["url"], ready["client_id"], ready["client_secret"], ready["refresh_token"]
            )
        except (ValueError, KeyError, TypeError) as error:
            self.stop()
            raise _refused(
                "Setting sandbox: the sandbox did not start; what it said is above."
            ) from error

    def stop(self) -> None:
        """End it; safe to call again."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


_early: list[SandboxProcess] = []
"""The sandbox that was started before the rest of the tap was loaded."""


def start_early(options: object) -> None:
    """Start the sandbox before the settings are checked, where they are what they should be.

    Whoever asks for it with the same options gets it from `sandbox_of`.

    Args:
        options: The `sandbox` setting, as it stands.
    """
    if isinstance(options, dict) and _is_plain(options) and _is_installed():
        _early[:] = [SandboxProcess(options)]


def sandbox_of(options: Mapping[str, Any]) -> SandboxProcess:
    """A sandbox with these options: the one that was started early, or a new one.

    Raises:
        ConfigValidationError: The sandbox is not installed, or did not start.
    """
    started = _early.pop() if _early and _early[0].options == options else None
    sandbox = started or SandboxProcess(options)
    _ = sandbox.access
    return sandbox


def _is_installed() -> bool:
    return importlib.util.find_spec("xero_sandbox") is not None


def _is_plain(options: Mapping[str, Any]) -> bool:
    """Whether options are of the types that the setting says, beyond any doubt."""
    numbers = all(
        type(options[name]) is int
        for name in ("organisations", "invoices", "seed")
        if options.get(name) is not None
    )
    return numbers and {"organisations", "invoices", "seed", "features"}.issuperset(options)


def _arguments(options: Mapping[str, Any]) -> list[str]:
    # The limits are Xero's business with real callers; a demonstration need not wait.
    arguments = ["serve", "--port", "0", "--until-stdin-closes", "--no-limits"]
    for name in ("organisations", "invoices", "seed", "features"):
        value = options.get(name)
        if value is not None:
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            arguments += [f"--{name}", text]
    return arguments


def _refused(message: str) -> ConfigValidationError:
    from singer_sdk.exceptions import ConfigValidationError

    return ConfigValidationError(message, errors=[message])
