"""The lanes: which kind of thing a test needs, seen from what it uses.

| marker | the test uses |
|---|---|
| `spark` | the warehouse sandbox |
| `meltano` | the real `meltano` in a project of its own |
| `process` | other processes: the installed commands, kills, servers |
| `style` | formatter, linter and type checker |
| `fuzz` | hostile streams, hundreds of them, against a model of the tables |
| `long` | nothing of these, but many instants, stories or examples: seconds of the processor each |

A test without any of them is in the quick lane: `just test`.

Properties are tried on few examples; `pytest --hypothesis-profile=thorough` tries many.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import pytest
from hypothesis import settings

# Images for containers often set this. The suite starts Python some hundred times, and without
# bytecode each of them compiles all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long an example takes says more about the machine than about the code.
# The same examples each time: whether a change is green is no matter of luck. `thorough` looks for
# new ones.
settings.register_profile("lean", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("lean")

SHARED = (
    *("first_run_of_two", "reports_sandbox", "standing_sandbox", "all_documents", "books"),
    *("messages_of_two", "loaded"),
)
"""Fixtures that take seconds to make: their tests stay together, so that one worker makes them."""

STARTING = {"receiver_process", "bench"}
"""Fixtures that start processes through what they import when asked for."""

LONG = {
    *("annexes", "answer_fuzz", "business", "dates", "drift", "families", "faults"),
    *("lost_access", "refused_pages", "reports", "reports_figures", "standard"),
    *("unchanged", "webhook_intake"),
    *("activation", "bad_input", "crash", "foreign_tables", "history", "history_cases"),
    *("history_switching", "names", "overwrite", "properties", "quarantine", "retirement"),
    *("rewrite", "values", "versions", "warehouse_outages"),
    *("ledger_balance", "private_sdk", "upgrade"),
}
"""Modules that look at one thing many times: two fifths of what the quick lane would take."""

LANES: dict[str, Callable[[pytest.Function], bool]] = {
    "spark": lambda test: any("databricks_sandbox" in name for name in _group(test)),
    "meltano": lambda test: "system_database" in test.fixturenames,
    "process": lambda test: (
        not STARTING.isdisjoint(test.fixturenames)
        or any(_is_starting(each) for each in _functions(test))
    ),
    "style": lambda test: test.path.name == "test_style.py",
    "fuzz": lambda test: test.path.parent.name == "fuzz",
    "long": lambda test: test.path.stem.removeprefix("test_") in LONG,
}


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker for each core, and one more where tests wait for Spark or for other processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    waiting = "not process" not in (config.option.markexpr or "")
    return cores + 1 if waiting else cores


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for lane, uses in LANES.items():
            if isinstance(item, pytest.Function) and uses(item):
                item.add_marker(lane)
        shared = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
        if shared and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(shared[0]))


def pytest_collection_finish() -> None:
    """Have Python leave thousands of tests alone whenever it looks for garbage."""
    gc.collect()
    gc.freeze()


def _group(test: pytest.Function) -> Iterator[str]:
    """Fixtures of a test, and those that it asks for by name (`place`) as its group says."""
    yield from test.fixturenames
    yield from (str(name) for mark in test.iter_markers("xdist_group") for name in mark.args)


def _functions(test: pytest.Function) -> Iterator[Any]:
    """The test itself and its fixtures, but for those of installed packages."""
    yield test.function
    for definitions in test._fixtureinfo.name2fixturedefs.values():
        for definition in definitions:
            if definition.baseid.startswith("tests"):
                yield definition.func


@cache
def _is_starting(function: Any) -> bool:
    """Whether a test function or a fixture starts processes; the fixtures are those of many."""
    return _starts_processes(function, set())


def _starts_processes(thing: Any, seen: set[int]) -> bool:
    """Whether a function, or one of the tests' own that it calls, uses `subprocess`."""
    if id(thing) in seen:
        return False
    seen.add(id(thing))
    if isinstance(thing, type):
        return any(_starts_processes(member, seen) for member in vars(thing).values())
    function = getattr(thing, "__wrapped__", thing)
    if not isinstance(function, FunctionType) or "/tests/" not in function.__code__.co_filename:
        return False
    known = [function.__globals__.get(name) for name in _names(function.__code__)]
    return subprocess in known or any(_starts_processes(each, seen) for each in known)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
