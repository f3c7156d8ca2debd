"""What the receiver and the trigger have done since they started, in Prometheus' text format.

Source: Prometheus, Exposition formats (text version 0.0.4).
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "tap_xero_webhook"
_COUNTERS = {
    ("deliveries", "result"): "Requests to the webhook, by what became of them.",
    ("events", "kind"): "Events of good deliveries: received, new among them, or malformed.",
    ("unknown_category_events", "category"): "New events of categories that no stream is for.",
    ("runs", "result"): "Runs of the pipeline that the trigger began.",
}
_GAUGES = {
    "pending_events": "Events that the target has not confirmed.",
    "failed_events": "Events that were set aside because they cannot be fetched.",
    "oldest_pending_seconds": "Time since the oldest pending event came.",
    "last_run_seconds": "How long the last run took, from its release to its end.",
    "answer_seconds_sum": "Time in which deliveries were answered, added up.",
}

RESULTS = (
    "stored",
    "handshake",
    "unsigned",
    "not_understood",
    "not_stored",
    "too_large",
    "too_slow",
    "cut",
    "wrong_method",
    "wrong_path",
)
"""What becomes of a request."""


@dataclass
class Metrics:
    """Counters by name and label, and gauges. May be used from several threads."""

    _counters: Counter[tuple[str, str]] = field(default_factory=Counter)
    _gauges: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str, label: str, number: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._counters[name, label] += number

    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            self._gauges[name] = value

    def add(self, name: str, value: float) -> None:
        """Add to a gauge."""
        with self._lock:
            self._gauges[name] = self._gauges.get(name, 0.0) + value

    def counted(self, name: str, label: str) -> int:
        """What a counter has come to."""
        with self._lock:
            return self._counters[name, label]

    def text(self) -> str:
        """Everything, one figure a line."""
        with self._lock:
            counters, gauges = Counter(self._counters), dict(self._gauges)
        lines = []
        for (name, label), meaning in _COUNTERS.items():
            whole = f"{_PREFIX}_{name}_total"
            lines += [f"# HELP {whole} {meaning}", f"# TYPE {whole} counter"]
            known = {value for counter, value in counters if counter == name}
            for value in sorted(known | set(RESULTS if name == "deliveries" else ())):
                lines.append(f'{whole}{{{label}="{value}"}} {counters[name, value]}')
        for name, meaning in _GAUGES.items():
            whole = f"{_PREFIX}_{name}"
            lines += [f"# HELP {whole} {meaning}", f"# TYPE {whole} gauge"]
            lines.append(f"{whole} {gauges.get(name, 0.0):.6g}")
        return "\n".join(lines) + "\n"
