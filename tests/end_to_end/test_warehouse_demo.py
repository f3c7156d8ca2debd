"""The environment `warehouse-demo`, as its user calls it: Spark starts and ends with every run.

`just stress tests/end_to_end/test_warehouse_demo.py`
"""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import BIN, UV, Project
from shown_commands import as_shown

pytestmark = [pytest.mark.stress, pytest.mark.timeout(1200)]

DEMO = "--environment=warehouse-demo"
LOAD = as_shown(
    "uv run --extra warehouse-demo meltano --environment=warehouse-demo "
    "run tap-xero target-databricks"
)
LOOK = as_shown(
    "uv run --extra warehouse-demo databricks-sandbox sql --folder output/warehouse "
    '"SELECT status, count(*) AS invoices FROM xero.invoices GROUP BY ALL"'
)
SERVE = as_shown("uv run --extra warehouse-demo databricks-sandbox serve --folder output/warehouse")
ASK = as_shown('databricks-sandbox sql --folder F "SELECT …"')


def asked(folder: Path, statement: str) -> list[dict[str, object]]:
    """What the command of the sandbox's README prints."""
    command = ASK.replace(" F ", f" {folder} ").replace("SELECT …", statement)
    printed = subprocess.run(
        ["bash", "-ec", f"{BIN}/{command}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_the_demo_of_a_warehouse_keeps_its_tables_from_run_to_run(project: Project) -> None:
    printed = project.run(LOAD, timeout=600)
    assert "Warning" not in printed
    warehouse = project.root / "output" / "warehouse"
    question = "SELECT count(*) AS rows FROM xero.invoices"
    ((first),) = asked(warehouse, question)
    assert first["rows"]
    printed = project.run(LOAD, timeout=600)
    assert "xero: no rows came." in printed
    assert asked(warehouse, question) == [first]
    printed = project.meltano(DEMO, "invoke", "target-databricks:check", timeout=600)
    assert "Ready." in printed
    # A folder has one sandbox at a time, and none is left.
    assert asked(warehouse, question) == [first]
    lines = [line for line in project.run(LOOK, timeout=600).splitlines() if "invoices" in line]
    assert sum(json.loads(line)["invoices"] for line in lines) == first["rows"]
    served = subprocess.Popen(
        ["bash", "-c", f"exec {SERVE}"],
        cwd=project.root,
        env=project.env | UV,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert served.stdout is not None
        assert json.loads(served.stdout.readline())["catalog"]
    finally:
        served.send_signal(signal.SIGTERM)
        served.wait(60)
