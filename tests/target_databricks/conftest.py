"""What the target's tests share: Singer messages, and the places a target can load into.

Tests that take the `place` fixture say what must hold wherever the rows go. `LakehouseFolder` is
the first place; another one is another class with the same methods, added to `PLACES`.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from target_databricks.target import TargetDatabricks

Message = Mapping[str, Any] | str | bytes


class Singer:
    """Singer messages, spelled the way most taps spell them."""

    @staticmethod
    def schema(
        stream: str,
        properties: Mapping[str, Any],
        keys: Sequence[str] = ("id",),
        bookmarks: Sequence[str] = (),
        **more: Any,
    ) -> dict[str, Any]:
        message = {
            "type": "SCHEMA",
            "stream": stream,
            "schema": {"type": "object", "properties": dict(properties), **more},
            "key_properties": list(keys),
        }
        return {**message, "bookmark_properties": list(bookmarks)} if bookmarks else message

    @staticmethod
    def record(stream: str, record: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {"type": "RECORD", "stream": stream, "record": dict(record), **more}

    @classmethod
    def records(cls, stream: str, *records: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
        return [cls.record(stream, r, **more) for r in records]

    @staticmethod
    def state(value: Any) -> dict[str, Any]:
        return {"type": "STATE", "value": value}

    @staticmethod
    def activate(stream: str, version: int) -> dict[str, Any]:
        return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}

    @staticmethod
    def text(messages: Iterable[Message]) -> bytes:
        """Messages as a tap prints them; text and bytes go through as they are."""
        lines = []
        for message in messages:
            if isinstance(message, bytes):
                lines.append(message)
            elif isinstance(message, str):
                lines.append(message.encode())
            else:
                lines.append(json.dumps(message).encode())
        return b"".join(line + b"\n" for line in lines)


@dataclass
class Run:
    """What one run of the target gave back."""

    states: list[Any] = field(default_factory=list)


class LakehouseFolder:
    """A lakehouse in a temporary folder, loaded in this process and read back with delta-rs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.schema_folder = folder / "books"
        self.settings: dict[str, Any] = {}

    def config(self, **settings: Any) -> dict[str, Any]:
        return {
            "lakehouse_path": str(self.folder),
            "default_target_schema": "books",
            **self.settings,
            **settings,
        }

    def run(self, *messages: Message | Iterable[Message], **settings: Any) -> Run:
        """Load messages; lists among them are unfolded. Raises what the target raises."""
        flat: list[Message] = []
        for message in messages:
            one = isinstance(message, (str, bytes, Mapping))
            flat.extend([message] if one else message)  # type: ignore[list-item, arg-type]
        return self.run_text(Singer.text(flat), **settings)

    def run_text(self, text: bytes, **settings: Any) -> Run:
        """Load the text of a `.singer` file."""
        out = io.StringIO()
        config = {k: v for k, v in self.config(**settings).items() if v is not None}
        target = TargetDatabricks(config=config, validate_config=True)
        try:
            with redirect_stdout(out):
                target.listen(io.BytesIO(text))
        finally:
            self.last = Run([json.loads(line) for line in out.getvalue().split("\n") if line])
        return self.last

    def exists(self, table: str) -> bool:
        return DeltaTable.is_deltatable(str(self.schema_folder / table))

    def tables(self) -> set[str]:
        """Tables of the schema, the ledger not among them."""
        if not self.schema_folder.is_dir():
            return set()
        found = (p.name for p in self.schema_folder.iterdir() if self.exists(p.name))
        return {name for name in found if name != "_sdc_loads"}

    def arrow(self, table: str) -> pa.Table:
        return DeltaTable(self.schema_folder / table).to_pyarrow_table()

    def rows(self, table: str, *columns: str, by: str | Sequence[str] = "id") -> list[Any]:
        """Rows in the order of some columns: dictionaries, or bare values of a single column."""
        wanted = [by] if isinstance(by, str) else list(by)
        found = self.arrow(table)
        order = [c for c in wanted if c in found.column_names] or list(columns)
        rows = found.sort_by([(c, "ascending") for c in order]).to_pylist()
        if len(columns) == 1:
            return [row[columns[0]] for row in rows]
        return [{c: row[c] for c in columns} for row in rows] if columns else rows

    def types(self, table: str) -> dict[str, str]:
        """Column names and SQL types, in the table's order."""
        schema = pa.schema(DeltaTable(self.schema_folder / table).schema().to_arrow())
        return {c.name: sql_type(c.type) for c in schema}

    def comments(self, table: str) -> dict[str, str]:
        schema = pa.schema(DeltaTable(self.schema_folder / table).schema().to_arrow())
        return {
            c.name: c.metadata[b"comment"].decode()
            for c in schema
            if c.metadata and b"comment" in c.metadata
        }

    def version(self, table: str) -> int:
        """Number of the table's last commit."""
        return DeltaTable(self.schema_folder / table).version()

    def versions(self) -> dict[str, int]:
        """Last commit of every table, the ledger included: equal means nothing was written."""
        names = self.tables() | ({"_sdc_loads"} if self.exists("_sdc_loads") else set())
        return {name: self.version(name) for name in sorted(names)}

    def files(self, table: str) -> set[str]:
        """Data files that make up the table now."""
        return set(DeltaTable(self.schema_folder / table).file_uris())

    def loads(self) -> list[dict[str, Any]]:
        """The ledger."""
        return self.rows("_sdc_loads", by="started_at") if self.exists("_sdc_loads") else []

    def staged(self) -> list[str]:
        """Names of batches in the spool."""
        return sorted(p.name for p in (self.schema_folder / "_spool").glob("*-*.*"))

    def books(self) -> dict[str, list[dict[str, Any]]]:
        """All tables, for comparing whole lakehouses: rows without what differs between runs."""
        fleeting = {"_sdc_job_id", "_sdc_received_at", "_sdc_batched_at", "_sdc_sequence"}
        fleeting |= {"_sdc_sync_started_at"}
        return {
            name: sorted(
                (
                    {k: v for k, v in row.items() if k not in fleeting}
                    for row in self.arrow(name).to_pylist()
                ),
                key=repr,
            )
            for name in self.tables()
        }

    def edit(self, table: str, values: Mapping[str, str], where: str | None = None) -> None:
        """Change rows as a user of the table would."""
        DeltaTable(self.schema_folder / table).update(updates=dict(values), predicate=where)


