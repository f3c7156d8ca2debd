"""What the target's tests share: Singer messages, and the places a target can load into.

Tests that take the `place` fixture say what must hold wherever the rows go, and run on each of
`PLACES`: a lakehouse folder, and a schema of the warehouse sandbox.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from databricks import sql
from databricks_sandbox.pytest_plugin import GROUP
from deltalake import DeltaTable
from target_databricks.commands import staged
from target_databricks.target import TargetDatabricks
from target_databricks.warehouse.sql.columns import as_read

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


class Place:
    """Somewhere to load into, in this process, and to read back from.

    Attributes:
        quick: Whether a load takes less than seconds.
    """

    quick = True

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.schema = "books"

    def destination(self) -> dict[str, Any]:
        """The settings that say where it is."""
        raise NotImplementedError

    def config(self, **settings: Any) -> dict[str, Any]:
        return {**self.destination(), **self.settings, **settings}

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
        raise NotImplementedError

    def arrow(self, table: str) -> pa.Table:
        raise NotImplementedError

    def tables(self) -> set[str]:
        """Tables of the schema, the ledger not among them."""
        raise NotImplementedError

    def rows(self, table: str, *columns: str, by: str | Sequence[str] = "id") -> list[Any]:
        """Rows in the order of some columns: dictionaries, or bare values of a single column."""
        wanted = [by] if isinstance(by, str) else list(by)
        found = self.arrow(table)
        order = [c for c in wanted if c in found.column_names] or list(columns)
        rows = found.sort_by([(c, "ascending") for c in order]).to_pylist()
        if len(columns) == 1:
            return [row[columns[0]] for row in rows]
        return [{c: row[c] for c in columns} for row in rows] if columns else rows

    def staged(self) -> list[str]:
        """Names of files in the staging."""
        raise NotImplementedError

    def forbid(self, table: str, condition: str) -> None:
        """Have a table refuse rows that do not meet a condition, as its owner would."""
        raise NotImplementedError

    def allow(self, table: str) -> None:
        """Take back what was forbidden."""
        raise NotImplementedError

    def age(self, days: float) -> None:
        """Let what is staged be older."""
        for file in self._staging_folder.iterdir():
            moment = file.stat().st_mtime - days * 86_400
            os.utime(file, (moment, moment))

    @property
    def _staging_folder(self) -> Path:
        raise NotImplementedError

    def with_deletion_vectors(self) -> None:
        """Make tables from here on as the place makes them by default."""

    def decide(self, action: str, *files: str) -> list[str]:
        """What `target-databricks-staged` says, in lines."""
        backend = staged.backend_of(TargetDatabricks(config=self.config()).config)
        said: list[str] = []
        if action == "list":
            staged.report(backend, said.append)
        else:
            staged.decide(backend, action, files, everything=not files, say=said.append)
        return said

    def version(self, table: str) -> int:
        """Number of the table's last commit."""
        raise NotImplementedError

    def versions(self) -> dict[str, int]:
        """Last commit of every table but the ledger: equal means nothing was written."""
        return {name: self.version(name) for name in sorted(self.tables())}

    def loads(self) -> list[dict[str, Any]]:
        """The ledger."""
        return self.rows("_sdc_loads", by="started_at") if self.exists("_sdc_loads") else []

    def books(self) -> dict[str, list[dict[str, Any]]]:
        """All tables, for comparing whole places: rows without what differs between runs."""
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


