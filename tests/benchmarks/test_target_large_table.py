"""Memory of long loads, and a small batch on a large table against delta-rs' own MERGE.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_target_large_table.py

LARGE sets the rows of the large table (default 5,000,000, with four lines each).
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable
from measuring import Cost, installed, run, script, show

LARGE = int(os.environ.get("LARGE", "5000000"))
SMALL = LARGE // 10
CHANGED = 1_000

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(5400)]


def _load(config: Path, *messages: str) -> Cost:
    """Load generated messages straight from the generator: five million are eight gigabytes."""
    source = " ".join(map(str, [*script("invoice_messages.py"), *messages]))
    target = f"{installed('target-databricks')} --config {config}"
    # `exec` makes the shell's process the target's, whose memory is what is measured.
    return run(["bash", "-c", f"exec {target} < <({source})"])


def test_memory_is_flat_and_small_changes_stay_small(tmp_path: Path) -> None:
    small, large = (tmp_path / f"{name}.json" for name in ("small", "large"))
    for config in (small, large):
        config.write_text(json.dumps({"lakehouse_path": str(tmp_path / config.stem)}))
    first = _load(small, str(SMALL))
    whole = _load(large, str(LARGE))
    shutil.copytree(tmp_path / "large" / "default", tmp_path / "copy")

    step = ["--step", str(LARGE // CHANGED)]
    unchanged = _load(large, str(CHANGED), *step)
    changed = _load(large, str(CHANGED), *step, "--edited")
    again = _load(large, str(CHANGED), *step, "--edited")
    merge = run([*script("plain_merge.py"), tmp_path / "copy", str(LARGE // CHANGED)])

    assert f"{CHANGED:,} unchanged" in unchanged.output
    assert f"{CHANGED:,} changed" in changed.output
    assert f"{CHANGED:,} unchanged" in again.output
    table = DeltaTable(str(tmp_path / "large" / "default" / "invoices"))
    assert table.count() == LARGE
    merged = float(merge.output.strip().splitlines()[-1])
    show(
        f"{LARGE:,} invoices with {4 * LARGE:,} lines",
        [
            (f"load of {SMALL:,}", _figure(first)),
            (f"load of {LARGE:,}", _figure(whole)),
            (f"{CHANGED:,} unchanged rows on it", _figure(unchanged)),
            (f"{CHANGED:,} changed rows, spread over it", _figure(changed)),
            ("the same with delta-rs' MERGE", f"{merged:8.1f} s  {merge.peak:8,.0f} MiB"),
            ("MERGE / ours, time", f"{merged / changed.seconds:.1f}"),
            ("MERGE / ours, memory", f"{merge.peak / changed.peak:.1f}"),
        ],
    )


def _figure(cost: Cost) -> str:
    return f"{cost.seconds:8.1f} s  {cost.peak:8,.0f} MiB"
