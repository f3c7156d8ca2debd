"""What the tests of `load_method: history` send and read: documents, their lines, intervals."""

from __future__ import annotations

INTEGER, TEXT = {"type": "integer"}, {"type": ["null", "string"]}
TIME = {"type": ["null", "string"], "format": "date-time"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}
HISTORY = {"load_method": "history"}


def at(hour):
    return f"2024-05-01T{hour:02}:00:00Z"


def hour(moment):
    return None if moment is None else moment.hour + 24 * (moment.day - 1)


def docs(singer, *records, bookmarks=("at",)):
    properties = {"id": INTEGER, "v": TEXT, "at": TIME, "lines": LINES, "_sdc_deleted_at": TIME}
    schema = singer.schema("docs", properties, bookmarks=bookmarks)
    return [schema, *singer.records("docs", *records)]


def reading(singer, version, *records):
    """A whole reading of the stream, as of a version."""
    schema, *messages = docs(singer, *records)
    return [
        schema,
        *({**m, "version": version} for m in messages),
        singer.activate("docs", version),
    ]


def doc(i, when, v, *lines):
    return {"id": i, "at": at(when), "v": v, "lines": [{"n": n} for n in lines]}


def gone(i, when):
    return {"id": i, "_sdc_deleted_at": at(when)}


def versions(place, table="docs", column="v", by=("id", "valid_from")):
    """Value, from, to and whether it holds now, of each version."""
    return [
        (r[column], hour(r["valid_from"]), hour(r["valid_to"]), r["is_current"])
        for r in place.rows(table, by=by)
        if table != "docs" or r["_sdc_record_hash"] is not None
    ]
