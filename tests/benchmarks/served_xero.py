"""A Xero sandbox in a process of its own, and taps that are pointed at it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from measuring import installed


@contextmanager
def served(*options: object) -> Iterator[dict[str, Any]]:
    """Start a sandbox with command-line options; gives what it prints when it is ready."""
    command = [sys.executable, "-m", "xero_sandbox", "serve", "--until-stdin-closes"]
    process = subprocess.Popen(
        [*command, *map(str, options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def command_of_the_tap(xero: dict[str, Any], folder: Path, streams: Collection[str]) -> str:
    """A shell command that reads some streams of a served sandbox."""
    config, chosen = folder / "config.json", folder / "catalog.json"
    config.write_text(
        json.dumps(
            {
                "client_id": xero["client_id"],
                "client_secret": xero["client_secret"],
                "refresh_token": xero["refresh_token"],
                "credential_store": str(folder / "store"),
                "api_url": xero["url"],
                "identity_url": xero["url"],
                "bill_in_log": True,
            }
        )
    )
    tap = installed("tap-xero")
    found = subprocess.run([tap, "--discover"], capture_output=True, check=True, text=True)
    catalog = json.loads(found.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
    chosen.write_text(json.dumps(catalog))
    return f"{tap} --config {config} --catalog {chosen}"


def calls_of(xero: dict[str, Any]) -> int:
    """Calls of the Accounting API that the sandbox has seen since `forget_calls`."""
    log = requests.get(f"{xero['url']}/sandbox/calls", timeout=60).json()
    return sum(1 for call in log if call["tenant_id"])


def forget_calls(xero: dict[str, Any]) -> None:
    """Start counting calls anew."""
    requests.delete(f"{xero['url']}/sandbox/calls", timeout=60)
