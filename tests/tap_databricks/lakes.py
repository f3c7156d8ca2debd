"""A folder of Delta tables, and the tap run over it in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from tap_databricks.tables import TableError
from tap_databricks.tap import TapDatabricks

FEED = {"delta.enableChangeDataFeed": "true"}


@dataclass
class Messages:
    """What a run printed, and how it ended."""

    text: str
    error: TableError | None = None
    lines: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = [json.loads(line, parse_float=Decimal) for line in self.text.splitlines()]

    def of(self, kind: str, stream: str | None = None) -> list[dict[str, Any]]:
        return [m for m in self.lines if m["type"] == kind and (stream in {None, m.get("stream")})]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [m["record"] for m in self.of("RECORD", stream)]

    def ids(self, stream: str) -> list[int]:
        return [record["id"] for record in self.records(stream)]

    def schema(self, stream: str) -> dict[str, Any]:
        return self.of("SCHEMA", stream)[-1]["schema"]

    @property
    def state(self) -> dict[str, Any]:
        return self.of("STATE")[-1]["value"]


class Lake:
    """A folder with the schema `books`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, table: str, schema: str = "books") -> str:
        return str(self.root / schema / table)

    def write(
        self, table: str, rows: pa.Table | Sequence[Mapping[str, Any]], **options: Any
    ) -> DeltaTable:
        rows = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows))
        path = self.path(table, options.pop("schema_name", "books"))
        write_deltalake(path, rows, **{"mode": "append", **options})
        return DeltaTable(path)

    def config(self, **settings: Any) -> dict[str, Any]:
        return {"lakehouse_path": str(self.root), "schemas": ["books"], **settings}

    def read(
        self, state: dict[str, Any] | None = None, catalog: Any = None, **settings: Any
    ) -> Messages:
        """Run the tap. A table that cannot be read is in `error`."""
        return read(self.config(**settings), state, catalog)


def read(
    config: dict[str, Any], state: dict[str, Any] | None = None, catalog: Any = None
) -> Messages:
    out, error = io.StringIO(), None
    with redirect_stdout(out):
        tap = TapDatabricks(config=config, state=state, catalog=catalog, validate_config=True)
        try:
            tap.run()
        except TableError as caught:
            error = caught
    return Messages(out.getvalue(), error)
