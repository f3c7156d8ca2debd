"""The command `tap-xero`: what need not wait for the SDK, which takes two seconds to load.

Discovery is answered without it, and the sandbox of a demo starts while it is loaded.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tap_xero.blanks import without_blanks


def main() -> None:
    """Run the tap."""
    arguments = sys.argv[1:]
    config = _config([each for each in arguments if each != "--discover"])
    if config is not None and "--discover" in arguments and _discover(config):
        return
    if config and config.get("sandbox") is not None and "--discover" not in arguments:
        from tap_xero.api.sandbox import start_early

        start_early(config["sandbox"])
    from tap_xero.tap import TapXero

    TapXero.cli()


def _discover(config: dict[str, Any]) -> bool:
    """Print the catalog; False where only the SDK can make it."""
    from tap_xero.auth.places import IDENTITY_URL, missing_credentials
    from tap_xero.catalog import catalog

    if config:
        # Meltano discovers before it runs: what the run would end with is told first.
        for line in missing_credentials({"identity_url": IDENTITY_URL, **config}):
            print(line, file=sys.stderr)
    if (made := catalog(config)) is None:
        return False
    sys.stdout.buffer.write(made + b"\n")
    sys.stdout.flush()
    return True


def _config(arguments: list[str]) -> dict[str, Any] | None:
    """The settings of a command line that has nothing but files of them, state and catalog.

    None for every other: it is for the SDK to answer.
    """
    config: dict[str, Any] = {}
    names, values = arguments[::2], arguments[1::2]
    if len(names) != len(values) or not {"--config", "--state", "--catalog"}.issuperset(names):
        return None
    for name, value in zip(names, values, strict=True):
        if name != "--config":
            continue
        with suppress(OSError, ValueError):
            read = json.loads(Path(value).read_text("utf-8"))
            if isinstance(read, dict):
                config |= read
                continue
        return None
    return without_blanks(config, config.keys())
