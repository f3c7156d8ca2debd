"""A Meltano project in a temporary folder, and a Xero whose clock the test holds."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from reconciled_books import faults, reconciled  # noqa: F401 - fixtures of several modules
from shown_commands import as_shown
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing answers there
UV = {"UV_PROJECT": str(REPOSITORY), "UV_PROJECT_ENVIRONMENT": sys.prefix, "UV_NO_SYNC": "1"}
"""The environment of the tests has all extras; to make one for each project would take a minute."""


class Project:
    """A copy of the repository's Meltano project, run with the real command line."""

    def __init__(self, root: Path, system_database: Path | None = None) -> None:
        self.root = root
        self.lakehouse = root / "output" / "lakehouse" / "xero"
        self.state = root / "state"
        self.xero: Sandbox | None = None
        shutil.copy(REPOSITORY / "meltano.yml", root / "meltano.yml")
        for kind in ("extractors", "loaders", "utilities", "marts"):
            shutil.copytree(REPOSITORY / "plugins" / kind, root / "plugins" / kind)
        if system_database is not None:
            (root / ".meltano").mkdir()
            shutil.copy(system_database, root / ".meltano")
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TAP_", "TARGET_"))},
            "XDG_STATE_HOME": str(self.state),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "MELTANO_HUB_URL": NOWHERE,
            "NO_COLOR": "1",
        }

    def copy(self, root: Path) -> Project:
        """The project in another folder, as it is now, with the utilities that are installed."""
        installed = self.root / ".meltano" / "utilities"
        shutil.copytree(
            self.root,
            root,
            ignore=lambda folder, names: {
                name for name in names if Path(folder) / name == installed
            },
        )
        if installed.exists():
            (root / ".meltano" / "utilities").symlink_to(installed)
        twin = copy.copy(self)
        twin.root, twin.state = root, root / "state"
        twin.lakehouse = root / "output" / "lakehouse" / "xero"
        twin.env = self.env | {"XDG_STATE_HOME": str(twin.state)}
        return twin

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start `meltano …`, a minute after the last one as Xero counts calls."""
        return self._start([str(BIN / "meltano"), *arguments], env)

    def _start(self, command: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
        self._let_a_minute_pass()
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def meltano(
        self, *arguments: str, code: int = 0, stdin: str = "", timeout: float = 280, **env: str
    ) -> str:
        """Run `meltano …` to its end and give what it printed."""
        return _ended(self.start(*arguments, **env), code, stdin, timeout)

    def run(
        self, command: str, code: int = 0, stdin: str = "", timeout: float = 280, **env: str
    ) -> str:
        """Run a line as a shell does; `uv run` takes the environment of the tests as it is."""
        return _ended(self._start(["bash", "-ec", command], {**UV, **env}), code, stdin, timeout)

    def dbt(self, *runs: tuple[str, dict[str, str]]) -> None:
        """Commands of dbt with their environments, in one process, after a build by Meltano.

        Their databases are called as that one's is; folders make the difference.
        """
        root = self.root / "plugins" / "marts"
        here = {
            "DBT_PROJECT_DIR": str(root),
            "DBT_PROFILES_DIR": str(root),
            "DBT_TARGET_PATH": str(self.root / "output" / "runs"),
            "DBT_LOG_PATH": str(self.root / "output" / "runs"),
            "MARTS_MODULES": str(root / "duckdb"),
        }
        read = self.root / "output" / "marts" / "target" / "partial_parse.msgpack"
        python = self.root / ".meltano" / "utilities" / "dbt-duckdb" / "venv" / "bin" / "python"
        done = subprocess.run(
            [str(python), str(Path(__file__).with_name("dbt_runs.py")), str(read)],
            input=json.dumps([[command.split(), {**here, **env}] for command, env in runs]),
            capture_output=True,
            text=True,
            check=False,
            env=self.env,
            cwd=self.root,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def read_from(self, xero: Sandbox) -> None:
        """Let the tap read from a sandbox of the test's own, as it would from Xero."""
        self.xero = xero
        self.env |= {
            "MELTANO_ENVIRONMENT": "local",
            "TAP_XERO_API_URL": xero.url,
            "TAP_XERO_IDENTITY_URL": xero.url,
            "TAP_XERO_CLIENT_ID": xero.client_id,
            "TAP_XERO_CLIENT_SECRET": xero.client_secret,
        }

    def _let_a_minute_pass(self) -> None:
        """Nobody waits for the calls of the last run: the sandbox's clock moves, they are gone."""
        if self.xero is not None and isinstance(self.xero.clock, ManualClock):
            self.xero.clock.advance(61)
            for path in self.state.rglob("*.calls*"):
                path.unlink()

    def table(self, name: str) -> pa.Table:
        """A whole table of the lakehouse."""
        return DeltaTable(str(self.lakehouse / name)).to_pyarrow_table()

    def rows(self, name: str) -> list[dict[str, object]]:
        """A whole table as Python rows."""
        return self.table(name).to_pylist()

    def tables(self) -> list[str]:
        """Names of the tables that hold records."""
        return sorted(p.parent.name for p in self.lakehouse.glob("*/_delta_log"))

    def data_files(self) -> set[str]:
        """Data files of all tables but the ledger, which has a row for every stream and run."""
        files = {p.relative_to(self.lakehouse) for p in self.lakehouse.rglob("*.parquet")}
        return {str(path) for path in files if path.parts[0] != "_sdc_loads"}

    def runs(self) -> list[str]:
        """Ids of the runs of Meltano's own database, the first first."""
        with closing(sqlite3.connect(self.root / ".meltano" / "meltano.db")) as database:
            rows = database.execute("SELECT run_id FROM runs ORDER BY started_at").fetchall()
        return [str(UUID(run_id)) for (run_id,) in rows]


