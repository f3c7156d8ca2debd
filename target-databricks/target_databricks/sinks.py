"""The sink: gathers one stream's lines, parses them in blocks, hands batches to the loader.

An SDK sink in name and life cycle. It differs in what it holds: lines of JSON and Arrow blocks
instead of a list of dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

import pyarrow as pa
from referencing.exceptions import Unresolvable
from singer_sdk.sinks import BatchSink, Sink

from target_databricks.errors import ConfigurationError, InvalidRecord
from target_databricks.loading.batch import LoadResult, make_batch
from target_databricks.loading.load import Load
from target_databricks.loading.loader import Loader, Step
from target_databricks.loading.report import rescued_paths
from target_databricks.loading.rows import of_version
from target_databricks.loading.versions import StreamVersions
from target_databricks.reading.json_text import dumps
from target_databricks.reading.parsing import BlockParser, Lines
from target_databricks.schema.plan import StreamPlan

if TYPE_CHECKING:
    from singer_sdk import Target

BLOCK_ROWS = 8192
"""Lines parsed at a time: enough for Arrow's overhead to vanish, few enough that their Python
objects stay in the processor's cache."""
BLOCK_BYTES = 16 << 20
"""Bytes parsed at a time, for streams with large records."""
SLOW_RECORDS = 1_000
"""Records on the slow way of which nothing is said, however many of the stream's they are."""
BATCH_BYTES = 96 << 20
"""Bytes of JSON in a batch at most; two batches are in memory at once."""