class LakehouseFolder(Place):
    """A lakehouse in a temporary folder, read back with delta-rs."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.schema_folder = folder / "books"

    def destination(self) -> dict[str, Any]:
        return {"lakehouse_path": str(self.folder), "default_target_schema": "books"}

    def exists(self, table: str) -> bool:
        return DeltaTable.is_deltatable(str(self.schema_folder / table))

    def tables(self) -> set[str]:
        if not self.schema_folder.is_dir():
            return set()
        found = (p.name for p in self.schema_folder.iterdir() if self.exists(p.name))
        return {name for name in found if name != "_sdc_loads"}

    def arrow(self, table: str) -> pa.Table:
        return DeltaTable(self.schema_folder / table).to_pyarrow_table()

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
        return DeltaTable(self.schema_folder / table).version()

    def files(self, table: str) -> set[str]:
        """Data files that make up the table now."""
        return set(DeltaTable(self.schema_folder / table).file_uris())

    def staged(self) -> list[str]:
        """Names of batches in the spool."""
        return sorted(p.name for p in self._staging_folder.glob("*-*.*"))

    @property
    def _staging_folder(self) -> Path:
        return self.schema_folder / "_spool"

    def forbid(self, table: str, condition: str) -> None:
        DeltaTable(self.schema_folder / table).alter.add_constraint({"forbidden": condition})

    def allow(self, table: str) -> None:
        DeltaTable(self.schema_folder / table).alter.drop_constraint("forbidden")

    def edit(self, table: str, values: Mapping[str, str], where: str | None = None) -> None:
        """Change rows as a user of the table would."""
        DeltaTable(self.schema_folder / table).update(updates=dict(values), predicate=where)


class SqlWarehouse(Place):
    """A schema of the warehouse sandbox, read back through the connector."""

    quick = False

    def __init__(self, sandbox: Any, schema: str) -> None:
        super().__init__()
        self.sandbox = sandbox
        self.schema = schema
        self.name = f"{sandbox.catalog}.{schema}"

    def destination(self) -> dict[str, Any]:
        return {
            "server_hostname": self.sandbox.url,
            "http_path": self.sandbox.http_path,
            "access_token": self.sandbox.admin.access_token,
            "catalog": self.sandbox.catalog,
            "default_target_schema": self.schema,
        }

    def ask(self, query: str) -> pa.Table:
        """Rows of a query, as the connector gives them."""
        with (
            sql.connect(**self.sandbox.connect_arguments()) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query)
            return cursor.fetchall_arrow()

    def exists(self, table: str) -> bool:
        return table in self._names()

    def tables(self) -> set[str]:
        return self._names() - {"_sdc_loads", "_sdc_versions"}

    def _names(self) -> set[str]:
        # Seen from the files, as `version` and `files`: a statement costs more than all of them.
        return {log.parent.name for log in self._folder.glob("*/_delta_log")}

    @property
    def _folder(self) -> Path:
        folder: Path = self.sandbox.folder / "warehouse" / f"{self.schema}.db"
        return folder

    def arrow(self, table: str) -> pa.Table:
        found = self.ask(f"SELECT * FROM {self.name}.`{table}`")
        return found.cast(as_read(found.schema))

    def types(self, table: str) -> dict[str, str]:
        return {c.name: sql_type(c.type) for c in self.arrow(table).schema}

    def comments(self, table: str) -> dict[str, str]:
        rows = self.sandbox.sql(f"DESCRIBE TABLE {self.name}.`{table}`")
        columns = self.arrow(table).column_names
        return {
            r["col_name"]: r["comment"] for r in rows if r["comment"] and r["col_name"] in columns
        }

    def version(self, table: str) -> int:
        return max(int(log.stem) for log in self._log(table))

    def files(self, table: str) -> set[str]:
        """Data files that make up the table now, and what marks rows of them as deleted."""
        files: dict[str, Any] = {}
        for log in self._log(table):
            for action in map(json.loads, log.read_text().splitlines()):
                if "remove" in action:
                    files.pop(action["remove"]["path"], None)
                if "add" in action:
                    files[action["add"]["path"]] = action["add"].get("deletionVector")
        return {f"{path} {marks}" for path, marks in files.items()}

    def _log(self, table: str) -> list[Path]:
        return sorted((self._folder / table / "_delta_log").glob("*[0-9].json"))

    def staged(self) -> list[str]:
        names = [p.name for p in self._staging_folder.iterdir() if not p.name.startswith(".")]
        return sorted(name for name in names if "-" in name)

    @property
    def _staging_folder(self) -> Path:
        folder = f"/Volumes/{self.sandbox.catalog}/{self.schema}/_sdc_staging/{self.name}"
        local: Path = self.sandbox.volumes.local(folder)
        return local

    def forbid(self, table: str, condition: str) -> None:
        self.sandbox.sql(
            f"ALTER TABLE {self.name}.`{table}` ADD CONSTRAINT forbidden CHECK ({condition})"
        )

    def allow(self, table: str) -> None:
        self.sandbox.sql(f"ALTER TABLE {self.name}.`{table}` DROP CONSTRAINT forbidden")

    def with_deletion_vectors(self) -> None:
        self.sandbox.session_settings.clear()

    def edit(self, table: str, values: Mapping[str, str], where: str | None = None) -> None:
        changes = ", ".join(f"`{column}` = {value}" for column, value in values.items())
        condition = f" WHERE {where}" if where else ""
        self.sandbox.sql(f"UPDATE {self.name}.`{table}` SET {changes}{condition}")


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


PLACES = ("lakehouse folder", "SQL warehouse")
DELETION_VECTORS = "spark.databricks.delta.properties.defaults.enableDeletionVectors"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave part of the suite on the warehouse to `pytest -m stress`, because Spark takes its time.

    By default the warehouse gets the tests that show a rule of the design or an invariant on every
    destination (`@pytest.mark.rule("which")`), of a table of values the first.
    """
    seen: set[str] = set()
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        place = item.callspec.params.get("place") if hasattr(item, "callspec") else None
        rule = item.get_closest_marker("rule")
        if rule and place is None:
            raise pytest.UsageError(f"{item.nodeid}: only a test that takes `place` shows a rule")
        if place != PLACES[1]:
            continue
        # The fixture asks for the sandbox by name, so it does not show among the test's fixtures.
        item.add_marker(pytest.mark.xdist_group(GROUP))
        if not rule or item.originalname in seen:
            item.add_marker(pytest.mark.stress)
        seen.add(item.originalname)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place to load into, one per destination the target has."""
    if request.param == "lakehouse folder":
        return LakehouseFolder(tmp_path / "lake")
    found: SqlWarehouse = request.getfixturevalue("warehouse")
    return found


@pytest.fixture
def warehouse(databricks_sandbox: Any, databricks_schema: str) -> SqlWarehouse:
    """A schema of a SQL warehouse, for what only it can do: grants, outages, constraints.

    Its tables are without deletion vectors, over which Spark takes a third longer; a test that
    wants what a workspace does by default clears `session_settings`.
    """
    databricks_sandbox.session_settings[DELETION_VECTORS] = "false"
    return SqlWarehouse(databricks_sandbox, databricks_schema)


@pytest.fixture
def new_place(tmp_path: Path) -> Callable[[str], LakehouseFolder]:
    """More lakehouse folders, for tests that compare two."""
    return lambda name: LakehouseFolder(tmp_path / name)


@pytest.fixture
def new_schema(warehouse: SqlWarehouse) -> Iterator[Callable[[str], SqlWarehouse]]:
    """More schemas of a SQL warehouse."""
    schemas: list[SqlWarehouse] = []

    def make(name: str) -> SqlWarehouse:
        schema = f"{warehouse.schema}_{name.replace(' ', '_')}"
        schemas.append(SqlWarehouse(warehouse.sandbox, schema))
        return schemas[-1]

    yield make
    for place in schemas:
        place.sandbox.sql(f"DROP SCHEMA IF EXISTS {place.name} CASCADE")


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
            timeout=240,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run
