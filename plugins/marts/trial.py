"""The command `test` of dbt-duckdb and dbt-databricks: `dbt test` of the marts that are there.

`meltano test --all` calls it in every project. Where nobody has made any marts yet, or has set a
warehouse, there is nothing to test: that is said, and is no failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def lacking(environment: Mapping[str, str]) -> str:
    """What there has to be before anything can be tested; empty where it is there.

    Args:
        environment: Settings of the plugin, by their variables.
    """
    if environment.get("MARTS_TARGET") == "warehouse":
        if environment.get("MARTS_HOST"):
            return ""
        return "no warehouse is set. Set TARGET_DATABRICKS_SERVER_HOSTNAME."
    if (database := Path(environment.get("MARTS_DATABASE", ""))).is_file():
        return ""
    return f"{database} is not made yet. Make it: meltano run dbt-duckdb:build."


def main() -> int:
    """Run dbt, with further arguments as they are."""
    if reason := lacking(os.environ):
        print(f"nothing there: {reason}")
        return 0
    return subprocess.call([Path(sys.executable).with_name("dbt"), "test", *sys.argv[1:]])  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
