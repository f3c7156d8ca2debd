"""Tables that somebody else made: they take what they can take, and end in a sentence otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from target_databricks.errors import LoadError

INTEGER, TEXT = {"type": "integer"}, {"type": ["null", "string"]}
ROW = pa.table({"id": pa.array([1], pa.int64()), "v": ["a"]})


def docs(singer, stream, *records, **properties):
    schema = singer.schema(stream, {"id": INTEGER, "v": TEXT, **properties})
    rows = records or ({"id": 1, "v": "new"}, {"id": 2, "v": "new"})
    return [schema, *singer.records(stream, *rows)]


def strict(path):
    fields = [("id", pa.int64()), ("v", pa.string()), ("other", pa.string(), False)]
    DeltaTable.create(path, schema=pa.schema([pa.field(*f) for f in fields]))


def logged(**changes):
    """A table whose first log entry somebody's tool wrote otherwise."""

    def make(path):
        write_deltalake(path, ROW.append_column("g", pa.array(["a!"])))
        log = Path(path) / "_delta_log" / "00000000000000000000.json"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        for line in lines:
            for action, change in changes.items():
                if action in line:
                    line[action] = change(line[action])
        log.write_text("\n".join(map(json.dumps, lines)))

    return make


def feature(name):
    reader = [name] if name[0].islower() and name != "identityColumns" else []
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": reader}
    return logged(protocol=lambda _: {**protocol, "writerFeatures": [name]})


def generated(metadata):
    schema = json.loads(metadata["schemaString"])
    schema["fields"][2]["metadata"] = {"delta.generationExpression": "concat(v, '!')"}
    return {**metadata, "schemaString": json.dumps(schema)}


def mapped(metadata):
    return {**metadata, "configuration": {"delta.columnMapping.mode": "name"}}


def broken(path):
    write_deltalake(path, ROW)
    (Path(path) / "_delta_log" / "00000000000000000000.json").write_text("garbage{")


def emptied(path):
    write_deltalake(path, ROW)
    for file in Path(path).glob("*.parquet"):
        file.unlink()


IN_A_FOLDER = {
    "strict": (strict, "The column 'other' of"),
    "frozen": (
        lambda p: write_deltalake(p, ROW, configuration={"delta.appendOnly": "true"}),
        "delta.appendOnly",
    ),
    "generated": (
        logged(
            metaData=generated, protocol=lambda _: {"minReaderVersion": 1, "minWriterVersion": 4}
        ),
        "generates",
    ),
    "mapped": (
        logged(metaData=mapped, protocol=lambda _: {"minReaderVersion": 2, "minWriterVersion": 5}),
        "Column mapping is enabled",
    ),
    "identity": (feature("identityColumns"), "identityColumns (a column GENERATED AS IDENTITY)"),
    "unheard_of": (feature("somethingNew"), "'somethingNew' is not supported"),
    "broken": (broken, "log cannot be read"),
    "emptied": (emptied, "Files of the table are gone"),
    "a_file": (lambda p: Path(p).write_text("x"), "log cannot be read"),
}
IN_A_WAREHOUSE = {
    "strict": ("TABLE {} (id BIGINT, v STRING, other STRING NOT NULL)", "The column 'other' of"),
    "numbered": ("TABLE {} (id BIGINT GENERATED ALWAYS AS IDENTITY, v STRING)", "IDENTITY"),
    "seen": ("VIEW {} AS SELECT 1L AS id, 'a' AS v", "seen is a view"),
    "parquet": ("TABLE {} (id BIGINT, v STRING) USING parquet", "and not Delta"),
}


@pytest.mark.rule("invariant 13")
def test_invariant_13_tables_of_other_writers_end_in_a_sentence(place, singer):
    """Each stops its own stream only, whatever it is; nothing of it is half written."""
    kinds = IN_A_FOLDER if place.quick else IN_A_WAREHOUSE
    for name, (make, _) in kinds.items():
        if place.quick:
            place.schema_folder.mkdir(parents=True, exist_ok=True)
            make(str(place.schema_folder / name))
        else:
            place.sandbox.sql(f"CREATE {make.format(f'{place.name}.{name}')}")
    streams = [*kinds, "good"]
    with pytest.raises(LoadError) as error:
        place.run(
            [message for name in streams for message in docs(singer, name)],
            singer.state({"bookmarks": dict.fromkeys(streams, 1)}),
        )
    assert place.last.states == [{"bookmarks": {"good": 1}}]
    assert place.rows("good", "v") == ["new", "new"]
    shown = place.decide("list")
    for name, (_, words) in kinds.items():
        (said,) = [entry for entry in shown if f"table {name}," in entry]
        assert words in said
        assert f"'{name}'" in str(error.value)


