"""When rows are retired: at the end of a run that ends well, and no STATE goes out before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from target_databricks.errors import BadInputError
from target_databricks.lakehouse.spool import Spool
from target_databricks.loading.activation import Activation
from target_databricks.warehouse.staging.volume import StagingVolume

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "w": TEXT}},
    "x-child-table": {"name": "lines"},
}


class Crash(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("named", ["before", "after"])
def test_no_state_goes_out_before_what_it_follows_was_retired(place, singer, monkeypatch, named):
    """Neither at once, nor where the version waits for the end of the input."""

    def reading(version, *ids):
        activate = [singer.activate("items", version)]
        return [
            singer.schema("items", {"id": INTEGER}),
            *(activate if named == "before" else []),
            *singer.records("items", *({"id": i} for i in ids), version=version),
            *(activate if named == "after" else []),
            singer.state({"bookmarks": {"items": version}}),
            singer.schema("others", {"id": INTEGER}),
            *singer.records("others", {"id": version}),
            singer.state({"bookmarks": {"items": version, "others": version}}),
        ]

    assert place.run(reading(1, 1, 2)).states[-1] == {"bookmarks": {"items": 1, "others": 1}}
    with monkeypatch.context() as patch:
        patch.setattr(Activation, "activate", dies)
        with pytest.raises(Crash):
            place.run(reading(2, 1))
    assert all("items" not in state["bookmarks"] for state in place.last.states)
    place.run(reading(3, 1))
    alive = [r["id"] for r in place.rows("items") if r["_sdc_deleted_at"] is None]
    assert alive == [1]


def dies(*_: Any, **__: Any) -> None:
    raise Crash


def test_rows_that_a_run_left_staged_are_retired_where_the_next_one_does_not_send_them(
    place, singer, monkeypatch
):
    def reading(version, *ids):
        records = singer.records("items", *({"id": i} for i in ids))
        return [
            singer.schema("items", {"id": INTEGER}),
            *records,
            singer.activate("items", version),
        ]

    with monkeypatch.context() as patch:
        for staging in (Spool, StagingVolume):
            patch.setattr(staging, "done", lambda *_: None)  # and the process dies
        place.run(reading(1, 1, 2)[:-1])
    assert place.staged()
    place.run(reading(2, 2, 3), hard_delete=True)
    assert place.rows("items", "id") == [2, 3]


@pytest.mark.rule("invariant 12")
@pytest.mark.parametrize("hard", [True, False], ids=["hard", "soft"])
def test_invariant_12_a_run_that_dies_after_any_message_retires_nothing(place, singer, hard):
    """Also after the version was named behind its records, and a STATE followed."""

    def reading(version, *ids):
        return [
            singer.schema("items", {"id": INTEGER}),
            singer.activate("items", version),
            *singer.records("items", *({"id": i} for i in ids), version=version),
            singer.activate("items", version),
            singer.state({"bookmarks": {"items": version}}),
            singer.schema("others", {"id": INTEGER}),
            singer.state({"bookmarks": {"items": version, "others": version}}),
        ]

    place.run(reading(1, 1, 2))
    whole = reading(2, 1)
    for last in range(1, len(whole) + 1) if place.quick else [len(whole)]:
        with pytest.raises(BadInputError):
            place.run(whole[:last], "no message", hard_delete=hard)
        assert all("items" not in state["bookmarks"] for state in place.last.states)
        assert place.rows("items", "id", "_sdc_deleted_at") == [
            {"id": i, "_sdc_deleted_at": None} for i in (1, 2)
        ]
    place.run(whole, hard_delete=hard)
    assert place.last.states[-1] == whole[-1]["value"]
    assert [r["id"] for r in place.rows("items") if r["_sdc_deleted_at"] is None] == [1]


@pytest.mark.parametrize("hard", [True, False], ids=["hard", "soft"])
def test_invariant_12_every_kind_of_stream_is_what_its_last_whole_reading_sent(
    place, singer, tmp_path, hard
):
    """Records with and without the version, batch files, no keys; marks and deletions."""
    rows = tmp_path / "rows"

    def reading(version, *ids, v="same", bare=(), files=()):
        schema = singer.schema("items", {"id": INTEGER, "v": TEXT, "lines": LINES})
        logs = singer.schema("logs", {"x": INTEGER}, [])
        messages = [schema]
        for i in ids:
            record = {"id": i, "v": v, "lines": [{"n": i, "w": v}]}
            more = {} if i in bare else {"version": version}
            messages.append(singer.record("items", record, **more))
        if files:
            rows.write_text("".join(json.dumps({"id": i, "v": v}) + "\n" for i in files))
            manifest = {"encoding": {"format": "jsonl"}, "manifest": [rows.as_uri()]}
            messages.append({"type": "BATCH", "stream": "items", **manifest})
        messages += [singer.activate("items", version), logs, singer.activate("logs", version)]
        messages += singer.records("logs", *({"x": i} for i in ids))
        return [*messages, singer.state({"at": version})]

    def alive(table, column):
        return [r[column] for r in place.rows(table, by=column) if r["_sdc_deleted_at"] is None]

    place.run(reading(1, 1, 2, 3, 4))
    if hard:
        place.run(reading(2, 1, bare=[1], files=[2]), hard_delete=True)
        assert place.rows("items", "id") == [1, 2]
        assert place.rows("lines", "n", by="n") == [1]
        assert place.rows("logs", "x", by="x") == [1]
    else:
        place.run(reading(2, 1, 2, 3, bare=[1, 2])[:-1])  # cut short for the logs only
        assert alive("items", "id") == alive("lines", "n") == [1, 2, 3]
        assert alive("logs", "x") == [1, 1, 2, 2, 3, 3, 4]
