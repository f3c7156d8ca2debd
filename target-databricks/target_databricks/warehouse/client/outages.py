"""Outages: calls that can be made again without harm are, for as long as there is time."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.client.rules import AGAIN, Kind

logger = logging.getLogger("target-databricks")

T = TypeVar("T")


def outlast(call: Callable[[], T], backoff: Backoff) -> T:
    """Make a call until it is answered.

    Args:
        call: May be made again, also when it had its effect.
        backoff: How long to go on; an answer that will be the same the next time is raised at once.
    """
    failed = Counter[Kind]()
    for last in backoff.attempts():
        try:
            return call()
        except Exception as error:
            problem = classify(error)
            failed[problem.kind] += 1
            if last or failed[problem.kind] > AGAIN.get(problem.kind, math.inf):
                raise
            logger.info("The workspace does not answer (%s). Trying again.", problem.reason)
    raise AssertionError("attempts end with the last")
