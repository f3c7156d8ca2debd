"""What the small commands share: reading the target's settings."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from target_databricks.settings import destination_of
from target_databricks.target import TargetDatabricks


def settings(arguments: Sequence[str], about: str) -> dict[str, Any]:
    """The settings, defaults filled in: from `--config`, and from the environment.

    Args:
        arguments: The command line.
        about: What the command does.

    Raises:
        ConfigurationError: They do not describe a SQL warehouse.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="settings as JSON, as the target takes them")
    stated = parser.parse_args(arguments).config
    given = json.loads(stated.read_text()) if stated else {}
    config = dict(TargetDatabricks(config=given, parse_env_config=True).config)
    if destination_of(config) != "warehouse":
        parser.error("the settings describe a lakehouse folder, which needs no checks and grants")
    return config
