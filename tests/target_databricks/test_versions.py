"""ACTIVATE_VERSION: rows that were not sent with the version are retired, softly or for good."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}


def sent(singer, version, *ids, activate=True, v="same", lines=True, **properties):
    rows = ({"id": i, "v": v} | ({"lines": [{"n": i}]} if lines else {}) for i in ids)
    records = singer.records("items", *rows, version=version)
    properties |= {"lines": LINES} if lines else {}
    schema = singer.schema("items", {"id": INTEGER, "v": TEXT, **properties})
    return [schema, *records, *([singer.activate("items", version)] if activate else [])]


def alive(place, table="items", column="id"):
    return [r[column] for r in place.rows(table, by=column) if r["_sdc_deleted_at"] is None]


@pytest.mark.rule("deletes")
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
    place.run(sent(singer, 2, 1, 2))
    assert {t: place.files(t) for t in place.tables()} == files


def test_a_row_that_comes_back_is_alive_again(place, singer):
    place.run(sent(singer, 1, 1, 2))
    place.run(sent(singer, 2, 1))
    assert (alive(place), alive(place, "lines", "n")) == ([1], [1])
    place.run(sent(singer, 3, 1, 2))
    assert (alive(place), alive(place, "lines", "n")) == ([1, 2], [1, 2])


def test_invariant_12_a_row_that_comes_back_with_an_older_bookmark_is_alive(place, singer):
    def reading(version, *records):
        schema = singer.schema("items", {"id": INTEGER, "at": INTEGER}, bookmarks=["at"])
        return [schema, *singer.records("items", *records), singer.activate("items", version)]

    one, two = {"id": 1, "at": 5}, {"id": 2, "at": 5}
    place.run(reading(1, one, two))
    place.run(reading(2, one))
    assert alive(place) == [1]
    place.run(reading(3, {"id": 1, "at": 4}, {"id": 2, "at": 4}))
    assert place.rows("items", "id", "at", "_sdc_deleted_at") == [
        {**one, "_sdc_deleted_at": None},
        {"id": 2, "at": 4, "_sdc_deleted_at": None},
    ]


def test_a_version_without_any_row_retires_all(place, singer):
    place.run(sent(singer, 1, 1, 2))
    place.run(sent(singer, 2), singer.state({"done": 2}))
    assert alive(place) == []


def announced(singer, version, *ids, v="same"):
    """What a tap of the Meltano SDK sends: the version first, then the records."""
    schema, *records = sent(singer, version, *ids, activate=False, v=v)
    return [schema, singer.activate("items", version), *records]


HARD = pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])


@HARD
def test_invariant_12_a_version_named_before_its_records_retires_what_did_not_come(
    place, singer, hard
):
    place.run(announced(singer, 1, 1, 2, 3), singer.state({"at": 1}), hard_delete=hard)
    assert alive(place) == [1, 2, 3]
    place.run(announced(singer, 2, 1, 2), singer.state({"at": 2}), hard_delete=hard)
    assert alive(place) == [1, 2]
    assert place.rows("items", "id") == ([1, 2] if hard else [1, 2, 3])


@pytest.mark.parametrize(
    ("through", "hard"),
    [
        *((through, through % 2 == 0) for through in range(6)),
        *(pytest.param(n, n % 2 == 1, marks=pytest.mark.stress) for n in range(6)),
    ],
)
def test_invariant_12_a_tap_that_dies_after_naming_a_version_retires_nothing(
    folder, singer, hard, through
):
    folder.run(sent(singer, 1, 1, 2, 3), singer.state({"at": 1}))
    messages = [
        *announced(singer, 2, 1, 2, v="new"),
        singer.state({"at": 2, "currently_syncing": "items"}),
        singer.record("items", {"id": 4, "v": "new"}, version=2),
    ]
    folder.run(messages[: through + 1], hard_delete=hard)
    assert alive(folder)[:3] == [1, 2, 3]
    # The next one that ends well retires what neither of them sent.
    folder.run(announced(singer, 3, 1, 2), singer.state({"at": 3}), hard_delete=hard)
    assert alive(folder) == [1, 2]


@pytest.mark.parametrize(
    ("between", "after"),
    [
        # Each could be all that a tap sent before it died.
        (["items, named again"], [{"at": 2}]),
        (["another stream"], [{"at": 2}]),
        ([], [{"at": 2, "currently_syncing": "what the tap calls it"}]),
        ([], [{"at": 2}, {"at": 2, "currently_syncing": "items"}]),
    ],
)
def test_invariant_12_a_state_that_may_be_written_on_the_way_is_no_proof(
    folder, singer, between, after
):
    folder.run(sent(singer, 1, 1, 2, 3))
    schema, activate, *records = announced(singer, 2, 1, 2)
    extra = {
        "items, named again": [schema, activate],
        "another stream": [singer.schema("others", {"id": INTEGER})],
    }
    first = [m for name in between for m in extra[name]]
    folder.run(schema, activate, records, first, map(singer.state, after))
    assert alive(folder) == [1, 2, 3]


def test_invariant_12_a_state_after_a_round_number_of_records_is_no_proof(folder, singer):
    folder.run(sent(singer, 1, *range(250)))
    folder.run(announced(singer, 2, *range(200)), singer.state({"at": 2}))
    assert len(alive(folder)) == 250
    folder.run(announced(singer, 3, *range(199)), singer.state({"at": 3}))
    assert len(alive(folder)) == 199


def test_a_state_that_says_that_nothing_is_being_read_speaks_for_all_streams(folder, singer):
    folder.run(sent(singer, 1, 1, 2, 3))
    others = singer.schema("others", {"id": INTEGER})
    state = singer.state({"at": 2, "currently_syncing": None})
    folder.run(announced(singer, 2, 1, 2), others, state)
    assert alive(folder) == [1, 2]


def test_parents_whose_children_come_in_between_are_retired_at_their_own_end(folder, singer):
    """What a tap of the SDK sends for a stream with a child stream."""

    def told(version, parents, die=False):
        schema, activate, *records = announced(singer, version, *parents)
        child = singer.schema("parts", {"id": INTEGER})
        yield from (schema, activate)
        for parent in records:
            yield from (child, singer.activate("parts", version))
            row = {"id": parent["record"]["id"]}
            yield from (singer.record("parts", row, version=version), singer.state({"at": row}))
            yield parent
        if not die:
            yield singer.state({"at": "end"})

    folder.run(told(1, [1, 2, 3]))
    folder.run(told(2, [1, 2], die=True))
    assert (alive(folder), alive(folder, "parts")) == ([1, 2, 3], [1, 2, 3])
    folder.run(told(3, [1, 2]))
    # Nobody knows which part of the child stream is its last.
    assert (alive(folder), alive(folder, "parts")) == ([1, 2], [1, 2, 3])


@pytest.mark.parametrize(
    ("first", "again", "hard"),
    [
        (False, "same", False),
        (False, "new", True),
        (True, "same", True),
        (True, "new", False),
        pytest.param(False, "same", True, marks=pytest.mark.stress),
        pytest.param(False, "new", False, marks=pytest.mark.stress),
        pytest.param(True, "same", False, marks=pytest.mark.stress),
        pytest.param(True, "new", True, marks=pytest.mark.stress),
    ],
)
def test_invariant_12_records_without_their_version_were_sent_too(
    folder, singer, hard, again, first
):
    folder.run(sent(singer, 1, 1, 2, 3))
    schema, *records, activate = sent(singer, 2, 1, 2, v=again)
    bare = [{k: v for k, v in r.items() if k != "version"} for r in records]
    body = [activate, *bare] if first else [*bare, activate]
    folder.run(schema, body, singer.state({"at": 2}), hard_delete=hard)
    assert alive(folder) == alive(folder, "lines", "n") == [1, 2]


@HARD
def test_invariant_12_rows_of_batch_files_are_not_retired(folder, singer, tmp_path, hard):
    folder.run(sent(singer, 1, 1, 2, 3))
    path = tmp_path / "rows"
    path.write_text('{"id": 1, "v": "new"}\n{"id": 2, "v": "same", "lines": [{"n": 2}]}\n')
    schema, record, activate = sent(singer, 2, 3)
    files = {"encoding": {"format": "jsonl"}, "manifest": [path.as_uri()]}
    batch = {"type": "BATCH", "stream": "items", **files}
    folder.run(schema, batch, record, activate, hard_delete=hard)
    assert alive(folder) == [1, 2, 3]


@HARD
def test_invariant_12_a_version_older_than_the_last_retires_nothing(place, singer, hard):
    place.run(sent(singer, 5, 1, 2, 3, lines=False))
    place.run(sent(singer, 3, 1, lines=False), hard_delete=hard)
    assert alive(place) == [1, 2, 3]
    # And the last one is still the last.
    place.run(sent(singer, 4, 2, lines=False), hard_delete=hard)
    assert alive(place) == [1, 2, 3]
    place.run(sent(singer, 6, 2, lines=False), hard_delete=hard)
    assert alive(place) == [2]


def test_unchanged_rows_of_a_later_version_are_not_retired_by_an_earlier_one(place, singer):
    place.run(sent(singer, 1, 1, 2, 3))
    place.run(sent(singer, 3, 1, activate=False))  # and dies
    place.run(sent(singer, 2, 2))
    assert alive(place) == [1, 2]


def test_rows_of_a_later_version_are_not_retired_by_an_earlier_one(folder, singer):
    folder.run(sent(singer, 5, 1, 2, activate=False))
    folder.run(sent(singer, 3, 3))
    assert alive(folder) == [1, 2, 3]


@HARD
def test_appended_rows_are_retired_by_the_run_that_did_not_send_them(folder, singer, hard):
    settings = {"load_method": "append-only", "hard_delete": hard}
    folder.run(sent(singer, 1, 1, 2, 3), **settings)
    folder.run(sent(singer, 2, 1, 2, v="new"), sent(singer, 2, 1)[1:2], **settings)
    assert alive(folder) == alive(folder, "lines", "n") == [1, 1, 2]
    assert len(folder.rows("items")) == len(folder.rows("lines")) == (3 if hard else 6)


def test_without_metadata_nothing_is_known_of_versions_and_nothing_is_retired(folder, singer):
    folder.run(sent(singer, 1, 1, 2))
    folder.run(sent(singer, 2, 1, v="new"), add_record_metadata=False)
    assert alive(folder) == [1, 2]


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
    place.run(sent(singer, 1, 1, 2, 3, 4, lines=False))
    # Rows 1 and 2 come unchanged with version 2, then the tap dies, and resumes with row 3.
    first = sent(singer, 2, 1, 2, activate=False, lines=False)
    place.run(first, singer.state({"version": 2, "id": 2}))
    place.run(sent(singer, 2, 3, lines=False))
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


@HARD
def test_a_stream_without_keys_is_what_its_last_whole_reading_sent(folder, singer, hard):
    def logs(version, *values):
        records = singer.records("logs", *({"x": v} for v in values), version=version)
        return [
            singer.schema("logs", {"x": INTEGER}, []),
            *records,
            singer.activate("logs", version),
        ]

    folder.run(logs(1, 1, 2))
    folder.run(logs(2, 2, 2), hard_delete=hard)
    assert alive(folder, "logs", "x") == [2, 2]
    assert folder.rows("logs", "x", by="x") == ([2, 2] if hard else [1, 2, 2, 2])


def test_a_version_without_rows_makes_the_tables_and_counts(folder, singer):
    folder.run(sent(singer, 5), singer.state({"at": 5}))
    assert folder.tables() == {"items", "lines"}
    folder.run(sent(singer, 6, 1, 2))
    folder.run(sent(singer, 4, 1))
    assert alive(folder) == [1, 2]


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


def test_a_reported_deletion_keeps_what_it_leaves_out_and_a_hard_one_the_row(place, singer):
    """Other targets of Singer blank the rest of a soft deletion; a partial update is whole here."""
    stated = {"id": INTEGER, "v": TEXT, "lines": LINES}
    stated["_sdc_deleted_at"] = {"type": ["null", "string"], "format": "date-time"}
    schema = singer.schema("items", stated)
    rows = [{"id": i, "v": "a", "lines": [{"n": i}]} for i in (1, 2, 3, 4)]
    place.run(schema, singer.records("items", *rows))
    gone = "2024-06-01T00:00:00Z"
    some = singer.records("items", {"id": 1, "_sdc_deleted_at": gone}, {"id": 3, "lines": []})
    whole = singer.record("items", {**rows[3], "_sdc_deleted_at": gone})
    place.run(schema, some, whole)
    assert place.rows("items", "v") == ["a", "a", None, "a"]
    assert alive(place) == [2, 3]
    marks = {r["n"]: r["_sdc_deleted_at"] for r in place.rows("lines", by="n")}
    assert marks == {2: None, 4: datetime(2024, 6, 1, tzinfo=UTC)}
    place.run(schema, singer.record("items", {"id": 2, "_sdc_deleted_at": gone}), hard_delete=True)
    assert place.rows("items", "id") == [3]
    assert place.rows("lines", by="n") == []


@pytest.mark.parametrize("form", [{"format": "date-time"}, {}])
def test_child_rows_of_a_reported_deletion_are_marked_where_rows_are_appended(folder, singer, form):
    stated = {"id": INTEGER, "lines": LINES, "_sdc_deleted_at": {"type": "string", **form}}
    rows = [{"id": 1, "lines": [{"n": 1}]}, {"id": 2, "lines": [{"n": 2}, {"n": 3}]}]
    rows[1]["_sdc_deleted_at"] = "2024-06-01T00:00:00Z"
    folder.run(
        singer.schema("items", stated), singer.records("items", *rows), load_method="append-only"
    )
    marks = folder.rows("lines", "_sdc_deleted_at", by="n")
    assert [mark is None for mark in marks] == [True, False, False]


@pytest.mark.parametrize("hard", [False, True])
def test_child_rows_go_with_their_parents_also_without_their_array(place, singer, hard):
    stated = {"id": INTEGER, "lines": LINES}
    rows = [{"id": i, "lines": [{"n": i}]} for i in (1, 2)]
    place.run(singer.schema("items", stated), singer.records("items", *rows, version=1))
    later = singer.schema("items", {"id": INTEGER}), singer.record("items", {"id": 1}, version=2)
    place.run(*later, singer.activate("items", 2), hard_delete=hard)
    assert alive(place) == [1]
    lines = {r["n"]: r["_sdc_deleted_at"] is None for r in place.rows("lines", by="n")}
    assert lines == ({1: True} if hard else {1: True, 2: False})


def test_many_retired_rows_are_marked_in_several_steps(place, singer, monkeypatch):
    for module in ("table", "retirement"):
        place_of = f"target_databricks.lakehouse.{module}.MOST_REPLACED_BY_PREDICATE"
        monkeypatch.setattr(place_of, 4)
    place.run(sent(singer, 1, *range(30)))
    place.run(sent(singer, 2, 0))
    assert alive(place) == [0]
    place.run(sent(singer, 3, 1), hard_delete=True)
    assert alive(place) == [1]


def test_without_record_metadata_nothing_is_retired_and_a_warning_says_so(folder, singer, caplog):
    for version, ids in ((1, (1, 2)), (2, (1,))):
        rows = singer.records("items", *({"id": i} for i in ids), version=version)
        schema = singer.schema("items", {"id": INTEGER})
        folder.run(schema, rows, singer.activate("items", version), add_record_metadata=False)
    assert folder.rows("items", "_sdc_deleted_at") == [None, None]
    assert "no row is retired, because 'add_record_metadata' is false" in caplog.text
