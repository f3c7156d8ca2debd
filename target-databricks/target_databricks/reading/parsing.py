"""From RECORD lines to Arrow, a block at a time.

The fast way makes no Arrow value from a Python object: pyarrow's JSON reader takes the lines as
they came, told the exact schema, and refuses the block if anything in it is unexpected. Python
touches each record once, for its hash. A refused block is read once more with members allowed that
the schema does not mention, which Python then collects; if it is refused again, it is cut into
smaller ones until only the lines that caused it (and a few neighbours) take the rescue path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from target_databricks.errors import BadInputError
from target_databricks.reading import rescue
from target_databricks.reading.columns import finish, has_long_decimals, one_chunk
from target_databricks.reading.hashing import exact_record_hash, names_metadata, record_hash
from target_databricks.reading.json_text import TOO_DEEP, TooDeepError, loads
from target_databricks.reading.numbers import NumberCheck, beyond_floats
from target_databricks.reading.open_types import text_maker
from target_databricks.reading.unexpected import Unexpected
from target_databricks.reading.unfit import NO_KEY, Unfit
from target_databricks.reading.values import CONVERT, DoesNotFitError, is_long
from target_databricks.schema.plan import (
    DELETED_AT,
    EXTRACTED_AT,
    JOB_ID,
    RECORD_HASH,
    RESCUED_DATA,
    TABLE_VERSION,
    StreamPlan,
)
from target_databricks.schema.type_names import type_name
from target_databricks.schema.types import TIMESTAMP, Kind

SMALLEST_BLOCK = 64
"""Lines below which a refused block is no longer cut but rescued, value by value."""
MOST_UNEXPECTED = 8
"""One record in so many with unexpected members, and blocks are no longer read without them."""
CUTS = 4
"""Parts a refused block is cut into; each level costs one more fast read of the same lines."""
READER_BLOCK = 1 << 20
"""Bytes pyarrow gives each of its threads."""
COLUMN_BLOCK = 1 << 12
"""Bytes of such a block per column at least: each block costs something for every column."""

_REFUSALS = (
    ValueError,  # no JSON, or what Arrow or the columns do not take as it is
    pa.ArrowNotImplementedError,
    KeyError,  # no 'record'
    TypeError,  # not an object, or one whose numbers orjson cannot write
    AttributeError,
)
"""Why the fast way gives a block back; what is really wrong is for the rescue path to say."""


@dataclass
class Lines:
    """RECORD lines of one stream, waiting to be parsed.

    Attributes:
        text: The lines; each an object with `record`, perhaps `time_extracted` and `version`.
        numbers: Their places in the input, counted from 1.
        size: Bytes in `text`.
    """

    text: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    size: int = 0

    def add(self, line: bytes, number: int) -> None:
        """Append one line."""
        self.text.append(line)
        self.numbers.append(number)
        self.size += len(line)

    def __len__(self) -> int:
        return len(self.text)

    def part(self, start: int, stop: int) -> Lines:
        """Lines from `start` up to `stop`."""
        return Lines(self.text[start:stop], self.numbers[start:stop])

    def where(self, mask: Sequence[bool]) -> Lines:
        """Lines of which a mask is true."""
        return Lines(list(compress(self.text, mask)), list(compress(self.numbers, mask)))


class BlockParser:
    """Parses the lines of one stream into tables of `plan.staged_schema`.

    Args:
        plan: The stream.
        job_id: Stamped on every row.
        started_at: When the run began, in milliseconds since 1970.
        clock: Seconds since 1970.

    Attributes:
        slow_lines: Records that took the rescue path.
        unfit: Records that could not become rows; whoever takes care of them takes them out.
    """

    def __init__(
        self, plan: StreamPlan, *, job_id: str, started_at: int, clock: Callable[[], float]
    ) -> None:
        self.plan = plan
        self._job_id = job_id
        self._started_at = started_at
        self._clock = clock
        self._reserved = plan.reserved
        self._prepare = text_maker(plan.root)
        self._numbers = NumberCheck(plan.root)
        self._wire = pa.schema(
            [
                ("type", pa.string()),
                ("stream", pa.string()),
                ("record", plan.root.wire),
                ("time_extracted", TIMESTAMP),
                ("version", pa.int64()),
            ]
        )
        self._unexpected = Unexpected(plan.root, {*plan.reserved, DELETED_AT})
        self._reports_deletions = any(f.name == DELETED_AT for f in plan.fields)
        self._lenient = False
        """Whether so many records of late had unexpected members that no block is read without."""
        self.slow_lines = 0
        self.unfit: list[Unfit] = []

    def parse(self, lines: Lines) -> list[pa.RecordBatch]:
        """Parse lines, in order.

        Raises:
            BadInputError: A line is not JSON, or not a record.
        """
        parsed = self._parse(lines)
        usable = [self._with_keys(batch, part) for batch, part in parsed]
        received = self._clock()
        return [self._stamped(batch, received) for batch in usable]

    def _parse(self, lines: Lines) -> list[tuple[pa.RecordBatch, Lines]]:
        for lenient in (False, True) if not self._lenient else (True,):
            with suppress(*_REFUSALS):
                return [(self._read(lines, lenient=lenient), lines)]
        if len(lines) <= SMALLEST_BLOCK:
            self.slow_lines += len(lines)
            return [self._rescue(lines)]
        step = max(SMALLEST_BLOCK, -(-len(lines) // CUTS))
        parts = [lines.part(i, i + step) for i in range(0, len(lines), step)]
        return [pair for part in parts for pair in self._parse(part)]

    def _read(self, lines: Lines, *, lenient: bool) -> pa.RecordBatch:
        """Read lines the fast way.

        Args:
            lines: The lines.
            lenient: Whether records may have members that the schema does not mention.
        """
        text, hashes = lines.text, list[str]()
        block = b"\n".join(text)
        if not self._numbers.passes(text, block):
            raise DoesNotFitError
        rest: dict[str, pa.Array] = {}
        if lenient:
            text, rest = self._prepared_leniently(lines, hashes)
        elif self._prepare is not None:
            text = [self._prepared(line, hashes) for line in text]
        elif names_metadata(block):
            hashes += [self._hash(line, orjson.loads(line)["record"]) for line in text]
        else:
            hashes += [record_hash(orjson.loads(line)["record"]) for line in text]
        if text is not lines.text:
            block = b"\n".join(text)
        table = self._table(text, block, "ignore" if lenient else "error")
        rows = one_chunk(finish(one_chunk(table.column("record")), self.plan.root))
        columns = dict(zip((f.name for f in self.plan.fields), rows.flatten(), strict=True))
        columns[RECORD_HASH] = pa.array(self._exact(hashes, columns, lines), pa.string())
        if self.plan.sdk_metadata:
            columns[EXTRACTED_AT] = one_chunk(table.column("time_extracted"))
            columns[TABLE_VERSION] = one_chunk(table.column("version"))
        return self._conformed({**rest, **columns}, len(text))

    def _prepared(self, line: bytes, hashes: list[str]) -> bytes:
        """The line with everything of open type turned into text, for Arrow to read."""
        message = orjson.loads(line)
        record = message["record"]
        hashes.append(self._hash(line, record))
        return orjson.dumps({**message, "record": self._prepare(record)})  # type: ignore[misc]

    def _prepared_leniently(
        self, lines: Lines, hashes: list[str]
    ) -> tuple[list[bytes], dict[str, pa.Array]]:
        """Lines for Arrow to read, and the columns of what it passes over."""
        text, prepare = lines.text, self._prepare
        rescued: list[str | None] = []
        deleted: list[Any] = []
        prepared = []
        before = self._unexpected.count
        for line in text:
            message = orjson.loads(line)
            record = message["record"]
            hashes.append(self._hash(line, record))
            rescued.append(self._unexpected.text(line, record))
            deleted.append(self._deletion(record))
            if prepare is not None:
                prepared.append(orjson.dumps({**message, "record": prepare(record)}))
        self._lenient = (self._unexpected.count - before) * MOST_UNEXPECTED > len(text)
        columns = {RESCUED_DATA: pa.array(rescued, pa.string())}
        if any(deleted):
            columns[DELETED_AT] = pa.array(deleted, TIMESTAMP)
        return prepared if prepare is not None else text, columns

    def _deletion(self, record: dict[str, Any]) -> Any:
        """When a record was deleted at the source; also where the schema does not mention it.

        Raises:
            DoesNotFitError: It is no time.
        """
        value = record.get(DELETED_AT)
        return (
            None
            if value is None or self._reports_deletions
            else CONVERT[Kind.TIMESTAMP](rescue.MOMENT, value)
        )

    def _table(self, text: list[bytes], block: bytes, unexpected: str) -> pa.Table:
        table = pj.read_json(
            pa.BufferReader(block),
            read_options=pj.ReadOptions(
                block_size=max(
                    READER_BLOCK,
                    COLUMN_BLOCK * len(self.plan.fields),
                    2 + max(map(len, text), default=0),
                )
            ),
            parse_options=pj.ParseOptions(
                explicit_schema=self._wire, unexpected_field_behavior=unexpected
            ),
        )
        if table.num_rows != len(text):
            # Two objects on one line, or a line with none: not for this reader to judge.
            raise DoesNotFitError
        return table

    def _rescue(self, lines: Lines) -> tuple[pa.RecordBatch, Lines]:
        """Read lines value by value. Returns their rows, and the lines that have one."""
        read = [
            self._walked(line, number)
            for line, number in zip(lines.text, lines.numbers, strict=True)
        ]
        lines = lines.where([one is not None for one in read])
        rows: list[dict[str, Any]] = []
        rescued: list[str | None] = []
        hashes: list[str] = []
        extracted: list[Any] = []
        deleted: list[Any] = []
        versions: list[int | None] = []
        for message, row, rest, digest in filter(None, read):
            rows.append(row)
            rescued.append(rest)
            hashes.append(digest)
            extracted.append(rescue.fit(rescue.MOMENT, message.get("time_extracted"), "", {}))
            deleted.append(row.get(DELETED_AT))
            version = message.get("version")
            versions.append(version if is_long(version) else None)
        struct = pa.array(rows, self.plan.root.arrow)
        columns = dict(zip((f.name for f in self.plan.fields), struct.flatten(), strict=True))
        columns[RECORD_HASH] = pa.array(self._exact(hashes, columns, lines), pa.string())
        if self.plan.sdk_metadata:
            columns[EXTRACTED_AT] = pa.array(extracted, TIMESTAMP)
            columns[TABLE_VERSION] = pa.array(versions, pa.int64())
        columns.setdefault(DELETED_AT, pa.array(deleted, TIMESTAMP))
        columns[RESCUED_DATA] = pa.array(rescued, pa.string())
        return self._conformed(columns, len(rows)), lines

    def _walked(
        self, line: bytes, number: int
    ) -> tuple[dict[str, Any], dict[str, Any], str | None, str] | None:
        """A message, its row, what of it is rescued, and its hash; None if it is too deep.

        Raises:
            BadInputError: It is no message.
        """
        try:
            message = self._message(line, number)
            row, rest = rescue.fit_record(message["record"], self.plan.root, self._reserved)
            return message, row, rest, self._hash_of_any(line, message["record"])
        except (TooDeepError, RecursionError):
            digest = hashlib.sha256(line.strip()).hexdigest()[:32]
            self.unfit.append(Unfit(line, number, digest, f"It is {TOO_DEEP}. Mend the tap."))
            return None

    def _message(self, line: bytes, number: int) -> dict[str, Any]:
        stream = self.plan.stream
        try:
            message = loads(line)
        except TooDeepError:
            raise
        except ValueError as error:
            raise self._not_json(number, error) from error
        if not isinstance(message, dict) or not isinstance(message.get("record"), dict):
            raise BadInputError(
                f"Line {number} of the input, for stream '{stream}', is a RECORD message without "
                "an object under 'record'. Mend the tap, then run again."
            )
        return message

    def _not_json(self, number: int, reason: object) -> BadInputError:
        return BadInputError(
            f"Line {number} of the input is not JSON ({reason}); it stands among the records "
            f"of stream '{self.plan.stream}'. Nothing of this batch was loaded. Mend the tap, then "
            "run again: what was loaded before stays, and the run resumes from its state."
        )

    def _hash(self, line: bytes, record: dict[str, Any]) -> str:
        return record_hash(record, self._reserved if names_metadata(line) else ())

    def _hash_of_any(self, line: bytes, record: dict[str, Any]) -> str:
        """The same hash the fast way gives, also for text that only the rescue path takes."""
        if beyond_floats(record, self.plan.root):
            return exact_record_hash(record, self._reserved)
        try:
            return self._hash(line, orjson.loads(line)["record"])
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return exact_record_hash(record, self._reserved)

    def _exact(self, hashes: list[str], columns: dict[str, pa.Array], lines: Lines) -> list[str]:
        """Rehash, from their exact digits, the rows that hold numbers a float could confuse."""
        nodes = [(columns[f.name], f.node) for f in self.plan.fields]
        if not any(has_long_decimals(array, node) for array, node in nodes):
            return hashes
        exact = list(hashes)
        for i, line in enumerate(lines.text):
            if any(has_long_decimals(array.slice(i, 1), node) for array, node in nodes):
                exact[i] = exact_record_hash(loads(line)["record"], self._reserved)
        return exact

    def _conformed(self, columns: dict[str, pa.Array], count: int) -> pa.RecordBatch:
        schema = self.plan.staged_schema
        return pa.record_batch(
            [columns.get(c.name, pa.nulls(count, c.type)) for c in schema], schema=schema
        )

    def _stamped(self, batch: pa.RecordBatch, received: float) -> pa.RecordBatch:
        moment = pa.scalar(round(received * 1_000_000), pa.int64()).cast(TIMESTAMP)
        stamps: dict[str, Any] = {JOB_ID: self._job_id}
        if self.plan.sdk_metadata:
            stamps |= {
                "_sdc_received_at": moment,
                "_sdc_batched_at": moment,
                "_sdc_sequence": round(received * 1000),
                "_sdc_sync_started_at": self._started_at,
            }
        arrays = [
            pa.repeat(pa.scalar(stamps[c.name], c.type), batch.num_rows)
            if c.name in stamps
            else batch.column(i)
            for i, c in enumerate(batch.schema)
        ]
        return pa.record_batch(arrays, schema=batch.schema)

    def _with_keys(self, batch: pa.RecordBatch, lines: Lines) -> pa.RecordBatch:
        """The rows that have a key; a record without one that a column can hold is unfit."""
        for key in self.plan.keys:
            column = batch.column(key)
            if not column.null_count:
                continue
            field = next(f for f in self.plan.fields if f.name == key)
            source, kind = field.source, type_name(field.node.arrow)
            hashes = batch.column(RECORD_HASH)
            for row in pc.indices_nonzero(column.is_null()).to_pylist():
                line, number = lines.text[row], lines.numbers[row]
                if loads(line)["record"].get(source) is None:
                    reason = (
                        f"{NO_KEY} '{source}', so it cannot be merged. Mend the tap, or choose "
                        "other key properties for the stream (Meltano: "
                        "metadata.<stream>.table-key-properties)."
                    )
                else:
                    reason = (
                        f"The value of its key property '{source}' does not fit the table's column "
                        f"'{key}', which is {kind} and keeps its type. If the key has another type "
                        "at the source now, load the stream into a new table (an '__alias__' in "
                        "'stream_maps'), or drop this one."
                    )
                self.unfit.append(Unfit(line, number, hashes[row].as_py(), reason))
            usable = column.is_valid()
            batch = batch.filter(usable)
            lines = lines.where(usable.to_pylist())
        return batch
