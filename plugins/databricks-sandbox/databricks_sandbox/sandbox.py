"""The whole sandbox as one object: engine, Unity Catalog, warehouse, identity, faults, server."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from starlette.applications import Starlette

from databricks_sandbox.app import control, create_app
from databricks_sandbox.app.catalog import CatalogCalls
from databricks_sandbox.app.control import Control
from databricks_sandbox.app.files import Files
from databricks_sandbox.app.oidc import OAuth
from databricks_sandbox.app.secrets import SecretScopes
from databricks_sandbox.app.sql import SqlEndpoint
from databricks_sandbox.app.staging import Staging
from databricks_sandbox.app.workspace import Warehouses
from databricks_sandbox.clock import Clock, OffsetClock
from databricks_sandbox.engine.restoring import restore_tables, restore_views
from databricks_sandbox.engine.session import EngineSession
from databricks_sandbox.engine.spark import Engine
from databricks_sandbox.faults import FaultPlan, not_ready
from databricks_sandbox.identity import Identity, Principal
from databricks_sandbox.protocol.operations import Registry
from databricks_sandbox.protocol.service import Service
from databricks_sandbox.server import Server
from databricks_sandbox.statements import Statement, StatementLog
from databricks_sandbox.switches import Switches
from databricks_sandbox.unity.executor import Executor
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.keeping import MetastoreFile
from databricks_sandbox.unity.metastore import Metastore
from databricks_sandbox.unity.volumes import Volumes
from databricks_sandbox.warehouse import Warehouse

_LEFT_WITHIN = 30.0
"""Seconds that another sandbox has to leave the folder."""


class Sandbox:
    """A workspace with one SQL warehouse and one catalog, on 127.0.0.1.

    Spark starts when the first session is opened, or with `start_engine`. One sandbox per process:
    Spark cannot be had twice.

    Args:
        port: 0 takes a free one.
        catalog: the name of the catalog.
        clock: for tokens, warehouse starts, idle sessions; the machine's own by default.
        memory: heap of Spark's JVM, as Spark writes it (`2g`).
        large: be fast with many rows instead of with many statements.
        folder: where tables, files and the metastore are kept, for later sandboxes to go on with;
            a temporary one, removed at the end, by default.
        profile: one of `switches.PROFILES`: how the switches are set at first.

    Attributes:
        admin: a service principal that is metastore admin.
        nobody: a service principal that may use the warehouse and nothing else.
        identity: all principals, and their tokens.
        warehouse: state, start and stop.
        faults: what goes wrong, on demand.
        log: what was sent, which files were moved, and calls of the REST API.
        volumes: files, and read-only volumes.
        metastore: what Spark does not keep.
        grants: who may do what.
        executor: answers statements.
        catalog_calls: answers calls of Unity Catalog's REST API.
        secrets: scopes of secrets.
        sessions: those that are open.
        session_settings: Spark's settings for sessions that are opened from now on, beside those
            of their clients; `engine.settings.FOR_LARGE_LOADS` generates code for queries.
        switches: what accounts have in different ways; reset to what its profile says.
        clock: the sandbox's time.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        catalog: str = "main",
        clock: Clock | None = None,
        memory: str = "2g",
        large: bool = False,
        folder: Path | None = None,
        profile: str = "plain",
    ) -> None:
        self.catalog = catalog
        self.switches = Switches()
        self.switches.choose(profile)
        self.clock: Clock = clock or OffsetClock()
        self._own_folder = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="databricks-sandbox-")).resolve()
        self.identity = Identity(self.clock)
        self.admin = self.identity.add_service_principal("loader", admin=True)
        self.nobody = self.identity.add_service_principal("nobody")
        self.faults: FaultPlan = FaultPlan(self.clock.now)
        self.log: StatementLog = StatementLog()
        self.warehouse = Warehouse(self.clock, "5a9d0b0c1e2f3a4b")
        self.engine = Engine(self.folder, catalog, memory, large=large, on_start=self._restore)
        self.metastore = Metastore(catalogs={catalog: None})
        kept = None if self._own_folder else self.folder / "metastore.json"
        self._metastore_file = MetastoreFile(kept, self.metastore)
        self._in_use = FileLock(self.folder / "in_use.lock")
        self.grants = Grants(self.metastore, self.identity)
        self.volumes = Volumes(self.folder / "volumes", self.metastore, self.clock, self.switches)
        self.executor = Executor(
            self.metastore, self.grants, self.volumes, self.switches, self._metastore_file
        )
        self.sessions = Registry(self.clock, self.engine, self.executor)
        self.session_settings = self.sessions.settings
        self.warehouse.on_start = self._begin_cold
        self.warehouse.on_stop = self.sessions.close_all
        self.catalog_calls = CatalogCalls(self.engine, self.metastore, self.grants)
        self.secrets = SecretScopes()
        self._server = Server(self._app(), self.folder, port)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Begin to serve.

        Raises:
            RuntimeError: another sandbox has this folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            # One that is ending leaves it soon.
            self._in_use.acquire(timeout=_LEFT_WITHIN)
        except Timeout as error:
            raise RuntimeError(f"another sandbox has the folder {self.folder}") from error
        self._server.start()
        return self

    def start_engine(self) -> None:
        """Start Spark now, and wait for it.

        Raises:
            RuntimeError: it did not start; the message says what its JVM printed.
        """
        self.engine.start()

    def stop(self) -> None:
        """Stop serving, end Spark and its JVM, remove the temporary folder."""
        self._server.stop()
        self.sessions.shutdown()
        self.engine.stop()
        self._in_use.release()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def reset(self) -> None:
        """As new but for schemas and tables: no faults, log, sessions or grants; running."""
        self.faults.clear()
        self.sessions.restore()
        self.warehouse.restore()
        self.grants.clear()
        self.secrets.clear()
        self.identity.revoke_tokens()
        self.metastore.restore()
        self.switches.restore()
        self.log.clear()

    @property
    def predictive_optimization(self) -> bool:
        """Whether it is on; without it CLUSTER BY AUTO is refused, as where it is not offered."""
        return self.switches.predictive_optimization

    @predictive_optimization.setter
    def predictive_optimization(self, on: bool) -> None:
        self.switches.predictive_optimization = on

    @property
    def answer_seconds(self) -> float:
        """How long a statement may take, in real time, before its client has to poll for it.

        With 0 every statement is polled.
        """
        return self.switches.answer_seconds

    @answer_seconds.setter
    def answer_seconds(self, seconds: float) -> None:
        self.switches.answer_seconds = seconds

    def _restore(self, session: EngineSession) -> None:
        """Have what an earlier sandbox has left in the folder."""
        if self._own_folder:
            return
        restore_tables(session, self.folder / "warehouse", self.metastore.schemas)
        session.attach_catalogs(self.metastore.catalogs)
        restore_views(session, self.metastore.views)

    def _begin_cold(self) -> None:
        if self.switches.cold_start:
            self.faults.add(not_ready(times=1))

    def _app(self) -> Starlette:
        staging = Staging(self.volumes, self.faults, self.log)
        service = Service(self.sessions, self.executor, self.faults, self.log, self.switches)
        return create_app(
            catalog=self.catalog_calls,
            control=Control(
                {
                    **control.detail_calls(self.connection_details),
                    **control.log_calls(self.log),
                    **control.fault_calls(self.faults),
                    **control.clock_calls(self.clock),
                    **control.warehouse_calls(self.warehouse),
                    **control.session_calls(self.sessions),
                    **control.volume_calls(self.volumes),
                    **control.switch_calls(self.switches),
                    **control.principal_calls(self.identity),
                    **control.reset_calls(self.reset),
                },
                self.identity.is_admin,
            ),
            faults=self.faults,
            files=Files(self.volumes, self.grants, staging),
            identity=self.identity,
            log=self.log,
            oauth=OAuth(self.identity, self.faults, self.switches),
            secrets=self.secrets,
            sql=SqlEndpoint(service, self.warehouse),
            staging=staging,
            switches=self.switches,
            warehouses=Warehouses(self.warehouse, self.sessions),
        )

    # How to reach it

    @property
    def url(self) -> str:
        """Base URL over plain HTTP, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def tls_url(self) -> str:
        """Base URL of the same port over TLS; clients must trust `ca_file`."""
        return f"https://127.0.0.1:{self._server.port}"

    @property
    def ca_file(self) -> Path:
        """Certificate to trust for `tls_url`; made at the start, gone at the end."""
        return self._server.ca_file

    @property
    def port(self) -> int:
        """The one port, of HTTP and TLS."""
        return self._server.port

    @property
    def http_path(self) -> str:
        """As clients want it beside the host name."""
        return self.warehouse.http_path

    def connect_arguments(self, principal: Principal | None = None, **more: Any) -> dict[str, Any]:
        """Arguments for `databricks.sql.connect`, with a personal access token.

        Args:
            principal: whose token; the admin's by default.
            more: further arguments; they win.
        """
        return {
            "server_hostname": "127.0.0.1",
            "http_path": self.http_path,
            "access_token": (principal or self.admin).access_token,
            "_connection_uri": f"{self.url}{self.http_path}",
            "enable_telemetry": False,
            **more,
        }

    def connection_details(self) -> dict[str, Any]:
        """Everything a client needs, as the ready line of the command gives it."""
        return {
            "url": self.url,
            "tls_url": self.tls_url,
            "ca_file": str(self.ca_file),
            "server_hostname": "127.0.0.1",
            "port": self.port,
            "http_path": self.http_path,
            "client_id": self.admin.client_id,
            "client_secret": self.admin.client_secret,
            "access_token": self.admin.access_token,
            "catalog": self.catalog,
            "restricted": {
                "client_id": self.nobody.client_id,
                "client_secret": self.nobody.client_secret,
                "access_token": self.nobody.access_token,
            },
        }

    def sql(self, text: str) -> list[dict[str, Any]]:
        """Run a statement as the admin, in a session of its own, past protocol, faults and log.

        For tests that prepare something or look behind the scenes.

        Raises:
            SqlError: the sandbox refuses it.
            pyspark.errors.PySparkException: Spark does.
        """
        session = self.sessions.open(self.admin, None, None, {}, self.url)
        try:
            line = Statement(text, session.identifier, self.admin.name)
            answer = self.executor.execute(session, text, line, session.identifier)
            rows: list[dict[str, Any]] = answer.table.to_pylist()
            return rows
        finally:
            self.sessions.close(session.identifier)
