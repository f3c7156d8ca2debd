"""What a load takes from the command's start to its end, against the bare script.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_target_start.py

A small load is start-up for the most part, so both are measured as processes, with all that they
import. pyarrow imports pandas where it is installed, two seconds that the bare script would not
need: it is measured without pandas too, and held against that. SIZES has rows and the most that the
target may take of the bare script's time: "100000:1.0 500000:0.7".
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from measuring import HERE, Cost, installed, run, script, show
from test_target_throughput import _messages

SIZES = [
    (int(rows), float(share))
    for rows, _, share in (
        size.partition(":") for size in os.environ.get("SIZES", "100000:1.0 500000:0.7").split()
    )
]
RUNS = 3
WITHOUT_PANDAS = """
import runpy, sys

class Without:
    def find_spec(name, *_):
        if name == "pandas":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Without)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(("rows", "most"), SIZES)
def test_a_load_with_its_start_takes_no_longer_than_the_bare_script(
    rows: int, most: float, tmp_path: Path
) -> None:
    messages = _messages(tmp_path / "messages.jsonl", rows)
    bare, plain, ours = [], [], []
    for number in range(RUNS):
        # One after the other, so that what else the machine does meets all three.
        bare.append(run([*script("bare_script.py"), tmp_path / f"bare{number}"], messages))
        command = [sys.executable, "-c", WITHOUT_PANDAS, HERE / "bare_script.py"]
        plain.append(run([*command, tmp_path / f"plain{number}"], messages))
        config = tmp_path / f"config{number}.json"
        config.write_text(json.dumps({"lakehouse_path": str(tmp_path / f"lake{number}")}))
        ours.append(run([installed("target-databricks"), "--config", config], messages))
    best = {
        "bare script": min(bare, key=_seconds),
        "bare script without pandas": min(plain, key=_seconds),
        "target-databricks": min(ours, key=_seconds),
    }
    share = best["target-databricks"].seconds / best["bare script without pandas"].seconds
    show(
        f"{rows:,} invoices, the best of {RUNS}, start-up counted",
        [
            *(
                (name, f"{cost.seconds:6.1f} s  {cost.cpu:6.1f} s of CPU  {cost.peak:6,.0f} MiB")
                for name, cost in best.items()
            ),
            ("target / bare script without pandas", f"{share:.2f}"),
        ],
    )
    assert share <= most


def _seconds(cost: Cost) -> float:
    return cost.seconds
