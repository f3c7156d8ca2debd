"""What tap and target need to stand ready, in seconds of CPU, on top of the SDK they are made with.

uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_start.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from measuring import installed, run, show

TIMES = 7
MOST = 0.15
"""Seconds that our imports, and what they bring, may take beyond the SDK's."""

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]


def seconds(*command: object) -> float:
    """CPU seconds of a command, the least of some runs: what else goes on only adds to them."""
    return min(run([str(part) for part in command]).cpu for _ in range(TIMES))


def test_our_own_imports_and_discovery_cost_little(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"sandbox": {}}))
    sdk = seconds(sys.executable, "-c", "import singer_sdk")
    ours = {
        module: seconds(sys.executable, "-c", f"import singer_sdk, {module}") - sdk
        for module in ("tap_xero.tap", "target_databricks.target")
    }
    discovery = seconds(installed("tap-xero"), "--config", config, "--discover")
    show(
        "seconds of CPU",
        [
            ("import singer_sdk", f"{sdk:.2f}"),
            *((f"{module} on top of it", f"{cost:.2f}") for module, cost in ours.items()),
            ("discovery, all of it", f"{discovery:.2f}"),
        ],
    )
    assert max(ours.values()) <= MOST
    assert discovery < sdk
