"""One run at a time: Xero's refresh tokens rotate, and a secret scope keeps whatever came last.

A lease is the latest of numbered files. Its holder writes it anew every half minute; who waits
takes the next number once it says that it is free, or has not changed for three minutes by the
waiter's own clock. So no two clocks are ever compared, and of two who wait one gets it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xero_job.errors import JobError
from xero_job.volume import TakenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from xero_job.volume import NumberedFiles

logger = logging.getLogger("xero-job")

BEAT_SECONDS = 30.0
DEAD_AFTER_SECONDS = 180.0
PATIENCE_SECONDS = 3000.0
POLL_SECONDS = 5.0
KEPT = 2


class HeldError(JobError):
    """Another run has held the lease for too long."""


class LostError(JobError):
    """Another run has taken the lease, since this one did not say for minutes that it lives."""


@dataclass
class Lease:
    """The right to read Xero with the tokens of one scope.

    Attributes:
        files: Where it is kept.
        run: Which run wants it, for people.
        dead_after: Seconds without a sign of life after which a run counts as killed.
        now: Seconds of a clock that only goes forward.
        sleep: Waits for so many seconds.
        lost: Set once another run has the lease.
    """

    files: NumberedFiles
    run: str
    dead_after: float = DEAD_AFTER_SECONDS
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    lost: threading.Event = field(default_factory=threading.Event)
    _number: int = 0
    _beats: int = 0
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)
    _done: threading.Event = field(default_factory=threading.Event)
    _heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Wait for the lease, and keep it.

        Raises:
            HeldError: Another run does not let go.
        """
        self.take()
        self._heart = threading.Thread(target=self._beat_on, daemon=True)
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._heart:
            self._heart.join()
        self.give_back()

    def take(self) -> None:
        """Wait for the lease.

        Raises:
            HeldError: Another run does not let go.
        """
        began = since = self.now()
        seen: tuple[int, bytes | None] | None = None
        while True:
            number = self.files.latest()
            content = self.files.read(number) if number else None
            if (number, content) != seen:
                seen, since = (number, content), self.now()
            holder = _holder(content)
            if not holder or self.now() - since >= self.dead_after:
                try:
                    self.files.add(number + 1, self._text())
                except TakenError:
                    continue
                self._number = number + 1
                self.files.forget(self._number - KEPT)
                return
            if self.now() - began >= PATIENCE_SECONDS:
                raise HeldError(
                    f"Run {holder} has been reading Xero for {PATIENCE_SECONDS / 60:.0f} minutes "
                    f"({self.files.folder}). Wait until it has ended, or cancel it in Jobs & "
                    f"Pipelines; its lease is free {self.dead_after:.0f} seconds later."
                )
            logger.info("Run %s reads Xero; this one waits for it.", holder)
            self.sleep(min(POLL_SECONDS, self.dead_after))

    def beat(self) -> None:
        """Say that this run lives.

        Raises:
            LostError: Another run has taken the lease.
        """
        self.require()
        self._beats += 1
        self.files.replace(self._number, self._text())

    def require(self) -> None:
        """Go on only while this run has the lease.

        Raises:
            LostError: Another run has taken it.
        """
        if self.lost.is_set() or self.files.latest() != self._number:
            self.lost.set()
            raise LostError(
                "Another run has begun to read Xero, because this one gave no sign of life for "
                f"{self.dead_after:.0f} seconds. It stops; the other one loads the rest."
            )

    def give_back(self) -> None:
        """Let the next run begin at once."""
        if not self.lost.is_set() and self.files.latest() == self._number:
            self.files.replace(self._number, b"")

    def _beat_on(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            try:
                self.beat()
            except LostError:
                return
            except Exception as error:  # noqa: BLE001 - the next beat may succeed
                logger.warning("The lease could not be renewed: %s.", type(error).__name__)

    def _text(self) -> bytes:
        return json.dumps({"run": self.run, "token": self._token, "beat": self._beats}).encode()


def _holder(content: bytes | None) -> str:
    """Which run holds the lease; empty when it is free."""
    return str(json.loads(content)["run"]) if content else ""
