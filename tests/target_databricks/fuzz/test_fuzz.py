"""Streams as hostile as Singer allows never end in a traceback, a wrong row or a lost one.

A failure names its seed and shows the smallest input that still fails. The same case again:
`just fuzz --seed 123`. More of them: `just fuzz --streams 20000`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fuzz.cases import Case, make_case
from fuzz.process import Processes
from fuzz.shrinking import shown, shrunk
from fuzz.trial import Finding, findings

SMALLEST = 150
"""Trials that shrinking a failing case may take."""


def _fails_alike(
    tried: Callable[[Case], list[Finding]], finding: Finding, trials: Iterator[int], case: Case
) -> bool:
    """Whether a case fails like another one did; after a number of trials none does."""
    return next(trials, None) is not None and finding.sort in {f.sort for f in tried(case)}


def check(cases: Any, make_place: Callable[[Path], Any], folder: Path) -> int:
    """Try cases, each in a place of its own. Gives the number of their streams."""
    streams = 0

    def tried(case: Case) -> list[Finding]:
        try:
            return findings(case, make_place(folder / "lake"), folder / "files")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    for case in cases:
        streams += case.streams
        if found := tried(case):
            smallest = shrunk(case, partial(_fails_alike, tried, found[0], iter(range(SMALLEST))))
            pytest.fail("\n".join([*map(str, found[:10]), "", shown(smallest)]), pytrace=False)
    return streams


def test_hostile_streams_end_in_no_traceback_no_wrong_row_and_no_lost_one(
    cases, lakehouse, tmp_path, record_property
):
    record_property("streams", check(cases, lakehouse, tmp_path / "case"))


@pytest.mark.parametrize(
    "seed", [3, *(pytest.param(n, marks=pytest.mark.stress) for n in range(40))]
)
def test_hostile_streams_go_through_the_real_command(seed, lakehouse, command, tmp_path):
    check(
        [make_case(seed)],
        lambda folder: Processes(lakehouse(folder), command, seed),
        tmp_path / "case",
    )


@pytest.mark.stress
@pytest.mark.xdist_group("databricks_sandbox")
@pytest.mark.parametrize("seed", range(60))
def test_hostile_streams_on_the_warehouse(seed, warehouse, tmp_path):
    check([make_case(seed)], lambda folder: warehouse, tmp_path / "case")
