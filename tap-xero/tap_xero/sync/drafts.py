"""Drafts: what is written of a stream that is always read whole, until it is known to be news.

Its messages are kept back until every organisation is read. When they say what the state says that
the tables have, none of them is written: no row of a table is merged, and no warehouse is woken for
it. At the first organisation that has news, all that was kept back is written, and the rest as it
comes, as a version of a table is one of all organisations.

The state has a digest of each organisation's answer. It covers the RECORD messages in any order,
without their time and version, and what they depend on: the SCHEMA messages and the selection. So
it differs when Xero's data does, and when a setting, a stream map, a model or the transform of
another tap-xero makes other messages of the same data. It leaves the state before anything of the
organisation is written, and comes back when all is, so that a run that dies writes again.

A run that died may have written rows that are gone from Xero since, and tables may have lost some;
no digest tells. Therefore everything is written again when it was written a week ago.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from tap_xero.sync.cadence import is_due, stamp
from tap_xero.sync.state import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tap_xero.api.client import Tenant
    from tap_xero.sync.state import Partition

MOST = 4 * 2**20
"""Bytes of messages of one stream that are kept back; one that has more is written as it comes."""

AGAIN = timedelta(days=7)
"""Time after which a stream is written again, although it says nothing new."""

_BITS = 128


@dataclass
class Draft:
    """What is written of one stream of one organisation.

    Attributes:
        tenant: The organisation.
        partition: What the state remembers of it.
        answer: What it remembered of the answer when the reading began.
        head: What the messages depend on besides Xero's answer.
        rows: Records so far.
        complete: Whether the answer was read to its end.
    """

    tenant: Tenant
    partition: Partition
    answer: Answer | None
    head: bytes
    rows: int = 0
    complete: bool = False
    _sum: int = field(default=0, repr=False)

    def add(self, bodies: Sequence[bytes]) -> None:
        """Take records into the digest; their order is none of its business."""
        self.rows += len(bodies)
        for body in bodies:
            self._sum += int.from_bytes(_hash(body))

    @property
    def digest(self) -> str:
        """What tells these records from others, 32 hexadecimal digits."""
        return _hash(self.head + (self._sum % 2**_BITS).to_bytes(_BITS // 8)).hex()


class Drafts:
    """The drafts of one stream, of all its organisations.

    Attributes:
        released: Whether messages are written, and not kept back any more.
    """

    def __init__(
        self,
        *,
        now: datetime,
        begin: Callable[[], None],
        write: Callable[[bytes], None],
        forget: Callable[[], None],
    ) -> None:
        """Prepare; nothing is written yet.

        Args:
            now: The time.
            begin: Announces the stream; called before its first record.
            write: Writes lines.
            forget: Has the state forget what was last written of the stream.
        """
        self.released = False
        self._now = now
        self._begin = begin
        self._write = write
        self._forget = forget
        self._drafts: list[Draft] = []
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def overflowed(self) -> bool:
        """Whether the stream is too large to be kept back, so that it gets no digest."""
        return self._size > MOST

    @property
    def unchanged(self) -> list[Draft]:
        """Those of which nothing was written, because nothing in them is new."""
        return [] if self.released else [each for each in self._drafts if each.complete]

    def draft(self, tenant: Tenant, partition: Partition, head: bytes) -> Draft:
        """The draft of an organisation whose reading begins."""
        self._drafts.append(Draft(tenant, partition, partition.answer, head))
        return self._drafts[-1]

    def add(self, draft: Draft, lines: bytes, bodies: Sequence[bytes]) -> None:
        """Take records over: keep them back, or write them.

        Args:
            draft: Whose they are.
            lines: Their messages.
            bodies: What each of them says, whenever it is written.
        """
        draft.add(bodies)
        self._size += len(lines)
        self._lines.append(lines)
        if self.released or self.overflowed or draft.answer is None:
            self.release()

    def end(self, draft: Draft, *, complete: bool) -> None:
        """Note that no row of an organisation follows, and write what it has of news.

        Args:
            draft: Whose reading has ended.
            complete: Whether all of it was read.
        """
        draft.complete = complete
        answer = draft.answer
        news = answer is None or answer.digest != draft.digest
        overdue = answer is None or is_due(AGAIN, answer.sent, self._now)
        if (news or overdue) if complete else draft.rows:
            self.release()

    def release(self) -> None:
        """Write what was kept back, and from now on the rest as it comes."""
        if not self.released:
            # Whatever ends the run from here on, its state does not say that all is as it was.
            self._forget()
        self.released = True
        self._begin()
        for lines in self._lines:
            self._write(lines)
        self._lines.clear()

    def conclude(self, *, retires: bool, gone: bool) -> None:
        """Write what has to be written again because rows are to be retired, once all is read.

        Args:
            retires: Whether this run may retire rows.
            gone: Whether rows of an organisation that is not read any more are among them.
        """
        unretired = any(each.answer and not each.answer.retired for each in self.unchanged)
        if retires and (gone or unretired):
            self.release()

    def record(self, *, retired: bool) -> None:
        """Have the state remember what was written, after all of it.

        Args:
            retired: Whether rows that were not written again were retired.
        """
        for draft in self._drafts:
            if self.released and draft.complete and not self.overflowed:
                draft.partition.answer = Answer(draft.digest, stamp(self._now), retired)


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=_BITS // 8).digest()
