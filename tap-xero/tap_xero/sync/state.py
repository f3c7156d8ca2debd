"""The state: what a run leaves behind for the next one. Nothing else knows its shape.

`bookmarks` has for each stream a partition for each organisation: the bookmark, when it was read
(`read`) and read whole (`whole`), and the window that a stopped run was in the middle of; between
runs only the bookmark is left of it. A stream that is always read whole has, instead, what was
last written of it (`answer`), and one that is read in several parts has as much for each of them
(`parts`, by name). `webhooks` has the inbox's id and, for each organisation, up to which
of its positions the events are done.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tap_xero.api import wire
from tap_xero.models.schema import TENANT
from tap_xero.sync.prior_state import WEBHOOKS, singer_io_bookmarks, webhook_state
from tap_xero.sync.progress import (
    abandon,
    bookmark,
    record_completion,
    record_progress,
    resume,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from tap_xero.sync.window import Window

_ANSWER = "answer"
_PARTS = "parts"
_SILENT = {"context", _ANSWER}
"""Members of a partition that do not say that rows may still be to come."""

PAUSE = 1.0
"""Seconds between two states of a run, at the least."""

SHARE = 0.01
"""Part of the output that states may be: with hundreds of organisations each is a megabyte."""

FREE = 65_536
"""Bytes that states may come to in any case."""


@dataclass(frozen=True)
class Answer:
    """What was last written of a stream of an organisation that is always read whole.

    Attributes:
        digest: Of what was written.
        sent: When, ISO 8601 UTC.
        retired: Whether rows that were not in it were retired then.
    """

    digest: str
    sent: str
    retired: bool = False


class State:
    """The state of a run.

    Attributes:
        singer_io_bookmarks: Bookmarks by stream, when the run began with a state of
            singer-io/tap-xero.
        expected: Partitions that it will have at the end of the run; 0 when that is not known.
    """

    def __init__(
        self,
        content: dict[str, Any],
        write: Callable[[Any], None],
        volume: Callable[[], int],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take over a state.

        Args:
            content: The tap's state, which is kept up to date.
            write: Writes it as a message, unless it is what was written last.
            volume: Bytes of records written so far.
            monotonic: Time.
        """
        self.singer_io_bookmarks: dict[str, str] = {}
        self.expected = 0
        self._content = content
        self._write = write
        self._volume = volume
        self._monotonic = monotonic
        self._written_at = -PAUSE
        self._after = self._size = self._spent = 0

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what a state has besides the bookmarks of this tap."""
        self.singer_io_bookmarks = singer_io_bookmarks(state)
        self._content.update(webhook_state(state))

    def write(self) -> None:
        """Write it, if that is due: what a killed run has to repeat is in proportion to a state."""
        news = self._volume() - self._after
        resting = self._monotonic() - self._written_at < PAUSE
        if not news or resting or not self._affordable():
            return
        # Only now is it worth its while to see how it has grown.
        self._size = len(wire.encode(self._content))
        if self._affordable():
            self.write_now()

    def _affordable(self) -> bool:
        """Whether one more state, and the one at the end, are within what states may be."""
        streams = self._content.get("bookmarks", {})
        partitions = sum(len(_partitions(self._content, stream)) for stream in streams)
        last = self._size * max(1.0, self.expected / max(1, partitions))
        return self._spent + self._size + last <= max(FREE, SHARE * self._volume())

    def write_now(self) -> None:
        """Write it, if there is anything in it that was not written."""
        if self._content:
            self._write(self._content)
            self._written_at, self._after = self._monotonic(), self._volume()
            self._size = len(wire.encode(self._content))
            self._spent += self._size

    def partition(self, stream: str, tenant_id: str, part: str | None = None) -> Partition:
        """What it remembers of a stream of an organisation, or of a part of that stream."""
        return Partition(self._content, stream, tenant_id, part)

    def organisations(self, stream: str) -> set[str]:
        """Ids of the organisations of which it remembers a stream, or when it was read."""
        partitions = _partitions(self._content, stream)
        return {each["context"][TENANT] for each in partitions if each.keys() - _SILENT}

    def forget_answers(self, stream: str, tenants: Iterable[str]) -> None:
        """Forget what was last written of a stream, in a state that is written before its rows."""
        forgotten = [self.partition(stream, tenant_id).forget_answer() for tenant_id in tenants]
        if any(forgotten):
            self.write_now()

    def answers(self, stream: str, *, besides: Collection[str]) -> list[Partition]:
        """What it remembers of organisations of which it has an answer, besides some of them."""
        return [
            self.partition(stream, each["context"][TENANT])
            for each in _partitions(self._content, stream)
            if _ANSWER in each and each["context"][TENANT] not in besides
        ]

    def positions(self, inbox: str) -> dict[str, int]:
        """By organisation, up to where in an inbox its events are done.

        Args:
            inbox: Its id; the positions of another inbox say nothing about this one.
        """
        webhooks = self._content.get(WEBHOOKS, {})
        return dict(webhooks["organisations"]) if webhooks.get("inbox") == inbox else {}

    def record_positions(self, inbox: str, positions: Mapping[str, int]) -> None:
        """Note up to where in an inbox the events of each organisation are done."""
        self._content[WEBHOOKS] = {
            "inbox": inbox,
            "organisations": dict(sorted(positions.items())),
        }


class Partition:
    """What a state remembers of one stream of one organisation, or of a part of it."""

    def __init__(
        self, state: dict[str, Any], stream: str, tenant_id: str, part: str | None = None
    ) -> None:
        """Look at a partition, which need not be there."""
        self._state = state
        self._stream = stream
        self._tenant_id = tenant_id
        self._part = part

    @property
    def begun(self) -> bool:
        """Whether a run was stopped in the middle of a window."""
        return "page" in self._content

    @property
    def page(self) -> Any:
        """The page to read next, if one is remembered."""
        return self._content.get("page")

    @property
    def items(self) -> Any:
        """The rows of the window by Xero's last count, if they are remembered."""
        return self._content.get("items")

    @property
    def read(self) -> Any:
        """When the stream was last read, if that is remembered."""
        return self._content.get("read")

    @property
    def whole(self) -> Any:
        """When it was last read whole, if that is remembered."""
        return self._content.get("whole")

    @property
    def answer(self) -> Answer | None:
        """What was last written of it, if that is remembered."""
        match self._content.get(_ANSWER):
            case {"digest": str(digest), "sent": str(sent), "retired": bool(retired)}:
                return Answer(digest, sent, retired)
        return None

    @answer.setter
    def answer(self, answer: Answer) -> None:
        self._made()[_ANSWER] = asdict(answer)
        self._tidy()

    def forget_answer(self) -> bool:
        """Forget what was last written of it; whether anything was remembered."""
        forgotten = self._content.pop(_ANSWER, None) is not None
        if forgotten:
            self._tidy()
        return forgotten

    def bookmark(self, replication_key: str | None) -> str | None:
        """The bookmark, if it is one of this replication key."""
        return bookmark(self._content, replication_key)

    def resume(self, fresh: Window) -> Window:
        """The window a stopped run was in the middle of, else `fresh`."""
        return resume(self._content, fresh)

    def progress(self, window: Window) -> None:
        """Note how far a window has been read."""
        record_progress(self._made(), window)

    def complete(
        self,
        window: Window,
        replication_key: str | None,
        *,
        read: str | None = None,
        whole: str | None = None,
    ) -> None:
        """Note that a window was read to its end.

        Args:
            window: The window.
            replication_key: Name of the timestamp; None for a stream that is always read whole.
            read: When the reading began, in a stream of which that is remembered.
            whole: The same, in a stream that was read whole for once.
        """
        content = self._made()
        record_completion(content, window, replication_key)
        content.update({} if read is None else {"read": read})
        content.update({} if whole is None else {"whole": whole})
        self._tidy()

    def abandon(self) -> None:
        """Forget a window that could not be read to its end."""
        abandon(self._made())
        self._tidy()

    @property
    def _content(self) -> dict[str, Any]:
        """The partition; an empty one that the state does not have when there is none."""
        if self._part is None:
            return self._whole
        parts = self._whole.get(_PARTS)
        content = parts.get(self._part) if isinstance(parts, dict) else None
        return content if isinstance(content, dict) else {}

    @property
    def _whole(self) -> dict[str, Any]:
        listed = _partitions(self._state, self._stream)
        return next((each for each in listed if each["context"][TENANT] == self._tenant_id), {})

    def _made(self) -> dict[str, Any]:
        """The partition, made when it is new."""
        content = self._whole
        if not content:
            content["context"] = {TENANT: self._tenant_id}
            stream = self._state.setdefault("bookmarks", {}).setdefault(self._stream, {})
            stream.setdefault("partitions", []).append(content)
        if self._part is None:
            return content
        if not isinstance(content.get(_PARTS), dict):
            content[_PARTS] = {}
        parts: dict[str, Any] = content[_PARTS]
        if not isinstance(parts.get(self._part), dict):
            parts[self._part] = {}
        part: dict[str, Any] = parts[self._part]
        return part

    def _tidy(self) -> None:
        """Take partitions of the stream that say nothing out of the state."""
        telling = [each for each in _partitions(self._state, self._stream) if len(each) > 1]
        if telling:
            # Organisations end in any order; the state shall not differ for that.
            telling.sort(key=lambda each: str(each["context"]))
            self._state["bookmarks"][self._stream]["partitions"] = telling
        else:
            del self._state["bookmarks"][self._stream]


def _partitions(state: Mapping[str, Any], stream: str) -> list[dict[str, Any]]:
    partitions: list[dict[str, Any]] = (
        state.get("bookmarks", {}).get(stream, {}).get("partitions", [])
    )
    return partitions
