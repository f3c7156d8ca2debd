"""The app's webhook: events waiting, deliveries made, retries, the handshake, and counts.

One thread delivers, in order, what changed since the webhook was subscribed. While an attempt fails
nothing else is sent; pauses grow from none to a quarter of an hour, and after a day the webhook is
disabled. What happens meanwhile is kept and sent, in order, once it is enabled again. Pauses go by
the sandbox's clock.

Source: Xero, Configuring your server (intent to receive, retries for 24 hours, then disabled);
that events are kept for 31 days and replayed in order as summarised by users of the API.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from xero_sandbox.webhooks.announcements import ANNOUNCED, Event, body_of, event_of
from xero_sandbox.webhooks.post import post

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from xero_sandbox.clock import Clock
    from xero_sandbox.webhooks.announcements import Change

BATCH = 50
"""Most events of one delivery."""

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0, 15, 60, 300, 900))
"""Before the second attempt, the third and so on; the last one from then on."""

RETRY_PERIOD = timedelta(hours=24)
RETENTION = timedelta(days=31)

DISTURBANCES = {
    "duplicate": "the next delivery is made twice",
    "reorder": "the events that wait when the next delivery is made up are shuffled first",
    "drop": "the next event is lost: never sent, and counted as dropped",
    "forge": "before the next delivery, one with a wrong signature is made",
}

_GATHER_SECONDS = 0.02
_POLL_SECONDS = 0.05
_ADVANCE_SECONDS = 1.0
_MAXIMUM_SENT = 100_000


@dataclass
class Counts:
    """What was sent so far.

    Attributes:
        announced: Events made of changes.
        dropped: Events lost on purpose.
        delivered: Events in deliveries that were answered well, each counted once.
        duplicated: Events that were sent once more on purpose.
        forged: Deliveries with a wrong signature that were answered 401.
        attempts: Deliveries tried.
        failures: What was held against answers, and how often.
    """

    announced: int = 0
    dropped: int = 0
    delivered: int = 0
    duplicated: int = 0
    forged: int = 0
    attempts: int = 0
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Delivery:
    body: bytes
    events: list[Event]


class Webhooks:
    """The webhook of the sandbox's one app.

    Args:
        clock: Decides pauses.
        signing_key: What deliveries are signed with.
        advance: Lets business go on, so that what it changes is announced; called every second
            while there is a subscription.
    """

    def __init__(self, clock: Clock, signing_key: str, advance: Callable[[], None]) -> None:
        self.signing_key = signing_key
        self.status = "unsubscribed"
        self.url = ""
        self.counts = Counts()
        self.sent: deque[Event] = deque(maxlen=_MAXIMUM_SENT)
        self._clock = clock
        self._advance = advance
        self._categories: frozenset[str] = frozenset()
        self._waiting: deque[Event] = deque()
        self._delivery: _Delivery | None = None
        self._attempts = 0
        self._failing_since: datetime | None = None
        self._not_before: datetime | None = None
        self._sequence = 0
        self._disturbances: Counter[str] = Counter()
        self._is_held = self._is_busy = self._is_closed = False
        self._dice = random.Random(signing_key)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    # -- what the app's owner does ----------------------------------------------------------------

    def subscribe(self, url: str, categories: Collection[str] = tuple(ANNOUNCED)) -> str:
        """Set where deliveries go and of which categories, and check the intent to receive.

        Returns:
            `ok`, or what the receiver did wrong.
        """
        with self._changed:
            self.url, self._categories = url, frozenset(categories)
        return self.enable()

    def enable(self) -> str:
        """Check the intent to receive, and deliver from now on if it is there.

        Returns:
            `ok`, or what the receiver did wrong.
        """
        failure = self._handshake()
        with self._changed:
            self.status = "disabled" if failure else "ok"
            self._forget_failures()
            if self._thread is None and not failure:
                self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return failure or "ok"

    def unsubscribe(self) -> None:
        """Announce nothing more; what waits is forgotten."""
        with self._changed:
            self.status, self.url, self._categories = "unsubscribed", "", frozenset()
            self._waiting.clear()
            self._delivery = None
            self._forget_failures()

    def replace_key(self, signing_key: str) -> None:
        """Sign with another key from the next delivery on."""
        with self._changed:
            self.signing_key = signing_key

    # -- what the books and tests do --------------------------------------------------------------

    @property
    def is_subscribed(self) -> bool:
        """Whether anybody wants to know of changes."""
        return bool(self._categories)

    def announce(self, change: Change) -> None:
        """Tell the subscriber of a change, if its kind is announced and subscribed to."""
        event = event_of(change)
        if event is not None and event["eventCategory"] in self._categories:
            self.add(event)

    def add(self, event: Event) -> None:
        """Put an event, of whatever kind, among those that wait to be delivered."""
        with self._changed:
            self.counts.announced += 1
            if self._take("drop"):
                self.counts.dropped += 1
                return
            self._waiting.append(event)
            self._changed.notify_all()

    def disturb(self, effect: str, count: int = 1) -> None:
        """Do something that Xero does not promise not to do, to the next few.

        Args:
            effect: A key of `DISTURBANCES`.
            count: How often.

        Raises:
            ValueError: There is no such effect.
        """
        if effect not in DISTURBANCES:
            raise ValueError(
                f"unknown disturbance '{effect}'; known are: {', '.join(DISTURBANCES)}"
            )
        with self._changed:
            self._disturbances[effect] += count

    def hold(self) -> None:
        """Deliver nothing until `release`; events gather."""
        with self._changed:
            self._is_held = True

    def release(self) -> None:
        """Deliver what has gathered."""
        with self._changed:
            self._is_held = False
            self._changed.notify_all()

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until all that has happened by now is delivered, or waits for another attempt.

        Returns:
            Whether it came to that within so many seconds.
        """
        if self.is_subscribed:
            # Otherwise the thread would get to it some time later, in the middle of a test.
            self._advance()
        with self._changed:
            # The clock may have been moved: the thread need not wait for its next look.
            self._changed.notify_all()
            return self._changed.wait_for(self._is_settled, seconds)

    def report(self) -> dict[str, Any]:
        """Status and counts, for the control API."""
        with self._changed:
            return {
                "url": self.url,
                "status": self.status,
                "signing_key": self.signing_key,
                "waiting": self._waiting_count(),
                **vars(self.counts),
                "failures": dict(self.counts.failures),
            }

    def close(self) -> None:
        """Stop delivering."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(1)

    # -- the delivering thread --------------------------------------------------------------------

    def _work(self) -> None:
        advanced_at = time.monotonic()
        while not self._is_closed:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or self._is_due(), _POLL_SECONDS)
                due = self._is_due() and not self._is_closed
                self._is_busy = due
            if due:
                time.sleep(_GATHER_SECONDS)
                self._deliver()
            if time.monotonic() - advanced_at >= _ADVANCE_SECONDS and self.is_subscribed:
                self._advance()
                advanced_at = time.monotonic()

    def _deliver(self) -> None:
        """Make one attempt."""
        with self._changed:
            if not self._is_due():
                self._is_busy = False
                return
            delivery = self._delivery = self._delivery or self._next()
            url, key = self.url, self.signing_key
            again, forge = self._take("duplicate"), self._take("forge")
        if forge and post(url, delivery.body, f"not {key}")[0] == 401:
            self.counts.forged += 1
        failure = self._attempt(url, delivery.body, key)
        if not failure and again:
            failure = self._attempt(url, delivery.body, key)
            self.counts.duplicated += 0 if failure else len(delivery.events)
        with self._changed:
            if failure:
                self._note_failure()
            else:
                self._note_success(delivery)
            self._is_busy = False
            self._changed.notify_all()

    def _attempt(self, url: str, body: bytes, key: str) -> str:
        status, failure = post(url, body, key)
        self.counts.attempts += 1
        failure = failure or ("" if status == 200 else f"answered {status}")
        if failure:
            self.counts.failures[failure] += 1
        return failure

    def _next(self) -> _Delivery:
        if self._take("reorder"):
            self._dice.shuffle(self._waiting)
        events = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        first = self._sequence + 1
        self._sequence += len(events)
        return _Delivery(body_of(events, first, self._sequence, self._entropy()), events)

    def _note_success(self, delivery: _Delivery) -> None:
        self.counts.delivered += len(delivery.events)
        self.sent.extend(delivery.events)
        self._delivery = None
        self.status = "ok"
        self._forget_failures()

    def _note_failure(self) -> None:
        now = self._clock.now()
        self._failing_since = self._failing_since or now
        self._not_before = now + PAUSES[min(self._attempts, len(PAUSES) - 1)]
        self._attempts += 1
        duration = now - self._failing_since
        self.status = "disabled" if duration >= RETRY_PERIOD else "retrying"

    def _forget_failures(self) -> None:
        self._attempts, self._failing_since, self._not_before = 0, None, None

    def _is_due(self) -> bool:
        """Whether a delivery is to be made now."""
        self._forget_old()
        ready = (
            self.status in ("ok", "retrying") and not self._is_held and self._waiting_count() > 0
        )
        return ready and (self._not_before is None or self._clock.now() >= self._not_before)

    def _is_settled(self) -> bool:
        return not self._is_busy and not self._is_due()

    def _waiting_count(self) -> int:
        return len(self._waiting) + (len(self._delivery.events) if self._delivery else 0)

    def _forget_old(self) -> None:
        """Let go of what has waited for longer than Xero keeps it."""
        oldest = (self._clock.now() - RETENTION).strftime("%Y-%m-%dT%H:%M:%S")
        while self._waiting and self._waiting[0]["eventDateUtc"] < oldest:
            self._waiting.popleft()
            self.counts.dropped += 1

    def _take(self, effect: str) -> bool:
        if not self._disturbances[effect]:
            return False
        self._disturbances[effect] -= 1
        return True

    def _entropy(self) -> str:
        return "".join(self._dice.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=20))

    # -- the handshake ----------------------------------------------------------------------------

    def _handshake(self) -> str:
        """Send signed and falsely signed bodies without events; what was wrong, or nothing."""
        for genuine in (True, False, True, False):
            body = body_of((), 0, 0, self._entropy())
            key = self.signing_key if genuine else f"not {self.signing_key}"
            status, failure = post(self.url, body, key)
            expected = 200 if genuine else 401
            if failure or status != expected:
                return failure or f"answered {status} instead of {expected}"
        return ""
