"""How many streams, from which seed: options of `just fuzz`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from fuzz.cases import Case, make_case

PART = 50
"""Streams of one test: enough for its own costs to vanish, few enough to share the work out."""
SEEDS = 1000
"""Seeds from the first of one test to the first of the next."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fuzz")
    group.addoption("--streams", type=int, default=500, help="streams to try")
    group.addoption("--seed", type=int, help="try the case of this seed only")
    group.addoption("--first", type=int, default=0, help="seed of the first case")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_STARTED] = time.monotonic()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for some fifty streams."""
    if "cases" not in metafunc.fixturenames:
        return
    config = metafunc.config
    streams = config.getoption("streams", 500)
    seed = config.getoption("seed", None)
    first = config.getoption("first", 0)
    firsts = range(first, first + SEEDS * max(1, streams // PART), SEEDS)
    parts = [f"seed {seed}"] if seed is not None else [f"from seed {n}" for n in firsts]
    metafunc.parametrize("cases", parts, indirect=True)


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> Iterator[Case]:
    """The cases of a seed, or those from a seed on until there are fifty streams."""
    word, *_, seed = request.param.split()
    return _cases(int(seed), PART if word == "from" else 1)


def _cases(seed: int, streams: int) -> Iterator[Case]:
    while streams > 0:
        case = make_case(seed)
        yield case
        streams -= case.streams
        seed += 1


_STARTED: pytest.StashKey[float] = pytest.StashKey()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())]
    tried = [int(v) for r in reports for name, v in r.user_properties if name == "streams"]
    if tried:
        seconds = time.monotonic() - terminalreporter.config.stash[_STARTED]
        terminalreporter.write_line(f"fuzz: {sum(tried):,} streams in {seconds:,.0f} s")
