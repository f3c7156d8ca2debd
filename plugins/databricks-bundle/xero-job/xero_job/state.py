"""The state of one pipeline, in numbered files: what was confirmed last is never replaced.

A run that is killed while it writes leaves either the old number or the next one, whole.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xero_job.volume import NumberedFiles

KEPT = 5


@dataclass
class StateLog:
    """States, the latest of which counts.

    Attributes:
        files: Where they are kept.
    """

    files: NumberedFiles
    _number: int = 0
    _run: str = field(default_factory=lambda: uuid.uuid4().hex)

    def latest(self) -> dict[str, Any] | None:
        """The state to begin with; None for the first run."""
        self._number = self.files.latest()
        content = self.files.read(self._number) if self._number else None
        return dict(json.loads(content)["state"]) if content else None

    def add(self, state: dict[str, Any]) -> None:
        """Keep a state that the target has confirmed.

        Raises:
            TakenError: Another run has written one meanwhile.
        """
        content = json.dumps({"run": self._run, "state": state}).encode()
        self.files.add(self._number + 1, content)
        self._number += 1
        self.files.forget(self._number - KEPT)
