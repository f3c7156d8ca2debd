"""Figures of a run for Prometheus, as a file that node_exporter's textfile collector reads.

When a stream was last read to its end stays from file to file, so that it is told of streams too
that a run does not read. A file that cannot be written is said in the log, and that is all.

Source: node_exporter, Textfile Collector; Prometheus, Metric and label naming.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_xero import PACKAGE
from tap_xero.sync.usage_report import NOT_DUE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_xero.sync.run import Run

SETTING = th.Property(
    "metrics_path",
    th.StringType,
    title="Metrics file",
    description=(
        "File for node_exporter's textfile collector (it ends with .prom), which gets the figures "
        "of each run: rows, calls and bytes of each stream, calls left, and when it was last read "
        f"to its end. Needs prometheus-client, which {PACKAGE}[webhooks] brings."
    ),
)

COMPLETE = "tap_xero_stream_last_complete_timestamp_seconds"
_LABELS = ("organisation", "tenant_id", "stream")


def write(
    config: Mapping[str, Any], run: Run, warn: Callable[[str], object], *, failed: bool
) -> None:
    """Write the figures of a run, if the settings name a file.

    Args:
        config: The tap's settings.
        run: The run.
        warn: Told when that did not work.
        failed: Whether it did not read everything.
    """
    if not (stated := config.get("metrics_path")):
        return
    path = Path(str(stated)).expanduser()
    try:
        import prometheus_client
    except ImportError:
        warn(f"metrics_path: prometheus-client is not installed: install {PACKAGE}[webhooks].")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        registry = prometheus_client.CollectorRegistry()
        _fill(registry, run, _before(path), failed=failed)
        prometheus_client.write_to_textfile(str(path), registry)
    except (OSError, ValueError) as error:
        warn(f"metrics_path: {path} cannot be written: {error}.")


def _before(path: Path) -> dict[tuple[str, ...], float]:
    """When streams were last read to their end, by the file of an earlier run."""
    from prometheus_client.parser import text_string_to_metric_families

    if not path.exists():
        return {}
    try:
        families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
        return {
            tuple(sample.labels[name] for name in _LABELS): sample.value
            for family in families
            for sample in family.samples
            if sample.name == COMPLETE
        }
    except (KeyError, ValueError):
        return {}


def _fill(
    registry: Any, run: Run, before: Mapping[tuple[str, ...], float], *, failed: bool
) -> None:
    from prometheus_client import Gauge

    def gauge(name: str, about: str, labels: tuple[str, ...] = ()) -> Any:
        return Gauge(name, about, labels, registry=registry)

    gauge("tap_xero_last_run_timestamp_seconds", "When the last run ended.").set_to_current_time()
    seconds = gauge("tap_xero_last_run_duration_seconds", "How long the last run took.")
    seconds.set(time.time() - run.begun)
    failure = gauge("tap_xero_last_run_failed", "Whether the last run did not read everything.")
    failure.set(failed)
    rows = gauge("tap_xero_rows", "Records of the last run.", _LABELS)
    calls = gauge("tap_xero_calls", "Calls of the last run.", _LABELS)
    size = gauge("tap_xero_bytes", "Bytes from Xero in the last run, compressed.", _LABELS)
    left = gauge("tap_xero_calls_left", "Calls left of the organisation's day.", _LABELS[:2])
    complete: dict[tuple[str, ...], float] = dict(before)
    for (organisation, stream), entry in run.report.entries.items():
        labels: tuple[str, ...] = (organisation, entry.tenant_id, stream)
        rows.labels(*labels).set(entry.rows)
        calls.labels(*labels).set(entry.usage.calls)
        size.labels(*labels).set(entry.usage.bytes)
        if entry.usage.day_left is not None:
            left.labels(*labels[:2]).set(entry.usage.day_left)
        unread = entry.skipped or run.unfinished.get((organisation, stream))
        if entry.skipped != NOT_DUE and not unread:
            complete[labels] = run.begun
    last = gauge(COMPLETE, "Begin of the last run that read the stream to its end.", _LABELS)
    for labels, moment in complete.items():
        last.labels(*labels).set(moment)
