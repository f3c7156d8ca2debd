"""What of a run could not be applied, which streams that holds up, and what the run says of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection

from target_databricks.errors import LoadError, WithoutKeyError
from target_databricks.loading.quarantine import COMMAND, SHOWN, Entry, Quarantine
from target_databricks.reading.unfit import NO_KEY

logger = logging.getLogger("target-databricks")

MOST_FUTILE = 100
"""Attempts in a row of which none succeeded, after which a stream waits for the next run."""


class Refusals:
    """Keeps account of what was refused in one run.

    Args:
        quarantine: What is set aside.

    Attributes:
        failed: Streams of which nothing more is loaded in this run, and why.
        held: Streams whose rows are not all in: no state may cover them beyond their last good
            batch, and what they did not send is not gone.
    """

    def __init__(self, quarantine: Quarantine) -> None:
        self.failed: dict[str, LoadError] = {}
        self.held: set[str] = set()
        self._quarantine = quarantine
        self._entries: dict[str, Entry] = {}
        self._futile: Counter[str] = Counter()

    def stop(self, stream: str, sentence: str) -> None:
        """Load nothing more of a stream in this run."""
        self.held.add(stream)
        if stream not in self.failed:
            self.failed[stream] = LoadError(sentence)
            logger.error("Stream '%s' stops here: %s", stream, sentence)

    def add(self, stream: str, *entries: Entry) -> None:
        """Note what was set aside of a stream, or came again."""
        self.held.add(stream)
        for entry in entries:
            if entry.name not in self._entries:
                logger.error("Set aside: %s", entry.sentence)
            self._entries[entry.name] = entry

    def add_damaged(self, entry: Entry) -> None:
        """Note a file that cannot be read."""
        self._entries[entry.name] = entry
        logger.error("Set aside: %s", entry.sentence)

    def leave(self, name: str) -> None:
        """What was set aside counts no more under this name."""
        self._entries.pop(name, None)

    def note_attempts(self, stream: str, attempts: int, *, success: bool) -> bool:
        """Count attempts. Returns whether it is of no use to go on with the stream."""
        self._futile[stream] = 0 if success else self._futile[stream] + attempts
        return self._futile[stream] >= MOST_FUTILE

    def error(self, tables: Collection[str]) -> LoadError | None:
        """What the run ends with, if not everything that came is in.

        Args:
            tables: Tables of the streams that came.
        """
        superseded = self._quarantine.superseded(self._entries)
        for entry in superseded:
            logger.info("Newer versions of its rows are in; no longer set aside: %s", entry.name)
        earlier = {e.name: e for e in self._quarantine.of(tables) if e.hashes}
        entries = list({**earlier, **self._entries}.values())
        if not (entries or self.failed):
            return None
        streams = sorted({*self.failed, *self.held, *(e.stream for e in entries if e.stream)})
        parts = [f"Not all is loaded of {', '.join(map(repr, streams)) or 'an earlier run'}."]
        explained = {entry.stream for entry in entries}
        failed = self.failed.items()
        parts += [f"'{name}': {error}" for name, error in failed if name not in explained]
        parts += [entry.sentence for entry in entries[:SHOWN]]
        if len(entries) > SHOWN:
            parts.append(f"So are {len(entries) - SHOWN} more; `{COMMAND} list` names them.")
        parts.append("All else is loaded.")
        parts.append(self._quarantine.advice(entries))
        keyless = any(entry.reason.startswith(NO_KEY) for entry in entries)
        return (WithoutKeyError if keyless else LoadError)(" ".join(parts))
