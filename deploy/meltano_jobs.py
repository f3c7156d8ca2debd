"""What Airflow and Dagster are told: which jobs there are, when and how they are run.

| variable | what | without it |
|---|---|---|
| `MELTANO_ENVIRONMENT` | Meltano's environment | `prod` |
| `XERO_RETRIES` | how often a run that failed is tried again | 1 |
| `XERO_RETRY_MINUTES` | how long after | 10 |

Meltano ends with 1 for an outage, for a setting that is refused, and where one organisation of many
could not be read, the others being loaded; only the log tells these apart. Each is a failure, tried
once more, which goes on where the first try has ended. So does the next scheduled run: more tries
would use up calls of each organisation's day for nothing.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from schedules import schedules_of

PROJECT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ.get("MELTANO_ENVIRONMENT") or "prod"
RETRIES = int(os.environ.get("XERO_RETRIES") or 1)
RETRY_AFTER = timedelta(minutes=float(os.environ.get("XERO_RETRY_MINUTES") or 10))


def jobs() -> list[str]:
    """Names of the jobs of `meltano.yml`."""
    stated = yaml.safe_load((PROJECT / "meltano.yml").read_text(encoding="utf-8"))
    return [each["name"] for each in stated.get("jobs") or []]


def schedules() -> list[dict[str, Any]]:
    """The schedules of these jobs: `name`, `interval`, `job`.

    Raises:
        IntervalError: One says no time.
    """
    return schedules_of(PROJECT / "meltano.yml")


def command(job: str) -> list[str]:
    """A run of a job; what `deploy/install` has installed runs it, and SIGTERM reaches Meltano."""
    return [str(PROJECT / "deploy" / "start"), f"--environment={ENVIRONMENT}", "run", job]
