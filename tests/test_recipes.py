"""The recipes of `justfile` that the documents name: they are there, and have tests to run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from shown_commands import as_shown

ROOT = Path(__file__).resolve().parents[1]

COSTLY = (
    as_shown("uvx --from rust-just just test").removeprefix("uvx --from rust-just "),
    as_shown("just test"),
    as_shown("just test-long"),
    as_shown("just fuzz"),
    as_shown("just test-process"),
    as_shown("just test-meltano"),
    as_shown("just test-spark"),
    as_shown("just check"),
    as_shown("just all"),
    as_shown("just test-pythons"),
    as_shown("just test-newest"),
    as_shown("just test-cloud"),
    as_shown("just business"),
    as_shown("just orchestrators"),
    as_shown("just stress"),
    as_shown("just bench"),
    as_shown("just test tests/tap_xero -k cadence"),
    as_shown("just fuzz --streams 20000"),
    as_shown("just stress tests/report"),
    as_shown(
        "just stress tests/end_to_end/test_clone.py "
        "tests/end_to_end/test_shown_commands_live.py tests/test_recipes.py"
    ),
    as_shown("just stress tests/databricks_bundle"),
    as_shown("UPDATE_SNAPSHOTS=1 just test-meltano tests/end_to_end/test_report.py"),
    as_shown("GOLDEN=write just test tests/target_databricks/test_warehouse_sql.py"),
    as_shown("just all tests/test_packages.py"),
    as_shown("just stress tests/test_installing.py"),
    as_shown("just stress tests/test_deploy.py"),
    as_shown("just test tests/tap_xero tests/xero_sandbox"),
    as_shown("just test tests/end_to_end/test_marts_engines.py"),
    as_shown("just stress tests/end_to_end/test_marts_warehouse.py"),
    as_shown("just stress tests/tap_xero/test_webhook_strangers.py"),
    as_shown("just fix check test"),
    as_shown("UPDATE_SNAPSHOTS=1 just test tests/tap_xero/test_readme.py"),
    as_shown(
        "UPDATE_SNAPSHOTS=1 just test "
        "tests/tap_xero/test_readme.py tests/tap_xero/test_snapshots.py"
    ),
)
"""Each runs tests, and they are run by themselves: here just says what it would run."""

PYTEST = (
    as_shown("uv run --group test pytest"),
    as_shown("uv run --group test pytest tests/tap_xero"),
    as_shown(
        "uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_webhook_load.py"
    ),
)


def planned(commands: tuple[str, ...]) -> list[str]:
    """What just would run for these, line by line."""
    dry = (re.sub(r"\bjust ", "just --dry-run ", command) for command in commands)
    done = subprocess.run(
        ["uvx", "--from", "rust-just", "bash", "-ec", "\n".join(dry)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if line]


def test_a_recipe_that_a_document_names_is_there_and_takes_what_is_said_to_it():
    lines = planned(COSTLY)
    assert len(lines) >= len(COSTLY)
    assert sum(" pytest " in line for line in lines) >= len(COSTLY)
    assert "tests/tap_xero -k cadence" in "\n".join(lines)


@pytest.mark.stress
@pytest.mark.timeout(1800)
def test_the_tests_that_a_recipe_runs_are_there():
    """Collected only, once for each different set of arguments."""
    lines = (*planned(COSTLY), *(f"{each} " for each in PYTEST))
    arguments = {line.partition("pytest ")[2] for line in lines if "pytest " in line}
    assert len(arguments) > 15
    for each in sorted(arguments):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "0", "-q", "--collect-only", *shlex.split(each)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{each}\n{done.stdout[-2000:]}"