class SinkTarget(Protocol):
    """What a sink needs of the target that it belongs to, beside what the SDK's own sinks need.

    Attributes:
        job_id: The run.
        clock: The time, in seconds since 1970.
        load_method: The setting of that name.
        received: Records received of each stream whose batch was handed over.
        versions: Versions of whole tables that the run has seen.
    """

    job_id: str
    clock: Callable[[], float]
    load_method: str
    received: dict[str, int]
    versions: StreamVersions

    @property
    def initialized_at(self) -> int:
        """When the run began, in milliseconds since 1970."""

    @property
    def line(self) -> int:
        """Number of the input line being processed."""

    @property
    def loader(self) -> Loader:
        """What batches are handed to."""

    def plan(self, stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> StreamPlan:
        """Plan a stream and reconcile the plan with the table it already has."""

    def drain_one(self, sink: Sink) -> None:
        """Have a sink hand over what it has gathered."""


class DatabricksSink(BatchSink):
    """One stream on its way to its table."""

    MAX_SIZE_DEFAULT = 50_000

    def __init__(
        self,
        target: SinkTarget,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(cast("Target", target), stream_name, schema, key_properties)
        self._target = target
        self.received = target.received.get(stream_name, 0)
        self._full_at = self.received + self.max_size
        self._lines = Lines()
        self._blocks: list[pa.RecordBatch] = []
        self._bytes = 0
        self._unprepared = True
        self._said_slow = False
        self.plan: StreamPlan
        self._parser: BlockParser

    def setup(self) -> None:
        """Plan the table and tell, once, what of the stream will not fit it."""
        self.plan = self._target.plan(self.stream_name, self.original_schema, self.key_properties)
        for note in self.plan.reconciled:
            self.logger.warning(note)
        self._parser = BlockParser(
            self.plan,
            job_id=self._target.job_id,
            started_at=self._target.initialized_at,
            clock=self._target.clock,
        )

    def validate(self, record: dict[str, Any]) -> None:
        """Check a record the SDK's way, for `validate_records: true`."""
        if self._validator is None:
            return
        try:
            self._validator.validate(record)
        except InvalidRecord as error:
            raise InvalidRecord(
                f"Line {self._target.line} of the input, for stream '{self.stream_name}', does "
                f"not match its JSON Schema: {error.error_message}. Mend the tap, or set "
                "'validate_records' to false to keep such values in _rescued_data",
                record,
            ) from error
        except ArithmeticError:
            return  # A `multipleOf` so fine that no decimal can tell: it is no mismatch.
        except Unresolvable as error:
            raise ConfigurationError(
                f"The JSON Schema of stream '{self.stream_name}' refers to '{error.ref}', which is "
                "not in it, so its records cannot be checked. Mend the tap, or set "
                "'validate_records' to false."
            ) from error

    def add(self, line: bytes, number: int) -> None:
        """Take one RECORD line.

        Args:
            line: The message as JSON.
            number: Its place in the input.
        """
        lines = self._lines
        lines.add(line, number)
        self.received += 1
        self.tally_record_read()
        if len(lines) >= BLOCK_ROWS or lines.size >= BLOCK_BYTES:
            self._parse_waiting()
        if self.received >= self._full_at or self._bytes + lines.size >= BATCH_BYTES:
            self._target.drain_one(self)

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Take a record as the SDK hands it over, after stream maps and validation."""
        self.add(dumps({"record": record}).encode(), self._target.line)

    def process_batch(self, context: dict[str, Any]) -> None:
        """Hand everything gathered so far to the loader as one batch."""
        for record in context.get("records", ()):
            self.process_record(record, context)
        self._full_at = self.received + self.max_size
        self._parse_waiting()
        unfit, self._parser.unfit = self._parser.unfit, []
        if not self._blocks and not unfit:
            return
        batch = make_batch(
            self.plan,
            self._blocks,
            self.received,
            keep_all=self._target.load_method in {"append-only", "history"},
        )
        self._blocks, self._bytes, self._unprepared = [], 0, False
        # What gathers aside is not in its table yet, so that no state may cover it.
        through = 0 if self._overwrites else self.received
        stage = partial(Load.stage, batch=batch, unfit=unfit)
        self._hand_over(Step(self.stream_name, through, stage=stage))

    @property
    def _overwrites(self) -> bool:
        return self._target.load_method == "overwrite"

    def overwrite(self) -> None:
        """Have the rows of a stream that is complete take the place of those in its tables."""
        plan, stateful = self.plan, self._target.versions.has_states
        self._submit(lambda load: load.overwrite(plan, stateful=stateful), self.received)

    def prepare(self) -> None:
        """Have the tables made as the schema says, if no row was there to do it."""
        plan = self.plan
        if self._unprepared:
            self._submit(lambda load: load.prepare(plan), self.received)

    def activate_version(self, new_version: int) -> None:
        """Take note of a version; what did not come with it is retired at the end of the input."""
        self._target.versions.activate(self.stream_name, new_version, self.received)

    def retire(self, version: int) -> None:
        """Retire the rows that were not sent with a version; the stream is complete."""
        plan = self.plan
        if self._overwrites:
            return  # Only what came will be there.
        if plan.sdk_metadata:
            self._submit(lambda load: load.activate_version(plan, version), self.received)
        else:
            self.logger.warning(
                "Stream '%s': no row is retired, because 'add_record_metadata' is false, and "
                "without _sdc_table_version nothing tells which rows are gone. Set it to true, or "
                "'load_method' to overwrite.",
                self.stream_name,
            )

    def _parse_waiting(self) -> None:
        if not len(self._lines):
            return
        lines, self._lines = self._lines, Lines()
        self._bytes += lines.size
        self.record_counter_metric.increment(len(lines))
        blocks = self._parser.parse(lines)
        self._say_if_slow(blocks)
        version = self._target.versions.named(self.stream_name)
        if version is not None and self.plan.sdk_metadata:
            blocks = [of_version(block, version) for block in blocks]
        self._blocks.extend(blocks)

    def _say_if_slow(self, blocks: Sequence[pa.RecordBatch]) -> None:
        """Say once that most records of the stream take the slow way, and which members do it."""
        slow = self._parser.slow_lines
        if self._said_slow or slow < SLOW_RECORDS or slow * 2 < self.received:
            return
        self._said_slow = True
        paths = rescued_paths(blocks)
        self.logger.warning(
            "Stream '%s': %s of %s records were read value by value, which takes many times "
            "longer, since values do not fit their columns%s. Mend the schema in the tap, or give "
            "the columns other types.",
            self.stream_name,
            f"{slow:,}",
            f"{self.received:,}",
            f" ({', '.join(paths)})" if paths else "",
        )

    def _submit(self, run: Callable[[Load], LoadResult | None], through: int) -> None:
        self._hand_over(Step(self.stream_name, through, run))

    def _hand_over(self, step: Step) -> None:
        self._target.received[self.stream_name] = self.received
        self._target.loader.submit(step)
