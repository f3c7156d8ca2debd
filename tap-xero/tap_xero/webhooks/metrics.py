"""What the receiver and the trigger have done since they started, in Prometheus' text format.

Source: Prometheus, Exposition formats (text version 0.0.4).
"""

from __future__ import annotations

from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Summary,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4.encode()

_PREFIX = "tap_xero_webhook"
_COUNTERS = {
    "deliveries": ("result", "Requests to the webhook, by what became of them."),
    "events": ("kind", "Events of good deliveries: received, new among them, or malformed."),
    "unknown_category_events": ("category", "New events of categories that no stream is for."),
    "runs": ("result", "Runs of the pipeline that the trigger began."),
}
_GAUGES = {
    "pending_events": "Events that the target has not confirmed.",
    "failed_events": "Events that were set aside because they cannot be fetched.",
    "oldest_pending_seconds": "Time since the oldest pending event came.",
    "last_run_seconds": "How long the last run took, from its release to its end.",
}
_SUMMARIES = {"answer_seconds": "Time in which deliveries were answered, added up."}

RESULTS = (
    "stored",
    "handshake",
    "unsigned",
    "not_understood",
    "not_stored",
    "too_large",
    "crowded",
    "too_slow",
    "cut",
    "wrong_method",
    "wrong_path",
    "error",
)
"""What becomes of a request."""

# When a series began is of no use here, and would double their number.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Counters by name and label, gauges and summaries. May be used from several threads."""

    def __init__(self) -> None:
        """Start at zero, in a registry that nobody else writes to."""
        self._registry = CollectorRegistry()
        common: dict[str, Any] = {"namespace": _PREFIX, "registry": self._registry}
        self._counters = {
            name: Counter(name, meaning, (label,), **common)
            for name, (label, meaning) in _COUNTERS.items()
        }
        self._gauges = {name: Gauge(name, meaning, **common) for name, meaning in _GAUGES.items()}
        self._summaries = {
            name: Summary(name, meaning, **common) for name, meaning in _SUMMARIES.items()
        }
        for result in RESULTS:
            self._counters["deliveries"].labels(result)

    def count(self, name: str, label: str, number: int = 1) -> None:
        """Add to a counter."""
        self._counters[name].labels(label).inc(number)

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        self._gauges[name].set(value)

    def observe(self, name: str, value: float) -> None:
        """Add to a summary."""
        self._summaries[name].observe(value)

    def counted(self, name: str, label: str) -> int:
        """What a counter has come to."""
        labels = {_COUNTERS[name][0]: label}
        return int(self._registry.get_sample_value(f"{_PREFIX}_{name}_total", labels) or 0)

    def text(self) -> str:
        """Everything, one figure a line."""
        return generate_latest(self._registry).decode()
