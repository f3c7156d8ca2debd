"""Which lines of the log are told by default: news and results, and not how they came about."""

from __future__ import annotations

import logging
import os

_PLUGIN = "tap-xero"


def are_details_wanted() -> bool:
    """Whether `TAP_XERO_LOGLEVEL` or `LOGLEVEL`, the SDK's own variables, say DEBUG."""
    level = os.environ.get("TAP_XERO_LOGLEVEL") or os.environ.get("LOGLEVEL") or ""
    return level.upper() == "DEBUG"


def level_of_details() -> int:
    """The level of lines that say how a result came about.

    Meltano lets through what is information. So details are information where the variables ask
    for them, and `meltano --log-level=debug` shows them without.
    """
    return logging.INFO if are_details_wanted() else logging.DEBUG


def is_told(record: logging.LogRecord) -> bool:
    """A filter: not told is what the SDK says of its own steps, such as streams left out."""
    if record.levelno != logging.INFO or "singer_sdk" not in record.pathname:
        return True
    return are_details_wanted() or logging.getLogger(_PLUGIN).isEnabledFor(logging.DEBUG)
