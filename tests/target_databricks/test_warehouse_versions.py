"""The version that a table of a warehouse is at, and where it is noted."""

from __future__ import annotations

import json

import pytest

INTEGER = {"type": "integer"}


def things(singer, version, *ids):
    """A whole table of a version."""
    return [
        singer.schema("things", {"id": INTEGER}),
        *(singer.record("things", {"id": i}, version=version) for i in ids),
        singer.activate("things", version),
    ]


def alive(warehouse):
    rows = warehouse.rows("things", "id", "_sdc_deleted_at")
    return [row["id"] for row in rows if row["_sdc_deleted_at"] is None]


def metadata_changes(warehouse, table):
    """Commits of a table that changed its metadata; the first made it."""
    logs = [log.read_text() for log in warehouse._log(table)]
    return sum("metaData" in json.loads(line) for log in logs for line in log.splitlines())


def test_a_version_changes_no_metadata_and_is_noted_once_a_table(warehouse, singer):
    warehouse.run(things(singer, 1, 1, 2))
    warehouse.run(things(singer, 2, 2))
    assert alive(warehouse) == [2]
    assert metadata_changes(warehouse, "things") == 1
    noted = warehouse.arrow("_sdc_versions").select(["table_name", "version"]).to_pylist()
    assert noted == [{"table_name": "things", "version": 2}]


@pytest.mark.stress
def test_a_version_that_an_earlier_release_left_in_a_property_counts(warehouse, singer):
    warehouse.run(things(singer, 1, 1, 2))
    warehouse.sandbox.sql(f"DROP TABLE {warehouse.name}._sdc_versions")
    warehouse.sandbox.sql(
        f"ALTER TABLE {warehouse.name}.things SET TBLPROPERTIES "
        "('targetDatabricks.activatedVersion' = '5')"
    )
    warehouse.run(things(singer, 4, 2))
    assert alive(warehouse) == [1, 2]
    warehouse.run(things(singer, 6, 2))
    assert alive(warehouse) == [2]


@pytest.mark.stress
def test_a_table_that_was_dropped_begins_with_no_version(warehouse, singer):
    warehouse.run(things(singer, 9, 1))
    warehouse.sandbox.sql(f"DROP TABLE {warehouse.name}.things")
    warehouse.run(things(singer, 1, 1, 2))
    warehouse.run(things(singer, 2, 2))
    assert alive(warehouse) == [2]
