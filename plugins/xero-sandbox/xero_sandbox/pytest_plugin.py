"""Pytest fixtures: `xero_sandbox` and `make_xero_sandbox`."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xero_sandbox.sandbox import Sandbox

# A little after the history's anchor, so that business has gone on for a while.
_START = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def make_xero_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """A function that starts sandboxes; all are stopped after the test.

    Keywords are those of `Sandbox`. Unless told otherwise there is one organisation with 40
    invoices, no limits, and a `ManualClock` that stands at 2026-02-02 09:00 UTC.
    """
    # Imported here, so that test runs without a sandbox do not pay for it.
    from xero_sandbox.clock import ManualClock
    from xero_sandbox.sandbox import Sandbox

    with ExitStack() as running:

        def make(**options: object) -> Sandbox:
            settings = {"organisations": 1, "invoices": 40, "clock": ManualClock(_START), **options}
            return running.enter_context(Sandbox(**settings))  # type: ignore[arg-type]

        yield make


@pytest.fixture
def xero_sandbox(make_xero_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """A running sandbox with two small organisations and a `ManualClock`."""
    return make_xero_sandbox(organisations=2)
