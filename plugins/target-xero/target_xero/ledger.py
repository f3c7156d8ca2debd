"""The ledger `xero_writes`: what was asked of Xero and what came of it, a Delta table.

Append-only: a write has a row for each status that it went through. What is committed before a call
is there after a crash, and so says what may have reached Xero.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

NAME = "xero_writes"
PLANNED, SENT, APPLIED = "planned", "sent", "applied"
REJECTED, CONFLICT, UNKNOWN = "rejected", "conflict", "unknown"

OPEN = (SENT, UNKNOWN)
"""Last statuses after which nobody knows whether Xero has the write."""

_COMPACT_FROM = 100
"""Files from which on the table is made of fewer: each commit adds one."""


@dataclass(frozen=True)
class Entry:
    """A row of the ledger.

    Attributes:
        job_id: The run.
        written_at: When this status was noted.
        step: Number of the row: the later has the higher, whatever clocks say.
        tenant_id: The organisation.
        stream: Stream.
        key: Id of the record, or natural key of one to create.
        action: `create` or `update`.
        status: planned, sent, applied, rejected, conflict or unknown.
        words: Xero's words, or ours, on what did not work.
        reason: Why it was asked for.
        payload: What is sent, as JSON.
        payload_hash: SHA-256 of the payload.
        before: What Xero had, by field, as JSON.
        after: What is desired, by field, as JSON.
        idempotency_key: Of the call that carries it.
        position: Where in the call it is.
        xero_id: Xero's id, once there is one.
        xero_updated_utc: Xero's UpdatedDateUTC after the write.
        natural_key: Natural key of a record that was created.
    """

    job_id: str
    written_at: datetime
    step: int
    tenant_id: str
    stream: str
    key: str
    action: str
    status: str
    words: str | None = None
    reason: str | None = None
    payload: str | None = None
    payload_hash: str | None = None
    before: str | None = None
    after: str | None = None
    idempotency_key: str | None = None
    position: int | None = None
    xero_id: str | None = None
    xero_updated_utc: datetime | None = None
    natural_key: str | None = None

    @property
    def record(self) -> tuple[str, str, str]:
        """The record that it is about."""
        return self.tenant_id, self.stream, self.key


_TYPES: dict[str, pa.DataType] = {
    "written_at": pa.timestamp("us", "UTC"),
    "xero_updated_utc": pa.timestamp("us", "UTC"),
    "step": pa.int64(),
    "position": pa.int64(),
}
SCHEMA = pa.schema(
    [pa.field(each.name, _TYPES.get(each.name, pa.string())) for each in fields(Entry)]
)


_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def text_of(value: Any) -> str:
    """JSON of a value, the same for the same value; numbers with their digits."""
    return _encoder.encode(value).decode()


def value_of(text: str | None) -> Any:
    """The value of JSON in the ledger; nothing where there is none."""
    return _decoder.decode(text) if text else {}


class Ledger:
    """The table.

    Args:
        path: Its folder or URL.
        job_id: The run.
        now: What time it is.
        options: Options of the object store.
    """

    def __init__(
        self,
        path: str,
        job_id: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.path, self.job_id, self.now = path, job_id, now
        self._options = dict(options or {})
        self._step = 0
        self._entries: list[Entry] | None = None

    def entries(self) -> list[Entry]:
        """All rows, the oldest first: read once, then with what is appended here."""
        return list(self._known())

    def _known(self) -> list[Entry]:
        if self._entries is None:
            read = [_entry(row) for row in self._rows()]
            self._entries = sorted(read, key=lambda each: (each.step, each.written_at))
            self._step = max((each.step for each in read), default=0)
        return self._entries

    def _rows(self) -> list[dict[str, Any]]:
        try:
            table = DeltaTable(self.path, storage_options=self._options)
        except TableNotFoundError:
            return []
        rows: list[dict[str, Any]] = table.to_pyarrow_table().to_pylist()
        return rows

    def append(self, entries: Iterable[Entry]) -> None:
        """Commit rows: when this returns, they cannot get lost."""
        known, now = self._known(), self.now()
        rows = []
        for each in entries:
            self._step += 1
            rows.append(replace(each, job_id=self.job_id, written_at=now, step=self._step))
        if not rows:
            return
        arrays = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
        write_deltalake(
            self.path,
            pa.table(arrays, schema=SCHEMA),
            mode="append",
            schema_mode="merge",
            storage_options=self._options,
        )
        known += rows

    def tidy(self) -> None:
        """Make fewer files of many."""
        try:
            table = DeltaTable(self.path, storage_options=self._options)
        except TableNotFoundError:
            return
        if len(table.file_uris()) >= _COMPACT_FROM:
            table.optimize.compact()


def _entry(row: Mapping[str, Any]) -> Entry:
    """A row of the table, which may have columns of a later version."""
    known: dict[str, Any] = {name: row.get(name) for name in SCHEMA.names}
    return Entry(**known)


def latest(entries: Sequence[Entry]) -> dict[tuple[str, str, str], Entry]:
    """The last row of each record."""
    return {each.record: each for each in entries}
