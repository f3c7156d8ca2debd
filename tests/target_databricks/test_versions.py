"""ACTIVATE_VERSION: rows that were not sent with the version are retired, softly or for good."""

from __future__ import annotations

import pytest

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}


def sent(singer, version, *ids, activate=True, v="same", **properties):
    records = singer.records(
        "items", *({"id": i, "v": v, "lines": [{"n": i}]} for i in ids), version=version
    )
    schema = singer.schema("items", {"id": INTEGER, "v": TEXT, "lines": LINES, **properties})
    return [schema, *records, *([singer.activate("items", version)] if activate else [])]


def alive(place, table="items", column="id"):
    return [r[column] for r in place.rows(table, by=column) if r["_sdc_deleted_at"] is None]


def test_rows_that_were_not_sent_again_are_marked(place, singer):
    place.run(sent(singer, 1, 1, 2, 3))
    place.run(sent(singer, 2, 1, 3, v="new"))
    assert alive(place) == [1, 3]
    assert place.rows("items", "id") == [1, 2, 3]
    assert alive(place, "lines", "n") == [1, 3]
    deleted = [r["rows_deleted"] for r in place.loads() if r["rows_deleted"]]
    assert deleted == [1]


def test_rows_that_were_not_sent_again_are_deleted(place, singer):
    place.run(sent(singer, 1, 1, 2, 3), hard_delete=True)
    place.run(sent(singer, 2, 1, 3, v="new"), hard_delete=True)
    assert place.rows("items", "id") == [1, 3]
    assert place.rows("lines", "n", by="n") == [1, 3]


@pytest.mark.parametrize("hard", [False, True])
def test_unchanged_rows_that_were_sent_again_stay(place, singer, hard):
    place.run(sent(singer, 1, 1, 2, 3), hard_delete=hard)
    place.run(sent(singer, 2, 1, 2), hard_delete=hard)
    assert alive(place) == [1, 2]
    place.run(sent(singer, 3, 1, 2), hard_delete=hard)
    assert alive(place) == [1, 2]


def test_invariant_2_a_version_with_the_same_rows_writes_no_data(place, singer):
    place.run(sent(singer, 1, 1, 2))
    files = {t: place.files(t) for t in place.tables()}
    loads = place.version("_sdc_loads")
    place.run(sent(singer, 2, 1, 2))
    assert {t: place.files(t) for t in place.tables()} == files
    assert place.version("_sdc_loads") == loads


def test_a_row_that_comes_back_is_alive_again(place, singer):
    place.run(sent(singer, 1, 1, 2))
    place.run(sent(singer, 2, 1))
    assert (alive(place), alive(place, "lines", "n")) == ([1], [1])
    place.run(sent(singer, 3, 1, 2))
    assert (alive(place), alive(place, "lines", "n")) == ([1, 2], [1, 2])


def test_a_version_without_any_row_retires_all(place, singer):
    place.run(sent(singer, 1, 1, 2))
    place.run(sent(singer, 2))
    assert alive(place) == []


def test_the_first_version_retires_what_had_none(place, singer):
    schema, *records = sent(singer, 1, 1, 2, activate=False)
    place.run(schema, *({k: v for k, v in r.items() if k != "version"} for r in records))
    place.run(sent(singer, 5, 2))
    assert alive(place) == [2]


def test_the_same_version_again_retires_nobody(place, singer):
    """A log-based tap activates the version of its first load in every run."""
    place.run(sent(singer, 1, 1, 2, 3))
    place.run(sent(singer, 1, 3))
    assert alive(place) == [1, 2, 3]


def test_invariant_3_a_full_load_that_was_cut_short_and_resumed_retires_nobody_it_sent(
    place, singer
):
    place.run(sent(singer, 1, 1, 2, 3, 4))
    # Rows 1 and 2 come unchanged with version 2, then the tap dies, and resumes with row 3.
    place.run(sent(singer, 2, 1, 2, activate=False), singer.state({"version": 2, "id": 2}))
    place.run(sent(singer, 2, 3))
    assert alive(place) == [1, 2, 3]
    assert place.staged() == []


def test_a_schema_change_in_mid_version_forgets_no_row(place, singer):
    place.run(sent(singer, 1, 1, 2, 3))
    place.run(
        sent(singer, 2, 1, activate=False),
        sent(singer, 2, 2, new=TEXT),
    )
    assert alive(place) == [1, 2]


def test_many_batches_of_one_version_count_together(place, singer):
    place.run(sent(singer, 1, *range(20)))
    place.run(sent(singer, 2, *range(15)), batch_size_rows=4)
    assert alive(place) == list(range(15))


def test_a_stream_without_keys_has_no_rows_to_retire(place, singer):
    def logs(version, *values):
        records = singer.records("logs", *({"x": v} for v in values), version=version)
        return [
            singer.schema("logs", {"x": INTEGER}, []),
            *records,
            singer.activate("logs", version),
        ]

    place.run(logs(1, 1, 2))
    place.run(logs(2, 2))
    assert place.rows("logs", "x", by="x") == [1, 2, 2]


def test_a_version_of_a_stream_that_has_no_table_yet_does_nothing(place, singer):
    place.run(sent(singer, 1))
    assert place.tables() == set()


def test_a_deletion_the_tap_reports_itself_is_written(place, singer):
    """Log-based taps send the last image of a deleted row with `_sdc_deleted_at`."""
    schema = singer.schema(
        "items",
        {"id": INTEGER, "_sdc_deleted_at": {"type": ["null", "string"], "format": "date-time"}},
    )
    place.run(schema, singer.records("items", {"id": 1}, {"id": 2}))
    gone = {"id": 1, "_sdc_deleted_at": "2024-06-01T00:00:00Z"}
    place.run(schema, singer.record("items", gone))
    assert alive(place) == [2]
    place.run(schema, singer.record("items", {"id": 1, "_sdc_deleted_at": None}))
    assert alive(place) == [1, 2]


def test_a_deletion_the_schema_does_not_mention_counts_too(place, singer):
    schema = singer.schema("items", {"id": INTEGER})
    place.run(schema, singer.records("items", {"id": 1}, {"id": 2}))
    place.run(schema, singer.record("items", {"id": 1, "_sdc_deleted_at": "2024-06-01T00:00:00Z"}))
    assert alive(place) == [2]
    place.run(schema, singer.record("items", {"id": 1}))
    assert alive(place) == [1, 2]


def test_many_retired_rows_are_marked_in_several_steps(place, singer, monkeypatch):
    monkeypatch.setattr("target_databricks.lakehouse.table.MOST_REPLACED_BY_PREDICATE", 4)
    place.run(sent(singer, 1, *range(30)))
    place.run(sent(singer, 2, 0))
    assert alive(place) == [0]
    place.run(sent(singer, 3, 1), hard_delete=True)
    assert alive(place) == [1]
