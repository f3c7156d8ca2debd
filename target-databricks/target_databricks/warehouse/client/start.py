"""Starting a warehouse that is stopped, and waiting where everybody can see it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.client.outages import outlast
from target_databricks.warehouse.client.rules import Kind

if TYPE_CHECKING:
    from target_databricks.warehouse.client.access import Access

logger = logging.getLogger("target-databricks")

PROGRESS_EVERY = 10.0
"""Seconds between two lines of progress."""
_FIRST_POLL, _LONGEST_POLL = 0.2, 5.0
_STOPPED = ("STOPPED", "STOPPING")
_DELETED = ("DELETED", "DELETING")


def check(access: Access, backoff: Backoff) -> None:
    """See that there is such a warehouse, without waking it.

    Args:
        access: Where it is.
        backoff: How long to wait for an answer.

    Raises:
        ConfigurationError: There is none, or it may not be used.
    """
    if access.warehouse_id is not None:
        _require(*_look(access, access.warehouse_id, backoff))


def is_awake(access: Access, backoff: Backoff) -> bool:
    """Whether the warehouse runs; one whose state nobody tells is taken to.

    Arguments and errors as for `check`.
    """
    return (
        access.warehouse_id is None or _look(access, access.warehouse_id, backoff)[1] == "RUNNING"
    )


def start(access: Access, backoff: Backoff) -> None:
    """Make sure that the warehouse runs.

    Args:
        access: Where it is.
        backoff: How long to wait for it.

    Raises:
        ConfigurationError: There is no such warehouse, it may not be used, or it does not start
            in time.
    """
    if access.warehouse_id is None:
        return
    began = backoff.clock()
    reported = began - PROGRESS_EVERY
    for last in backoff.attempts(first=_FIRST_POLL, longest=_LONGEST_POLL):
        name, state = _look(access, access.warehouse_id, backoff)
        now = backoff.clock()
        if state == "RUNNING":
            if now - began > PROGRESS_EVERY:
                logger.info("SQL warehouse '%s' is running after %.0f s.", name, now - began)
            return
        _require(name, state)
        if state in _STOPPED:
            _ask_to_start(access, access.warehouse_id, name)
        if now - reported >= PROGRESS_EVERY:
            reported = now
            logger.info("SQL warehouse '%s' is %s; waiting (%.0f s).", name, state, now - began)
        if last:
            raise ConfigurationError(
                f"The SQL warehouse '{name}' is still {state} after {now - began:.0f} seconds. See "
                "in the workspace what keeps it, and run again."
            )


def _require(name: str, state: str) -> None:
    if state in _DELETED:
        raise ConfigurationError(
            f"The SQL warehouse '{name}' of the setting 'http_path' has been deleted. Choose "
            "another one."
        )


def _look(access: Access, identifier: str, backoff: Backoff) -> tuple[str, str]:
    try:
        warehouse = outlast(lambda: access.client.warehouses.get(identifier), backoff)
    except Exception as error:
        raise _unusable(access, error) from error
    return str(warehouse.name), warehouse.state.value if warehouse.state else "RUNNING"


def _ask_to_start(access: Access, identifier: str, name: str) -> None:
    try:
        access.client.warehouses.start(identifier)
    except Exception as error:
        problem = classify(error)
        if problem.kind in {Kind.FINAL, Kind.REFUSED}:
            raise ConfigurationError(
                f"The SQL warehouse '{name}' is stopped and cannot be started: {problem.sentence}"
            ) from error


def _unusable(access: Access, error: Exception) -> ConfigurationError:
    problem = classify(error)
    return ConfigurationError(
        f"The SQL warehouse at {access.host}{access.http_path} cannot be reached: "
        f"{problem.sentence}"
    )