def _ended(process: subprocess.Popen[str], code: int, stdin: str, timeout: float) -> str:
    output, _ = process.communicate(stdin, timeout=timeout)
    assert process.returncode == code, output
    return output


@pytest.fixture(scope="session")
def system_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Meltano's own database as its first command in a project makes it, in three seconds."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.meltano("config", "print", "tap-xero")
    return project.root / ".meltano" / "meltano.db"


@pytest.fixture
def project(tmp_path: Path, system_database: Path) -> Project:
    """A fresh Meltano project."""
    return Project(tmp_path, system_database)


@pytest.fixture(scope="session")
def loaded(
    tmp_path_factory: pytest.TempPathFactory, system_database: Path
) -> Iterator[tuple[Project, Sandbox]]:
    """A project whose tables hold the books; each test leaves them so, whatever day it is then."""
    project = Project(tmp_path_factory.mktemp("loaded"), system_database)
    clock = ManualClock(datetime(2026, 2, 2, 9, 0, tzinfo=UTC))
    with Sandbox(organisations=2, invoices=120, clock=clock, machine_reaches_all=True) as xero:
        project.read_from(xero)
        project.meltano("run", "tap-xero", "target-databricks")
        yield project, xero


@pytest.fixture(scope="session")
def marts(loaded: tuple[Project, Sandbox]) -> tuple[Project, Sandbox, duckdb.DuckDBPyConnection]:
    """The marts of the loaded books, as of the sandbox's day, built and tested by dbt."""
    project, xero = loaded
    today = xero.clock.now().date().isoformat()
    project.run(as_shown("uv run meltano run dbt-duckdb:build"), MARTS_AS_OF=today)
    database = project.root / "output" / "books.duckdb"
    return project, xero, duckdb.connect(str(database), read_only=True)


@pytest.fixture
def xero() -> Iterator[Sandbox]:
    """Two organisations, 120 invoices each; time stands still until the test moves it."""
    clock = ManualClock(datetime(2026, 2, 2, 9, 0, tzinfo=UTC))
    with Sandbox(organisations=2, invoices=120, clock=clock, machine_reaches_all=True) as sandbox:
        yield sandbox


@pytest.fixture
def prod(databricks_sandbox: Any, databricks_schema: str) -> dict[str, str]:
    """The environment `prod`, pointed at the warehouse sandbox by a service principal."""
    return {
        "MELTANO_ENVIRONMENT": "prod",
        "TARGET_DATABRICKS_SERVER_HOSTNAME": databricks_sandbox.url,
        "TARGET_DATABRICKS_HTTP_PATH": databricks_sandbox.http_path,
        "TARGET_DATABRICKS_CATALOG": databricks_sandbox.catalog,
        "TARGET_DATABRICKS_CLIENT_ID": databricks_sandbox.admin.client_id,
        "TARGET_DATABRICKS_CLIENT_SECRET": databricks_sandbox.admin.client_secret,
        "TARGET_DATABRICKS_DEFAULT_TARGET_SCHEMA": databricks_schema,
    }
