"""Starts a Databricks sandbox for the length of a run, where the `sandbox` setting asks for one.

The sandbox is a process of its own and an optional package; it is never imported. It tells where it
listens in one line of JSON, and it ends when its standard input closes, so that it cannot outlive
this process, however that ends.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from target_databricks import PACKAGE
from target_databricks.errors import ConfigurationError

_PLACES = frozenset(
    {
        *("lakehouse_path", "server_hostname", "http_path", "access_token", "profile"),
        *("client_id", "client_secret", "azure_client_id", "azure_client_secret"),
        *("azure_tenant_id", "azure_workspace_resource_id"),
    }
)
"""Settings that say where to load to and as whom; those of a sandbox are its own."""
_STOP_WITHIN = 60
"""Seconds the sandbox has to end by itself: Spark takes some."""


class SandboxProcess:
    """A running sandbox.

    Attributes:
        options: What it was started with.
    """

    def __init__(self, options: Mapping[str, Any], catalog: str) -> None:
        """Start it.

        Args:
            options: The `sandbox` setting.
            catalog: The name of its catalog.

        Raises:
            ConfigurationError: The sandbox is not installed.
        """
        self.options = options
        if importlib.util.find_spec("databricks_sandbox") is None:
            raise ConfigurationError(
                "Setting sandbox: the sandbox is not installed. Install "
                f"{PACKAGE}[sandbox], or leave the setting out to load into Databricks."
            )
        folder = ["--folder", str(options["folder"])] if options.get("folder") else []
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [
                *(sys.executable, "-m", "databricks_sandbox", "serve", "--until-stdin-closes"),
                *("--catalog", catalog, *folder),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Meltano has plugins show warnings, of which Spark's client has hundreds.
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            # An interruption of the terminal is for this process, which still needs the warehouse.
            start_new_session=True,
        )
        atexit.register(self.stop)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings that lead to it, once it is ready.

        Raises:
            ConfigurationError: It did not start.
        """
        line = self._process.stdout.readline() if self._process.stdout else b""
        try:
            ready = json.loads(line)
            return {
                "server_hostname": ready["url"],
                "http_path": ready["http_path"],
                "access_token": ready["access_token"],
            }
        except (ValueError, KeyError, TypeError) as error:
            self.stop()
            raise ConfigurationError(
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


_running: list[SandboxProcess] = []


def start_early(config: Mapping[str, Any]) -> None:
    """Start the sandbox that the settings ask for, without waiting for it.

    Raises:
        ConfigurationError: The sandbox is not installed.
    """
    options = config.get("sandbox")
    if options is not None and not any(one.options == options for one in _running):
        _running.append(SandboxProcess(options, str(config["catalog"])))


def with_sandbox(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, which lead to the sandbox where they ask for one.

    Raises:
        ConfigurationError: The sandbox is not installed, or did not start.
    """
    if config.get("sandbox") is None:
        return dict(config)
    start_early(config)
    (sandbox,) = (one for one in _running if one.options == config["sandbox"])
    # A proxy of the environment cannot reach a server of this machine.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))
    kept = {name: value for name, value in config.items() if name not in _PLACES}
    return {**kept, **sandbox.settings}