def sql_type(kind: pa.DataType) -> str:
    """An Arrow type as Spark SQL spells it."""
    if pa.types.is_struct(kind):
        return f"STRUCT<{', '.join(f'{f.name}: {sql_type(f.type)}' for f in kind)}>"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"ARRAY<{sql_type(kind.value_type)}>"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    return {
        pa.string(): "STRING",
        pa.int64(): "BIGINT",
        pa.int32(): "INT",
        pa.int16(): "SMALLINT",
        pa.float64(): "DOUBLE",
        pa.float32(): "FLOAT",
        pa.bool_(): "BOOLEAN",
        pa.date32(): "DATE",
        pa.binary(): "BINARY",
    }[kind]


PLACES: Mapping[str, Callable[[Path], LakehouseFolder]] = {"lakehouse folder": LakehouseFolder}


@pytest.fixture(params=list(PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LakehouseFolder:
    """An empty place to load into, one per destination the target has."""
    return PLACES[request.param](tmp_path / "lake")


@pytest.fixture
def new_place(tmp_path: Path) -> Callable[[str], LakehouseFolder]:
    """More lakehouse folders, for tests that compare two."""
    return lambda name: LakehouseFolder(tmp_path / name)


@pytest.fixture
def folder(tmp_path: Path) -> LakehouseFolder:
    """A lakehouse folder, for what only it can do: staged files, locks, crashes."""
    return LakehouseFolder(tmp_path / "lake")


@pytest.fixture(scope="session")
def lakehouse() -> type[LakehouseFolder]:
    """For fixtures that outlive a test."""
    return LakehouseFolder


@pytest.fixture(scope="session")
def singer() -> type[Singer]:
    """How to spell Singer messages."""
    return Singer


@pytest.fixture(scope="session")
def command() -> str:
    """The installed `target-databricks` command."""
    beside = Path(sys.executable).parent / "target-databricks"
    found = str(beside) if beside.exists() else shutil.which("target-databricks")
    assert found is not None, "target-databricks is not installed"
    return found


@pytest.fixture
def cli(command: str, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command: text in, exit code and both outputs out."""

    def run(
        text: bytes, config: Mapping[str, Any], *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        done = subprocess.run(
            [command, "--config", str(path), *arguments],
            input=text,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run
