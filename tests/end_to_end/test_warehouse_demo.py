"""The environment `warehouse-demo`, as its user calls it: Spark starts and ends with every run.

`just stress tests/end_to_end/test_warehouse_demo.py`
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from conftest import BIN, Project

pytestmark = [pytest.mark.stress, pytest.mark.timeout(1200)]

DEMO = "--environment=warehouse-demo"


def asked(folder: Path, statement: str) -> list[dict[str, object]]:
    """What the README's command prints."""
    printed = subprocess.run(
        [BIN / "databricks-sandbox", "sql", "--folder", folder, statement],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_the_demo_of_a_warehouse_keeps_its_tables_from_run_to_run(project: Project) -> None:
    printed = project.meltano(DEMO, "run", "tap-xero", "target-databricks", timeout=600)
    assert "Warning" not in printed
    warehouse = project.root / "output" / "warehouse"
    question = "SELECT count(*) AS rows FROM xero.invoices"
    ((first),) = asked(warehouse, question)
    assert first["rows"]
    printed = project.meltano(DEMO, "run", "tap-xero", "target-databricks", timeout=600)
    assert "xero: no rows came." in printed
    assert asked(warehouse, question) == [first]
    printed = project.meltano(DEMO, "invoke", "target-databricks:check", timeout=600)
    assert "Ready." in printed
    # A folder has one sandbox at a time, and none is left.
    assert asked(warehouse, question) == [first]
