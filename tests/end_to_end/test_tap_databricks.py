"""The real Meltano takes tap-databricks: discovery, selection, state, and a copy by the feed."""

from __future__ import annotations

import pyarrow as pa
from conftest import Project
from deltalake import DeltaTable, write_deltalake


def test_tables_are_copied_and_followed(project: Project) -> None:
    source = project.root / "source" / "books"
    rows = pa.table({"id": [1, 2, 3], "name": ["a", "b", "c"], "_note": ["x", "y", "z"]})
    feed = {"delta.enableChangeDataFeed": "true"}
    for name in ("people", "places"):
        write_deltalake(source / name, rows, configuration=feed)
    project.env |= {
        "TAP_DATABRICKS_LAKEHOUSE_PATH": str(source.parent),
        "TAP_DATABRICKS_SCHEMAS": '["books"]',
        "TAP_DATABRICKS_TABLES": '["p*"]',
        "TAP_DATABRICKS_STREAMS": '{"*": {"key_properties": ["id"]}}',
        "TAP_DATABRICKS__SELECT": '["people.*", "!people._note"]',
        "TAP_DATABRICKS__METADATA": '{"people": {"replication-method": "LOG_BASED"}}',
    }
    project.meltano("run", "tap-databricks", "target-databricks")
    assert project.tables() == ["_sdc_loads", "people"]
    copied = project.rows("people")
    assert sorted((row["id"], row["name"]) for row in copied) == [(1, "a"), (2, "b"), (3, "c")]
    assert "_note" not in copied[0]

    table = DeltaTable(source / "people")
    table.update(updates={"name": "'B'"}, predicate="id = 2")
    table.delete("id = 1")
    project.meltano("run", "tap-databricks", "target-databricks")
    latest = max(project.rows("_sdc_loads"), key=lambda row: row["finished_at"])
    assert latest["rows_read"] == 2, "what changed, and no more"
    rows_now = {row["id"]: row for row in project.rows("people")}
    assert rows_now[2]["name"] == "B"
    assert [key for key, row in rows_now.items() if row["_sdc_deleted_at"]] == [1]
    assert "lakehouse_path" in project.meltano("invoke", "tap-databricks:about")
