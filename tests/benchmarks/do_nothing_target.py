"""The other yardstick: a singer-sdk target that reads, validates by default, and drops the rows."""

from __future__ import annotations

from singer_sdk import Target
from singer_sdk.sinks import BatchSink


class NothingSink(BatchSink):
    """Gathers batches as any SDK sink and throws them away."""

    max_size = 50_000

    def process_batch(self, context: dict) -> None:
        """Drop the rows."""


class TargetNothing(Target):
    """Reads and forgets."""

    name = "target-nothing"
    default_sink_class = NothingSink


if __name__ == "__main__":
    TargetNothing.cli()
