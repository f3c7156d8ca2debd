"""LOG_BASED: by change data feed, or by the files that came since a version."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from lakes import FEED, Lake

VECTORS = Path(__file__).parents[1] / "target_databricks" / "fixtures" / "deletion_vectors"
ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
KEYED = {"replication_method": "LOG_BASED", "key_properties": ["id"]}
BY_FILES = {"streams": {"*": {**KEYED, "log": "files"}}}
BY_FEED = {"streams": {"*": {**KEYED, "log": "change_data_feed"}}}


def test_the_first_run_reads_all_and_the_next_one_only_files_that_came(lake: Lake) -> None:
    lake.write("t", ROWS)
    first = lake.read(**BY_FILES)
    assert first.ids("t") == [1, 2]
    lake.write("t", [{"id": 3, "name": "c"}])
    second = lake.read(first.state, **BY_FILES)
    assert second.ids("t") == [3]
    assert lake.read(second.state, **BY_FILES).ids("t") == []


def test_rows_that_only_moved_are_not_sent_again(lake: Lake) -> None:
    lake.write("t", ROWS)
    state = lake.read(**BY_FILES).state
    table = lake.write("t", [{"id": 3, "name": "c"}])
    table.optimize.compact()
    assert sorted(lake.read(state, **BY_FILES).ids("t")) == [1, 2, 3], "one file has all of them"
    state = lake.read(**BY_FILES).state
    lake.write("t", [{"id": 4, "name": "d"}])
    state = lake.read(state, **BY_FILES).state
    DeltaTable(lake.path("t")).optimize.compact()
    assert lake.read(state, **BY_FILES).ids("t") == []


def test_updates_by_files_bring_the_new_values(lake: Lake) -> None:
    table = lake.write("t", ROWS)
    state = lake.read(**BY_FILES).state
    table.update(updates={"name": "'B'"}, predicate="id = 2")
    records = lake.read(state, **BY_FILES).records("t")
    assert {"id": 2, "name": "B"} in records


def test_rows_without_a_key_are_not_sent_twice_after_a_rewrite(lake: Lake) -> None:
    settings = {"streams": {"t": {"replication_method": "LOG_BASED", "log": "files"}}}
    table = lake.write("t", ROWS)
    state = lake.read(**settings).state
    lake.write("t", [{"id": 3, "name": "c"}])
    grown = lake.read(state, **settings)
    assert grown.ids("t") == [3]
    table = DeltaTable(lake.path("t"))
    table.update(updates={"name": "'B'"}, predicate="id = 2")
    again = lake.read(grown.state, **settings)
    assert again.ids("t") == []
    assert again.state == grown.state
    assert again.error


def test_partition_values_come_from_the_log(lake: Lake) -> None:
    rows = pa.table({"id": [1, 2], "region": ["north & south", None]})
    lake.write("t", rows, partition_by=["region"])
    state = lake.read(**BY_FILES).state
    lake.write("t", pa.table({"id": [3, 4], "region": ["a b/c%", None]}))
    new = lake.read(state, **BY_FILES).records("t")
    assert sorted(new, key=lambda r: r["id"]) == [
        {"id": 3, "region": "a b/c%"},
        {"id": 4, "region": None},
    ]


def test_rows_under_a_deletion_vector_are_gone(lake: Lake) -> None:
    """A table that Databricks has had: row 2 deleted, row 3 updated, both by deletion vectors."""
    shutil.copytree(VECTORS, lake.path("t"))
    whole = lake.read(**BY_FILES)
    rows = {1: "a1", 3: "dbx", 4: "a4", 5: "a5"}
    assert {r["id"]: r["v"] for r in whole.records("t")} == rows
    mark = whole.state["bookmarks"]["t"]
    assert mark["delta_version"] == 4
    for since in range(4):
        run = lake.read({"bookmarks": {"t": mark | {"delta_version": since}}}, **BY_FILES)
        expected = rows if since == 0 else {3: "dbx"}
        assert {r["id"]: r["v"] for r in run.records("t")} == expected, since


def test_a_feed_tells_what_was_changed_and_deleted(lake: Lake) -> None:
    table = lake.write("t", ROWS, configuration=FEED)
    first = lake.read(**BY_FEED)
    assert [r["_sdc_deleted_at"] for r in first.records("t")] == [None, None]
    table.update(updates={"name": "'B'"}, predicate="id = 2")
    table.delete("id = 1")
    lake.write("t", [{"id": 3, "name": "c"}])
    second = lake.read(first.state, **BY_FEED)
    changed, deleted, inserted = second.records("t")
    assert (changed["name"], changed["_sdc_deleted_at"]) == ("B", None)
    assert deleted["id"] == 1
    assert deleted["_sdc_deleted_at"].endswith("+00:00")
    assert inserted["id"] == 3
    assert lake.read(second.state, **BY_FEED).ids("t") == []


def test_an_overwrite_deletes_before_it_inserts(lake: Lake) -> None:
    lake.write("t", ROWS, configuration=FEED)
    state = lake.read(**BY_FEED).state
    lake.write("t", [{"id": 1, "name": "A"}], mode="overwrite")
    last = {r["id"]: r["_sdc_deleted_at"] for r in lake.read(state, **BY_FEED).records("t")}
    assert last[1] is None
    assert last[2] is not None


def test_a_table_with_a_feed_is_read_by_it_unless_the_settings_say_otherwise(lake: Lake) -> None:
    lake.write("t", ROWS, configuration=FEED)
    lake.write("u", ROWS)
    state = lake.read(streams={"*": KEYED}).state["bookmarks"]
    assert (state["t"]["log"], state["u"]["log"]) == ("change_data_feed", "files")


def test_many_versions_are_settled_step_by_step(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_databricks.versions.STEP", 2)
    lake.write("t", ROWS, configuration=FEED)
    state = lake.read(**BY_FEED).state
    for number in range(3, 8):
        lake.write("t", [{"id": number, "name": "n"}])
    run = lake.read(state, **BY_FEED)
    assert run.ids("t") == [3, 4, 5, 6, 7]
    assert run.state["bookmarks"]["t"]["delta_version"] == 5


def made_anew(lake: Lake) -> None:
    shutil.rmtree(lake.path("t"))
    lake.write("t", ROWS, configuration=FEED)


def log_cut(lake: Lake) -> None:
    lake.write("t", [{"id": 4, "name": "d"}])
    DeltaTable(lake.path("t")).create_checkpoint()
    for version in range(2):
        Path(lake.path("t"), "_delta_log", f"{version:020}.json").unlink()


def vacuumed(lake: Lake) -> None:
    DeltaTable(lake.path("t")).delete("id = 1")
    for file in Path(lake.path("t"), "_change_data").iterdir():
        file.unlink()


def feed_off(lake: Lake) -> None:
    DeltaTable(lake.path("t")).alter.set_table_properties({"delta.enableChangeDataFeed": "false"})


def feed_off_for_a_while(lake: Lake) -> None:
    feed_off(lake)
    DeltaTable(lake.path("t")).alter.set_table_properties(FEED)


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (made_anew, "was made anew"),
        (log_cut, "is not in its log any more"),
        (vacuumed, "VACUUM"),
        (feed_off, "ALTER TABLE"),
        (feed_off_for_a_while, "switched the change data feed off"),
    ],
)
def test_a_table_that_cannot_tell_what_changed_says_what_to_do(
    lake: Lake, caplog: pytest.LogCaptureFixture, happens, says: str
) -> None:
    lake.write("t", ROWS, configuration=FEED)
    lake.write("other", ROWS, configuration=FEED)
    state = lake.read(**BY_FEED).state
    lake.write("t", [{"id": 3, "name": "c"}])
    lake.write("other", [{"id": 3, "name": "c"}])
    happens(lake)
    run = lake.read(state, **BY_FEED)
    assert "books.t" in caplog.text
    assert says in caplog.text
    assert "--full-refresh" in caplog.text
    assert run.error is not None
    assert str(run.error) == "Not read to the end: t."
    assert run.state["bookmarks"]["t"] == state["bookmarks"]["t"], "nothing is skipped"
    assert run.ids("other") == [3], "other tables are read"
    fresh = dict(state["bookmarks"])
    del fresh["t"]
    if happens is not feed_off:
        assert 2 in lake.read({"bookmarks": fresh}, **BY_FEED).ids("t")
