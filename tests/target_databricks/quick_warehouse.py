"""A workspace whose statements a function answers instead of Spark: all the rest is the sandbox's.

For tests of what comes between a statement and its answer.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from databricks_sandbox.sandbox import Sandbox
from databricks_sandbox.unity.result_set import ResultSet, result_set
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections
from target_databricks.warehouse.sql.names import Schema, Volume
from target_databricks.warehouse.staging.volume import StagingVolume


class Time:
    """Seconds that pass when somebody sleeps."""

    def __init__(self, sandbox: Any = None) -> None:
        self.now = 0.0
        self._sandbox = sandbox

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self._sandbox is not None:
            self._sandbox.clock.advance(seconds)

    def backoff(self, seconds: float) -> Backoff:
        return Backoff(seconds, lambda: self.now, self.sleep)


class _NoEngine:
    def cancel(self, group: str) -> None:
        """What nobody runs cannot be stopped."""


@contextmanager
def quick_workspace(
    answer: Callable[[str], ResultSet] = lambda _: one_row(), **more: Any
) -> Iterator[Sandbox]:
    """A workspace; `answer` takes the text of a statement, the rest is the sandbox's."""
    with Sandbox(**more) as sandbox:
        sandbox.engine.session = lambda _: _NoEngine()  # type: ignore[method-assign]
        sandbox.executor.begin = lambda *_: None  # type: ignore[method-assign]
        sandbox.executor.execute = lambda _, text, *__: answer(text)  # type: ignore[method-assign]
        sandbox.volumes.create(("main", "books", "staging"), None)
        yield sandbox


def one_row(affected: int = 0) -> ResultSet:
    """What a statement answers that changes rows."""
    return result_set(["num_affected_rows:bigint"], [[affected]], modified_rows=affected)


def config(sandbox: Sandbox) -> dict[str, Any]:
    """The settings of a connection."""
    return {
        "server_hostname": sandbox.url,
        "http_path": sandbox.http_path,
        "access_token": sandbox.admin.access_token,
        "warehouse_timeout": 600,
    }


def connections_of(
    sandbox: Sandbox, backoff: Backoff, session: Mapping[str, str] | None = None, **settings: Any
) -> Connections:
    """Connections to it."""
    access = make_access({**config(sandbox), **settings})
    return Connections(access, {}, backoff, lambda: None, session)


def staging_of(sandbox: Sandbox, connections: Connections) -> StagingVolume:
    """The staging of its schema `books`, ready."""
    staging = StagingVolume(
        make_access(config(sandbox)).client,
        connections,
        Volume.parse("main.books.staging", Schema("main", "books")),
        Schema("main", "books"),
        job_id="run",
        backoff=Backoff(0.0),
    )
    staging.open()
    return staging


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
