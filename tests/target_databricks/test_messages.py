"""Messages and the SDK's settings: state, BATCH, stream maps, flattening, validation, reading."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import re
from decimal import Decimal
from hashlib import md5

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from singer_sdk.exceptions import InvalidRecord
from target_databricks.errors import LoadError
from target_databricks.lakehouse.folder import LakehouseFolder
from target_databricks.loading.batch import LoadResult
from target_databricks.loading.report import Report
from target_databricks.target import TargetDatabricks

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
MONEY = {"type": "number", "multipleOf": 0.01}


def items(singer, *records, **properties):
    schema = singer.schema("items", {"id": INTEGER, "v": TEXT, **properties})
    return [schema, *singer.records("items", *records)]


# State


def test_states_come_out_once_what_they_cover_is_applied(place, singer):
    schema, *records = items(singer, *({"id": i} for i in range(6)))
    run = place.run(
        singer.state({"at": "start"}),
        schema,
        records[:2],
        singer.state({"at": 2}),
        records[2:5],
        singer.state({"at": 5}),
        records[5:],
        singer.state({"at": 6}),
        batch_size_rows=2,
    )
    positions = [{"at": "start"}, {"at": 2}, {"at": 5}, {"at": 6}]
    assert run.states[0] == positions[0]
    assert run.states[-1] == positions[-1]
    assert run.states == [s for s in positions if s in run.states]


def test_no_state_comes_out_for_rows_that_could_not_be_applied(folder, singer, monkeypatch):
    real = LakehouseFolder.merge

    def refusing(self, batch, path, *, replayed):
        if 3 in batch.rows.column("id").to_pylist():
            raise OSError("disk full")
        return real(self, batch, path, replayed=replayed)

    schema, *records = items(singer, *({"id": i} for i in range(6)))
    messages = [schema]
    for i, record in enumerate(records):
        messages += [record, singer.state({"n": i + 1})]
    with monkeypatch.context() as patched:
        patched.setattr(LakehouseFolder, "merge", refusing)
        with pytest.raises(LoadError, match=r"(?s)'items'.*disk full.*next run applies it first"):
            folder.run(messages, batch_size_rows=1)
    assert folder.last.states[-1] == {"n": 3}
    assert folder.rows("items", "id") == [0, 1, 2]
    assert "disk full" in folder.loads()[-1]["error"]
    # The next run applies what stayed behind, even if its tap sends nothing.
    folder.run()
    assert folder.rows("items", "id") == [0, 1, 2, 3]


def test_a_state_waits_for_every_stream_it_covers(place, singer):
    other = singer.schema("others", {"id": INTEGER})
    schema, *records = items(singer, {"id": 1}, {"id": 2})
    run = place.run(
        schema,
        other,
        singer.record("others", {"id": 1}),
        records[0],
        records[1],
        singer.state({"n": 1}),
        batch_size_rows=2,
    )
    # Two rows of `items` are a full batch; the one of `others` is not.
    assert run.states == [{"n": 1}]
    assert place.rows("others", "id") == [1]


def test_a_state_keeps_its_value_to_the_letter(place, singer):
    line = '{"type": "STATE", "value": {"n": 1.10, "k": "é\\u2028", "big": 123456789012345678901}}'
    run = place.run(line)
    assert run.states == [{"n": 1.1, "k": "é\u2028", "big": 123456789012345678901}]


# BATCH


def batch(stream, form, *paths, compression=None):
    encoding = {"format": form, **({"compression": compression} if compression else {})}
    manifest = [path.as_uri() for path in paths]
    return {"type": "BATCH", "stream": stream, "encoding": encoding, "manifest": manifest}


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_batch_files_of_json_lines(place, singer, tmp_path, compression):
    lines = b'{"id": 1, "v": "a", "m": 19.99}\n\n{"id": 2, "v": "b", "m": 12345678901234567.89}\n'
    one, two = tmp_path / "one", tmp_path / "two"
    pack = gzip.compress if compression else bytes
    one.write_bytes(pack(lines))
    two.write_bytes(pack(b'{"id": 3, "new": 1}'))
    schema = items(singer, m=MONEY)[0]
    run = place.run(
        schema, batch("items", "jsonl", one, two, compression=compression), singer.state({"n": 3})
    )
    assert place.rows("items", "v") == ["a", "b", None]
    assert place.rows("items", "m") == [Decimal("19.99"), Decimal("12345678901234567.89"), None]
    assert place.rows("items", "_rescued_data") == [None, None, '{"new":1}']
    assert run.states == [{"n": 3}]


def test_batch_files_of_parquet(place, singer, tmp_path):
    path = tmp_path / "rows.parquet"
    moment = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    table = {
        "id": [1, 2],
        "v": ["a", None],
        "m": [Decimal("19.99"), None],
        "t": [moment, None],
        "d": [dt.date(2024, 1, 2), None],
        "f": [float("nan"), 1.5],
        "o": [{"x": [1, None]}, None],
        "b": [b"\x00\xff", None],
    }
    pq.write_table(pa.table(table), path)
    place.run(
        items(
            singer,
            m=MONEY,
            t={"type": "string", "format": "date-time"},
            d={"type": "string", "format": "date"},
            f={"type": "number"},
            o={"type": "object", "properties": {"x": {"type": "array", "items": INTEGER}}},
            b=TEXT,
        )[0],
        batch("items", "parquet", path),
    )
    first, second = place.rows("items")
    assert [first[c] for c in "vmtdo"] == [
        "a",
        Decimal("19.99"),
        moment,
        dt.date(2024, 1, 2),
        {"x": [1, None]},
    ]
    assert first["f"] != first["f"]
    assert first["b"] == "AP8="
    assert [second[c] for c in "vmtdofb"] == [None, None, None, None, None, 1.5, None]


def test_batch_files_and_records_of_one_stream_mix(place, singer, tmp_path):
    path = tmp_path / "rows"
    path.write_text('{"id": 1, "v": "file"}\n{"id": 2, "v": "file"}\n')
    schema, *records = items(singer, {"id": 0, "v": "line"}, {"id": 2, "v": "line"})
    place.run(schema, records[0], batch("items", "jsonl", path), records[1])
    assert place.rows("items", "v") == ["line", "file", "line"]


def test_batch_files_pass_through_stream_maps_and_filters(place, singer, tmp_path):
    rows = [{"id": 1, "v": "a@example.com", "m": 12345678901234567.89}, {"id": 2, "v": "drop"}]
    lines, parquet = tmp_path / "rows", tmp_path / "rows.parquet"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.table({"id": [3, 4], "v": ["c@example.com", "drop"]}), parquet)
    maps = {"items": {"v": "md5(v)", "__filter__": "v != 'drop'", "__alias__": "things"}}
    place.run(
        items(singer)[0],
        batch("items", "jsonl", lines),
        batch("items", "parquet", parquet),
        stream_maps=maps,
    )
    assert place.tables() == {"things"}
    hashes = [md5(f"{x}@example.com".encode()).hexdigest() for x in "ac"]
    assert place.rows("things", "v") == hashes


def test_batch_files_are_flattened_and_validated(folder, singer, tmp_path):
    path = tmp_path / "rows"
    path.write_text('{"id": 1, "o": {"x": 5}}\n')
    schema = items(singer, o={"type": "object", "properties": {"x": INTEGER}})[0]
    folder.run(
        schema,
        batch("items", "jsonl", path),
        flattening_enabled=True,
        flattening_max_depth=2,
    )
    assert folder.rows("items", "o_x") == [5]
    path.write_text('{"id": 2, "o": {"x": "five"}}\n')
    with pytest.raises(InvalidRecord, match="Line 2"):
        folder.run(schema, batch("items", "jsonl", path), validate_records=True)


def test_batch_files_of_a_stream_that_is_mapped_away_are_left_out(place, singer, tmp_path):
    path = tmp_path / "rows"
    path.write_text('{"id": 1}\n')
    place.run(items(singer)[0], batch("items", "jsonl", path), stream_maps={"items": None})
    assert place.tables() == set()


# Stream maps and flattening


def test_stream_maps_rename_drop_compute_and_filter(place, singer):
    place.run(
        items(
            singer,
            {"id": 1, "v": "a", "secret": "x", "m": 1.5},
            {"id": 2, "v": "b", "secret": "y", "m": 2.5},
            secret=TEXT,
            m=MONEY,
        ),
        stream_maps={
            "items": {
                "__alias__": "things",
                "__filter__": "record['v'] != 'b'",
                "secret": None,
                "shout": "record['v'].upper()",
            }
        },
    )
    assert place.tables() == {"things"}
    (row,) = place.rows("things")
    assert (row["shout"], row["m"]) == ("A", Decimal("1.50"))
    assert "secret" not in row
    assert place.types("things")["m"] == "DECIMAL(38,2)"


def test_a_stream_can_be_mapped_away(place, singer):
    place.run(items(singer, {"id": 1}), stream_maps={"items": None})
    assert place.tables() == set()


def test_mapped_records_keep_digits_version_and_extraction_time(place, singer):
    line = (
        '{"type":"RECORD","stream":"items","record":{"id":1,"m":12345678901234567890.10},'
        '"time_extracted":"2024-01-01T00:00:00Z","version":3}'
    )
    maps = {"items": {"copy": "record['id']"}}
    place.run(items(singer, m=MONEY)[0], line, stream_maps=maps)
    (row,) = place.rows("items")
    assert row["m"] == Decimal("12345678901234567890.10")
    assert row["_sdc_table_version"] == 3
    assert row["_sdc_extracted_at"] == dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def test_flattening_makes_columns_of_members(place, singer):
    nested = {
        "type": "object",
        "properties": {"x": INTEGER, "y": {"type": "object", "properties": {"z": TEXT}}},
    }
    place.run(
        items(singer, {"id": 1, "o": {"x": 5, "y": {"z": "deep"}}}, o=nested),
        flattening_enabled=True,
        flattening_max_depth=3,
    )
    (row,) = place.rows("items")
    assert (row["o_x"], row["o_y_z"]) == (5, "deep")


# Validation


def test_validation_stops_at_the_first_record_that_does_not_match(place, singer):
    with pytest.raises(InvalidRecord, match=r"Line 3 .*'items'.*'x' is not of type"):
        place.run(items(singer, {"id": 1}, {"id": "x"}), validate_records=True)


def test_validated_records_load_like_any_others(place, new_place, singer):
    messages = items(
        singer,
        {"id": 1, "v": "a", "m": 19.99, "t": "2024-01-01T00:00:00Z"},
        m=MONEY,
        t={"type": "string", "format": "date-time"},
    )
    place.run(messages, validate_records=True)
    unchecked = new_place("unchecked")
    unchecked.run(messages)
    assert place.books() == unchecked.books()


# Reading


def test_lines_are_found_wherever_the_pipe_cuts_them(folder, singer):
    class Trickle(io.RawIOBase):
        """Gives a few bytes at a time, as a slow pipe does."""

        def __init__(self, text):
            self.rest = text

        def read1(self, size):
            chunk, self.rest = self.rest[:7], self.rest[7:]
            return chunk

    text = singer.text(items(singer, *({"id": i, "v": "é" * i} for i in range(20))))
    TargetDatabricks(config=folder.config()).listen(Trickle(text.rstrip(b"\n")))
    assert folder.rows("items", "v") == ["é" * i for i in range(20)]


def test_a_text_stream_is_read_like_a_byte_stream(folder, singer):
    text = singer.text(items(singer, {"id": 1, "v": "é"})).decode()
    TargetDatabricks(config=folder.config()).listen(io.StringIO(text))
    assert folder.rows("items", "v") == ["é"]


def test_a_very_long_line_is_one_record(place, singer):
    long = "x" * 5_000_000
    place.run(items(singer, {"id": 1, "v": long}, {"id": 2, "v": "short"}))
    assert [len(v) for v in place.rows("items", "v")] == [5_000_000, 5]


def test_a_wide_stream_loads(place, singer):
    wide = {f"column_{i}": INTEGER for i in range(600)}
    place.run(
        singer.schema("wide", {"id": INTEGER, **wide}),
        singer.record("wide", {"id": 1, "column_599": 7}),
    )
    assert place.rows("wide", "column_599") == [7]


def test_the_bill_says_what_is_new_and_details_are_for_who_wants_them(
    place, singer, caplog, monkeypatch
):
    rows = items(singer, {"id": 1, "v": "a"}, {"id": 2, "x": 1})

    def told(level):
        caplog.clear()
        caplog.set_level(level)
        place.run(rows)
        return "\n".join(r.getMessage() for r in caplog.records if r.name == "target-databricks")

    first = told("INFO")
    assert re.search(r"\nitems +2 +2 +0 +0 +0 +1\ntotal ", first)
    assert "2 read, 2 new" not in first
    assert "listening" not in first, "the SDK's own steps"
    assert told("INFO").splitlines()[-1] == f"{place.schema}: 2 rows for 1 table, nothing new."
    assert f"{place.schema}.items: 2 read, 2 unchanged" in told("DEBUG")
    monkeypatch.setenv("TARGET_DATABRICKS_LOGLEVEL", "DEBUG")
    assert f"{place.schema}.items: 2 read, 2 unchanged" in told("INFO"), "Meltano passes it on"
    assert "METRIC: " in caplog.text


def test_a_report_is_a_screen_and_progress_comes_every_few_seconds():
    seconds = [0.0]
    report = Report("xero", clock=lambda: seconds[0])
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def load(table, **counts):
        report.add(LoadResult(table, table, "", sum(counts.values()), at, at, **counts))

    said = []
    for number in range(40):
        load(f"table_{number}", inserted=number)
        said.append(report.progress())
        seconds[0] += 0.5
    assert [line for line in said if line] == [
        "5 s: 55 rows loaded, 11 a second; 55 of them new or changed, in 11 tables",
        "10 s: 210 rows loaded, 21 a second; 210 of them new or changed, in 21 tables",
        "15 s: 465 rows loaded, 31 a second; 465 of them new or changed, in 31 tables",
    ]
    head, *rows, more, still, total = report.table().splitlines()
    assert head.split() == [
        "xero",
        "table",
        "read",
        "new",
        "changed",
        *["unchanged", "deleted", "rescued"],
    ]
    assert [row.split()[0] for row in rows] == [f"table_{number}" for number in range(26, 40)]
    assert more.split()[:4] == ["25", "more", "325", "325"]
    assert still.split()[:3] == ["1", "without", "news"]
    assert total.split()[:3] == ["total", "780", "780"]
    load("table_39", unchanged=3)
    assert report.table().splitlines()[-3].split()[:4] == ["25", "more", "325", "325"]


def test_secrets_in_storage_options_are_marked_as_such():
    properties = json.loads(json.dumps(TargetDatabricks.config_jsonschema))["properties"]
    assert properties["storage_options"]["secret"] is True
