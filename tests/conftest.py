"""How the tests are spread over a machine."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: a seventh of the time tests wait for processes."""
    return (os.cpu_count() or 1) + 1
