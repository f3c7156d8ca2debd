"""Memory is bounded by the organisations that are read at once, not by what they hold.

A real process, whose peak resident size Linux tells. `test_side_by_side.py`
counts the pages in memory in every run of the tests.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stress, pytest.mark.timeout(900)]

FLAT = 24
"""MiB by which runs of the same kind differ, mostly for how the allocator cuts its heaps."""
PER_ORGANISATION = 48
"""MiB for each organisation that is read at once: a page of rows, and five of JSON text."""


@pytest.fixture
def peak_of(make_xero_sandbox, config_of, selecting, tmp_path):
    """MiB that a run takes at its peak, by the number of organisations and of their invoices."""

    def peak(organisations, invoices):
        sandbox = make_xero_sandbox(organisations=organisations, invoices=invoices)
        config = config_of(sandbox, credential_store=str(tmp_path / f"{organisations}-{invoices}"))
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "catalog.json").write_text(json.dumps(selecting("invoices"), default=float))
        files = ["--config", tmp_path / "config.json", "--catalog", tmp_path / "catalog.json"]
        process = subprocess.Popen(
            [Path(sys.executable).with_name("tap-xero"), *files],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        most = 0
        while process.poll() is None:
            # Not from wait4: that counts the memory of this process, from before the exec, too.
            status = Path(f"/proc/{process.pid}/status").read_text()
            most = max(most, *map(int, re.findall(r"VmHWM:\s*(\d+) kB", status)), 0)
            time.sleep(0.05)
        assert process.returncode == 0
        return most / 1024

    return peak


def test_four_times_the_invoices_take_no_more_memory(peak_of):
    few, many = peak_of(1, 6_000), peak_of(1, 24_000)
    print(f"\n6,000 invoices: {few:.0f} MiB, 24,000: {many:.0f} MiB")
    assert many < few + FLAT


def test_more_organisations_take_a_page_each(peak_of):
    one, three = peak_of(1, 6_000), peak_of(3, 6_000)
    print(f"\n1 organisation: {one:.0f} MiB, 3: {three:.0f} MiB")
    assert three < one + 2 * PER_ORGANISATION + FLAT
