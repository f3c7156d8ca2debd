"""A load in accounts, workspaces and catalogs that are not as one would like them."""

from __future__ import annotations

import pytest
from target_databricks.warehouse.client.access import make_access
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections, StatementError

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}


def test_a_cast_that_overflows_is_an_error_whatever_the_account_says(warehouse):
    warehouse.sandbox.switches.ansi_mode = False
    access = make_access(warehouse.config())
    connections = Connections(access, {}, Backoff(5.0), lambda: None)
    with pytest.raises(StatementError, match="CAST_OVERFLOW"):
        connections.run("SELECT CAST(3000000000L AS INT)")
    connections.close()


def test_dates_and_times_of_long_ago_are_loaded(warehouse, singer):
    properties = {
        "id": INTEGER,
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
    }
    record = {"id": 1, "day": "0001-01-01", "at": "0001-01-01T00:00:00Z"}
    warehouse.run(singer.schema("history", properties), singer.record("history", record))
    (row,) = warehouse.sandbox.sql(
        f"SELECT CAST(day AS STRING) AS day, CAST(at AS STRING) AS at FROM {warehouse.name}.history"
    )
    assert row == {"day": "0001-01-01", "at": "0001-01-01 00:00:00"}