def test_columns_that_are_none_of_the_stream_stay_as_they_are(folder, singer):
    extra = pa.array([[("k", "w")]], pa.map_(pa.string(), pa.string()))
    write_deltalake(folder.schema_folder / "docs", ROW.append_column("m", extra))
    folder.run(docs(singer, "docs"))
    assert folder.rows("docs", "v", by="v") == ["new", "new"]
    assert folder.rows("docs", "m") == [[("k", "w")], None]


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32()])
def test_integers_that_do_not_survive_a_decimal_keep_their_type(folder, singer, kind):
    amounts = pa.array([10**9], kind)
    write_deltalake(folder.schema_folder / "docs", ROW.append_column("n", amounts))
    small = {"type": "string", "format": "singer.decimal", "precision": 5, "scale": 2}
    folder.run(docs(singer, "docs", {"id": 2, "n": "7"}, {"id": 3, "n": "1.5"}, n=small))
    assert folder.rows("docs", "n") == [10**9, 7, None]
    assert folder.rows("docs", "_rescued_data") == [None, None, '{"n":"1.5"}']


def test_keys_may_be_arrays_and_objects(folder, singer):
    key = {"type": "object", "properties": {"a": {"type": "array", "items": INTEGER}}}
    lines = {"type": "array", "items": {"type": "object", "properties": {"n": INTEGER}}}
    schema = singer.schema("docs", {"id": key, "v": TEXT, "lines": lines})
    for v in "abc":
        rows = [{"id": {"a": [i]}, "v": v, "lines": [{"n": i}]} for i in (1, 2, 2)]
        folder.run(schema, singer.records("docs", *rows), child_tables={"docs.*": True})
        assert folder.arrow("docs").column("v").to_pylist() == [v, v]
        assert sorted(folder.arrow("docs_lines").column("n").to_pylist()) == [1, 2]


def test_rows_with_arrays_and_objects_for_keys_can_be_gone(folder, singer):
    key = {"type": "object", "properties": {"a": {"type": "array", "items": INTEGER}}}
    lines = {"type": "array", "items": {"type": "object", "properties": {"n": INTEGER}}}
    schema = singer.schema("docs", {"id": key, "v": TEXT, "lines": lines})

    def reading(version, *numbers):
        rows = [{"id": {"a": [i]}, "v": "x", "lines": [{"n": i}]} for i in numbers]
        return [
            schema,
            *singer.records("docs", *rows, version=version),
            singer.activate("docs", version),
        ]

    def alive(table, column):
        rows = folder.arrow(table).to_pylist()
        return sorted((str(r[column]), r["_sdc_deleted_at"] is None) for r in rows)

    child = {"child_tables": {"docs.*": True}}
    folder.run(reading(1, 1, 2, 3), **child)
    folder.run(reading(2, 1), **child)
    assert alive("docs_lines", "n") == [("1", True), ("2", False), ("3", False)]
    assert [there for _, there in alive("docs", "id")] == [True, False, False]
    folder.run(reading(3, 1, 3), **child)
    assert alive("docs_lines", "n") == [("1", True), ("2", False), ("3", True)]


def test_a_row_without_a_value_for_a_not_null_column_is_alone_at_fault(place, singer):
    """The stream has the column; other than one that it never has, it lies with the row."""
    if place.quick:
        fields = [pa.field("id", pa.int64()), pa.field("v", pa.string(), nullable=False)]
        DeltaTable.create(place.schema_folder / "docs", schema=pa.schema(fields))
    else:
        place.run(singer.schema("other", {"id": INTEGER}))
        place.sandbox.sql(f"CREATE TABLE {place.name}.docs (id BIGINT, v STRING NOT NULL)")
    with pytest.raises(LoadError, match=r"1 row of stream 'docs'"):
        place.run(docs(singer, "docs", {"id": 1, "v": "a"}, {"id": 2}, {"id": 3, "v": "c"}))
    assert place.rows("docs", "v") == ["a", "c"]
