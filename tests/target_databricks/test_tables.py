"""Tables around the rows: metadata, the users' own columns, load methods, strangers' tables."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
SDK_COLUMNS = {
    "_sdc_extracted_at": "TIMESTAMP",
    "_sdc_received_at": "TIMESTAMP",
    "_sdc_batched_at": "TIMESTAMP",
    "_sdc_sequence": "BIGINT",
    "_sdc_table_version": "BIGINT",
    "_sdc_sync_started_at": "BIGINT",
}


def items(singer, *records, **more):
    schema = singer.schema("items", {"id": INTEGER, "v": TEXT})
    return [schema, *singer.records("items", *records, **more)]


# Metadata columns


def test_metadata_columns_follow_the_streams_own(place, singer):
    place.run(items(singer, {"id": 1, "v": "a"}))
    assert place.types("items") == {
        "id": "BIGINT",
        "v": "STRING",
        "_sdc_record_hash": "STRING",
        "_sdc_job_id": "STRING",
        **SDK_COLUMNS,
        "_sdc_deleted_at": "TIMESTAMP",
        "_rescued_data": "STRING",
        "is_deleted": "BOOLEAN",
    }


@pytest.mark.rule("table shape")
def test_metadata_says_when_and_by_which_run_a_row_came(place, singer, monkeypatch):
    monkeypatch.setenv("MELTANO_RUN_ID", "run-7")
    before = dt.datetime.now(dt.UTC)
    place.run(items(singer, {"id": 1}, time_extracted="2024-05-01T12:00:00.5Z", version=9))
    after = dt.datetime.now(dt.UTC)
    (row,) = place.rows("items")
    assert row["_sdc_job_id"] == "run-7"
    extracted = dt.datetime(2024, 5, 1, 12, 0, 0, 500_000, tzinfo=dt.UTC)
    assert row["_sdc_extracted_at"] == extracted
    assert before <= row["_sdc_received_at"] <= row["_sdc_batched_at"] <= after
    assert before.timestamp() * 1000 - 1 <= row["_sdc_sequence"] <= after.timestamp() * 1000 + 1
    assert row["_sdc_table_version"] == 9
    assert len(row["_sdc_record_hash"]) == 32


def test_metadata_of_misfits_is_no_other(place, singer):
    record = {"id": 1, "extra": 1}
    place.run(items(singer, record, time_extracted="2024-05-01T12:00:00Z", version=9))
    (row,) = place.rows("items")
    assert row["_sdc_extracted_at"] == dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    assert row["_sdc_table_version"] == 9


@pytest.mark.parametrize(
    "more", [{"time_extracted": "whenever"}, {"version": 2**70}, {"version": True}]
)
def test_metadata_that_makes_no_sense_is_left_out(place, singer, more):
    place.run(items(singer, {"id": 1}, **more))
    (row,) = place.rows("items")
    assert (row["_sdc_extracted_at"], row["_sdc_table_version"]) == (None, None)


def test_without_the_sdks_metadata_hash_job_and_rescued_data_remain(place, singer):
    place.run(items(singer, {"id": 1, "v": "a", "x": 1}), add_record_metadata=False)
    metadata = {"_sdc_record_hash", "_sdc_job_id", "_sdc_deleted_at", "_rescued_data"}
    assert set(place.types("items")) == {"id", "v", "is_deleted", *metadata}
    place.run(items(singer, {"id": 1, "v": "b"}), add_record_metadata=False)
    assert place.rows("items", "v") == ["b"]


# The users' flag and columns


def test_the_soft_delete_flag_belongs_to_the_users(place, singer):
    place.run(items(singer, {"id": 1, "v": "a"}, {"id": 2, "v": "b"}))
    assert place.rows("items", "is_deleted") == [False, False]
    place.edit("items", {"is_deleted": "true"}, "id = 1")
    place.run(items(singer, {"id": 1, "v": "A"}, {"id": 2, "v": "B"}, {"id": 3, "v": "c"}))
    assert place.rows("items", "v") == ["A", "B", "c"]
    assert place.rows("items", "is_deleted") == [True, False, False]


def test_a_flag_the_users_set_to_null_stays_null(place, singer):
    place.run(items(singer, {"id": 1, "v": "a"}))
    place.edit("items", {"is_deleted": "null"})
    place.run(items(singer, {"id": 1, "v": "b"}))
    assert place.rows("items", "is_deleted") == [None]


@pytest.mark.parametrize(("setting", "column"), [("hidden", "hidden"), ("", None)])
def test_the_flag_can_have_another_name_or_none(place, singer, setting, column):
    place.run(items(singer, {"id": 1}), soft_delete_column=setting)
    extra = set(place.types("items")) - {"id", "v", "_sdc_record_hash", "_sdc_job_id"}
    extra -= {*SDK_COLUMNS, "_sdc_deleted_at", "_rescued_data"}
    assert extra == ({column} if column else set())


def test_a_flag_of_that_name_in_the_stream_is_the_streams(place, singer):
    schema = singer.schema("items", {"id": INTEGER, "is_deleted": {"type": "boolean"}})
    place.run(schema, singer.record("items", {"id": 1, "is_deleted": True}))
    place.run(schema, singer.record("items", {"id": 1, "is_deleted": None}))
    assert place.rows("items", "is_deleted") == [None]


@pytest.mark.parametrize("limit", [5000, 1], ids=["by predicate", "by rewriting"])
def test_columns_the_users_added_survive_updates(folder, singer, monkeypatch, limit):
    monkeypatch.setattr("target_databricks.lakehouse.table.MOST_REPLACED_BY_PREDICATE", limit)
    folder.run(items(singer, *({"id": i, "v": "a"} for i in range(4))))
    path = folder.schema_folder / "items"
    rows = DeltaTable(path).to_pyarrow_table()
    notes = pa.array([f"note {i}" for i in rows.column("id").to_pylist()])
    rows = rows.append_column("note", notes)
    write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite")
    folder.run(items(singer, *({"id": i, "v": "b"} for i in range(5))))
    assert folder.rows("items", "v") == ["b"] * 5
    assert folder.rows("items", "note") == ["note 0", "note 1", "note 2", "note 3", None]


# Load methods


def test_overwrite_leaves_what_this_run_sent_and_nothing_else(place, singer):
    place.run(items(singer, {"id": 1, "v": "a"}, {"id": 2, "v": "b"}))
    schema, *records = items(singer, {"id": 3, "v": "c"}, {"id": 4, "v": "d"}, {"id": 3, "v": "e"})
    place.run(schema, records[0], schema, records[1:], load_method="overwrite", batch_size_rows=1)
    assert place.rows("items", "id", "v") == [{"id": 3, "v": "e"}, {"id": 4, "v": "d"}]


def test_overwrite_empties_child_tables_too(place, singer):
    item = {"type": "object", "properties": {"n": INTEGER}}
    lines = {"type": "array", "items": item, "x-child-table": {"name": "lines", "key": ["n"]}}
    schema = singer.schema("items", {"id": INTEGER, "lines": lines})
    place.run(schema, singer.record("items", {"id": 1, "lines": [{"n": 1}]}))
    place.run(
        schema, singer.record("items", {"id": 2, "lines": [{"n": 2}]}), load_method="overwrite"
    )
    assert place.rows("lines", "n", by="n") == [2]


def test_overwrite_leaves_other_streams_alone(place, singer):
    place.run(items(singer, {"id": 1, "v": "a"}))
    other = singer.schema("others", {"id": INTEGER})
    place.run(other, singer.record("others", {"id": 1}), load_method="overwrite")
    assert place.rows("items", "id") == [1]


# Tables made by somebody else


def test_a_strangers_table_is_adopted_with_its_own_spelling_and_columns(folder, singer):
    table = pa.table(
        {
            "ID": pa.array([1, 2], pa.int32()),
            "V": ["x", "y"],
            "IS_DELETED": [True, None],
            "_SDC_BATCHED_AT": ["2020", "2020"],
            "extra": [5, 6],
        }
    )
    write_deltalake(str(folder.schema_folder / "items"), table)
    folder.run(items(singer, {"id": 1, "v": "z"}, {"id": 3, "v": "n"}))
    types = folder.types("items")
    assert list(types)[:5] == ["ID", "V", "IS_DELETED", "_SDC_BATCHED_AT", "extra"]
    assert types["ID"] == "BIGINT"
    assert len({name.lower() for name in types}) == len(types)
    rows = folder.rows("items", "ID", "V", "IS_DELETED", "extra", by="ID")
    assert [tuple(r.values()) for r in rows] == [
        (1, "z", True, 5),
        (2, "y", None, 6),
        (3, "n", False, None),
    ]
    before = folder.versions()
    folder.run(items(singer, {"id": 1, "v": "z"}, {"id": 3, "v": "n"}))
    assert folder.versions() == before


def test_a_strangers_partitions_stay(folder, singer):
    path = folder.schema_folder / "items"
    table = pa.table({"id": pa.array([1, 2], pa.int32()), "v": ["x", "y"]})
    write_deltalake(str(path), table, partition_by=["v"])
    folder.run(items(singer, {"id": 1, "v": "z"}, {"id": 3, "v": "x"}))
    assert folder.rows("items", "id", "v") == [
        {"id": 1, "v": "z"},
        {"id": 2, "v": "y"},
        {"id": 3, "v": "x"},
    ]
    assert DeltaTable(path).metadata().partition_columns == ["v"]


def test_several_rows_of_one_key_in_a_strangers_table_are_replaced_together(folder, singer):
    table = pa.table({"id": [1, 1, 2], "v": ["a", "b", "c"]})
    write_deltalake(str(folder.schema_folder / "items"), table)
    folder.run(items(singer, {"id": 1, "v": "new"}))
    assert folder.rows("items", "v") == ["new", "c"]


# The ledger and housekeeping


@pytest.mark.rule("table shape")
def test_the_ledger_tells_what_every_load_did_and_how_fresh_every_stream_is(
    place, singer, monkeypatch
):
    def run(job, *messages):
        monkeypatch.setenv("MELTANO_RUN_ID", job)
        place.run(*messages)

    place.with_deletion_vectors()
    changed = items(singer, {"id": 1, "v": "a"}, {"id": 2, "v": "c"}, {"id": 3, "v": "d", "x": 1})
    empty = singer.schema("empty", {"id": INTEGER})
    run("1", items(singer, {"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 2, "v": "B"}))
    run("2", changed)
    before = place.versions()
    run("3", changed, singer.record("items", {"id": 2, "v": "c"}), empty)
    assert place.versions().items() >= before.items()
    if not place.quick:
        assert [r["job_id"] for r in place.loads()] == ["1", "2"], "such rows wake no warehouse"
    run("4", items(singer, {"id": 1, "v": "z"}), empty)

    loads = {(r["job_id"], r["stream"]): r for r in place.loads()}
    counts = ("rows_read", "rows_inserted", "rows_updated", "rows_unchanged", "rows_rescued")
    assert {key: [row[c] for c in counts] for key, row in loads.items()} == {
        ("1", "items"): [3, 2, 0, 0, 0],
        ("2", "items"): [3, 1, 1, 1, 1],
        ("3", "items"): [4, 0, 0, 3, 1],
        ("3", "empty"): [0, 0, 0, 0, 0],
        ("4", "items"): [1, 0, 1, 0, 0],
        ("4", "empty"): [0, 0, 0, 0, 0],
    }
    assert len(place.loads()) == len(loads)
    assert all(stream == row["table_name"] for (_, stream), row in loads.items())
    files = [row["file"] for (_, stream), row in loads.items() if stream == "items"]
    assert all(file.endswith(".parquet") for file in files)
    assert all(r["error"] is None and r["started_at"] <= r["finished_at"] for r in loads.values())
    assert place.staged() == []


def test_small_files_are_compacted_but_never_by_a_run_that_changed_nothing(folder, singer):
    for i in range(6):
        folder.run(items(singer, {"id": i, "v": "a"}), compact_after_files=0)
    assert len(folder.files("items")) == 6
    before = folder.versions()
    folder.run(items(singer, {"id": 5, "v": "a"}), compact_after_files=4)
    assert folder.versions() == before
    folder.run(items(singer, {"id": 6, "v": "a"}), compact_after_files=4)
    assert len(folder.files("items")) == 1
    assert folder.rows("items", "id") == list(range(7))


def test_the_stream_of_meltanos_own_test_leaves_no_table(folder, singer):
    stream = "meltano_test_stream"
    folder.run(singer.schema(stream, {"id": INTEGER}), singer.record(stream, {"id": 1}))
    assert folder.tables() == set()


def test_two_schemas_of_one_lakehouse_do_not_touch_each_other(folder, singer):
    folder.run(items(singer, {"id": 1, "v": "a"}))
    folder.run(items(singer, {"id": 2, "v": "b"}), default_target_schema="Other Books")
    assert folder.rows("items", "id") == [1]
    assert DeltaTable(folder.folder / "other_books" / "items").to_pyarrow_table().num_rows == 1


def test_a_file_url_names_the_same_folder(folder, singer):
    folder.run(items(singer, {"id": 1}), lakehouse_path=folder.folder.as_uri())
    assert folder.rows("items", "id") == [1]
