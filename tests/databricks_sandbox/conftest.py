"""Connections to the sandbox of the test session, closed after each test."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databricks import sql
from databricks_sandbox.sandbox import Sandbox

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all that needs Spark: a second Spark takes a minute to get warm."""
    for item in items:
        if "databricks_sandbox" in getattr(item, "fixturenames", ()) and HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("databricks_sandbox"))


@pytest.fixture
def databricks_sandbox(
    databricks_sandbox: Sandbox, request: pytest.FixtureRequest
) -> Iterator[Sandbox]:
    """The sandbox with everything on, whatever the profile: its own tests set what they look at."""
    databricks_sandbox.switches.choose("plain")
    yield databricks_sandbox
    databricks_sandbox.switches.choose(request.config.getoption("databricks_profile"))


@pytest.fixture
def connect(databricks_sandbox: Sandbox) -> Iterator[Callable[..., Any]]:
    """Opens connections as the admin, or as the principal it is given."""
    with ExitStack() as opened:

        def open_one(principal: Any = None, **more: Any) -> Any:
            # The shortest wait before a retry that the connector lets one ask for.
            more = {"_retry_stop_after_attempts_count": 1, "_retry_delay_max": 5, **more}
            connection = sql.connect(**databricks_sandbox.connect_arguments(principal, **more))
            # A test may have ended the session already.
            opened.callback(_close, connection)
            return connection

        yield open_one


def _close(connection: Any) -> None:
    try:
        connection.close()
    except sql.exc.Error:
        return


@pytest.fixture(params=["http", "https"])
def over(request: pytest.FixtureRequest, databricks_sandbox: Sandbox) -> dict[str, Any]:
    """Arguments to connect over plain HTTP, then over TLS on the same port."""
    if request.param == "http":
        return {}
    return {
        "_connection_uri": databricks_sandbox.tls_url + databricks_sandbox.http_path,
        "_tls_trusted_ca_file": str(databricks_sandbox.ca_file),
    }


@pytest.fixture
def cursor(connect: Callable[..., Any]) -> Any:
    """A cursor of the admin."""
    return connect().cursor()


@pytest.fixture
def rows(cursor: Any) -> Callable[..., list[dict[str, Any]]]:
    """Rows of a statement as dictionaries."""

    def run(text: str, *arguments: Any, **more: Any) -> list[dict[str, Any]]:
        cursor.execute(text, *arguments, **more)
        return cursor.fetchall_arrow().to_pylist() if cursor.description else []

    return run


@pytest.fixture
def parquet() -> Callable[[dict[str, list[Any]]], io.BytesIO]:
    """Columns as a Parquet file in memory."""

    def write(columns: dict[str, list[Any]]) -> io.BytesIO:
        content = io.BytesIO()
        pq.write_table(pa.table(columns), content)
        content.seek(0)
        return content

    return write
