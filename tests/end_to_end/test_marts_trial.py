"""`meltano test` of the marts: before anything is made there is nothing to test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from shown_commands import ROOT

PROGRAM = ROOT / "plugins" / "marts" / "trial.py"
DBT = '#!/bin/sh\necho dbt "$@"\nexit 3\n'


def tried(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run it as Meltano does, by the Python of an environment that has `dbt` beside it."""
    (folder / "python").symlink_to(sys.executable)
    (folder / "dbt").write_text(DBT)
    (folder / "dbt").chmod(0o755)
    others = {name: value for name, value in os.environ.items() if not name.startswith("MARTS_")}
    return subprocess.run(
        [folder / "python", PROGRAM, *arguments],
        env=others | settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"MARTS_DATABASE": "/nowhere/books.duckdb"}, "/nowhere/books.duckdb is not made yet."),
        ({"MARTS_TARGET": "warehouse"}, "no warehouse is set."),
        ({"MARTS_TARGET": "warehouse", "MARTS_HOST": ""}, "no warehouse is set."),
    ],
)
def test_where_nothing_is_made_that_is_said_and_is_no_failure(tmp_path, settings, reason):
    done = tried(tmp_path, **settings)
    assert done.returncode == 0
    assert done.stdout.startswith(f"nothing there: {reason}")


def test_what_is_there_is_tested_by_dbt_whose_exit_code_it_is(tmp_path):
    (tmp_path / "books.duckdb").touch()
    done = tried(tmp_path, "--select", "x", MARTS_DATABASE=str(tmp_path / "books.duckdb"))
    assert (done.returncode, done.stdout) == (3, "dbt test --select x\n")


@pytest.mark.parametrize("name", ["dbt-duckdb", "dbt-databricks"])
def test_both_definitions_call_it(name):
    text = (ROOT / "plugins" / "utilities" / f"{name}.yml").read_text(encoding="utf-8")
    command = yaml.safe_load(text)["commands"]["test"]
    program = command["args"].replace("$MELTANO_PROJECT_ROOT", str(ROOT))
    assert (command["executable"], program) == ("python", str(PROGRAM))
