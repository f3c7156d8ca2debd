"""Pytest fixtures: `databricks_sandbox` for the session, `databricks_schema` for a test."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databricks_sandbox.sandbox import Sandbox

_NUMBERS = itertools.count(1)

GROUP = "databricks_sandbox"
"""The pytest-xdist group of all tests that use the sandbox, so that only one worker starts it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that use the sandbox together when pytest-xdist spreads tests."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if "databricks_sandbox" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(GROUP))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose what the account has."""
    parser.addoption(
        "--databricks-profile",
        default="plain",
        choices=("plain", "cloud"),
        help="how the switches of databricks_sandbox are set; cloud is what a new account has",
    )


@pytest.fixture(scope="session")
def _databricks_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    # Imported here, so that test runs without a warehouse do not pay for it.
    from databricks_sandbox.clock import ManualClock
    from databricks_sandbox.sandbox import Sandbox

    with Sandbox(
        clock=ManualClock(), profile=request.config.getoption("databricks_profile")
    ) as running:
        # The first test prepares its data while the JVM starts.
        running.engine.start_in_background()
        yield running


@pytest.fixture
def databricks_sandbox(_databricks_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox of the test session, reset: no faults, sessions, grants or log; running.

    Spark is started when the first test asks for it and ends with the session. Its clock stands
    still until a test advances it. Tables stay from test to test: use `databricks_schema`.
    """
    _databricks_sandbox.reset()
    yield _databricks_sandbox
    _databricks_sandbox.reset()


@pytest.fixture
def databricks_schema(databricks_sandbox: Sandbox) -> Iterator[str]:
    """The name of a new, empty schema of the sandbox's catalog, dropped after the test."""
    name = f"schema_{next(_NUMBERS)}"
    databricks_sandbox.sql(f"CREATE SCHEMA {databricks_sandbox.catalog}.{name}")
    yield name
    databricks_sandbox.faults.clear()
    databricks_sandbox.sql(f"DROP SCHEMA IF EXISTS {databricks_sandbox.catalog}.{name} CASCADE")
