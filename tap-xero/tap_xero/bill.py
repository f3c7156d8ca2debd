"""Where the bill of a run goes: the log for people, a file or a field of the log for machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_xero.narration import level_of_details

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from tap_xero.sync.usage_report import UsageReport


def present(report: UsageReport, config: Mapping[str, Any], logger: logging.Logger) -> None:
    """Show the bill, and hand it to machines as the settings say.

    A bill that cannot be written is a warning: what was read is in the tables all the same.

    Args:
        report: What the run has read.
        config: The tap's settings: `bill_path` and `bill_in_log`.
        logger: The tap's.
    """
    for line in report.lines():
        logger.info("%s", line)
    for line in report.details():
        logger.log(level_of_details(), "%s", line)
    bill = report.summary()
    if config.get("bill_in_log"):
        logger.info("bill: %s", bill, extra={"bill": json.loads(bill)})
    if path := config.get("bill_path"):
        try:
            _replace(Path(path).expanduser(), bill)
        except OSError as error:
            logger.warning(
                "The bill could not be written to %s (%s). Look at the setting bill_path.",
                path,
                error.strerror,
            )


def _replace(path: Path, text: str) -> None:
    """Write a file so that whoever reads it meanwhile reads the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(f"{text}\n", encoding="utf-8")
    partial.replace(path)
