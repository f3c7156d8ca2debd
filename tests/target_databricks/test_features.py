"""Tables of a folder that Databricks has written to: which can still be written, and which not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from deltalake.exceptions import DeltaError
from target_databricks.errors import LoadError
from target_databricks.lakehouse.features import CAUSES, WRITABLE

VECTORS = Path(__file__).parent / "fixtures" / "deletion_vectors"
"""Made by target-databricks with five rows; Spark with Delta Lake 4.4 switched deletion vectors on,
deleted row 2 and gave row 3 another value."""
WRITER_ONLY = frozenset(
    {
        "allowColumnDefaults",
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "checkpointProtection",
        "clustering",
        "collations",
        "collations-preview",
        "domainMetadata",
        "generatedColumns",
        "icebergCompatV1",
        "icebergCompatV2",
        "icebergWriterCompatV1",
        "identityColumns",
        "inCommitTimestamp",
        "invariants",
        "materializePartitionColumns",
        "rowTracking",
    }
)
ROW = pa.table({"id": pa.array([1], pa.int64()), "v": ["a"]})


def make(path: Path, feature: str) -> None:
    """A table whose protocol asks for a feature."""
    write_deltalake(path, ROW)
    log = path / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "protocol" in line:
            line["protocol"] = {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": [] if feature in WRITER_ONLY else [feature],
                "writerFeatures": [feature],
            }
        if "metaData" in line and feature == "columnMapping":
            schema = json.loads(line["metaData"]["schemaString"])
            for number, column in enumerate(schema["fields"], 1):
                column["metadata"] = {
                    "delta.columnMapping.id": number,
                    "delta.columnMapping.physicalName": f"col-{number}",
                }
            line["metaData"]["schemaString"] = json.dumps(schema)
            line["metaData"]["configuration"] = {"delta.columnMapping.mode": "name"}
    log.write_text("\n".join(map(json.dumps, lines)))


def table(name: str) -> str:
    return name.lower().replace("-", "_")


def values(place, column: str) -> list[object]:
    """A column in the order of the keys, by a reader that knows deletion vectors."""
    query = QueryBuilder().register("docs", DeltaTable(place.schema_folder / "docs"))
    rows = pa.table(query.execute(f"SELECT {column} FROM docs ORDER BY id").read_all())
    return rows.column(0).to_pylist()


def docs(singer, stream, *rows):
    schema = singer.schema(stream, {"id": {"type": "integer"}, "v": {"type": ["null", "string"]}})
    return [schema, *singer.records(stream, *({"id": i, "v": v} for i, v in rows))]


def test_what_is_said_to_be_writable_is_what_the_installed_deltalake_writes(tmp_path):
    for feature in WRITABLE - {"columnMapping"}:
        make(tmp_path / feature, feature)
        write_deltalake(tmp_path / feature, ROW, mode="append", schema_mode="merge")
        assert DeltaTable(tmp_path / feature).version() == 1, feature
    for feature in CAUSES:
        make(tmp_path / feature, feature)
        with pytest.raises(DeltaError):
            write_deltalake(
                tmp_path / feature,
                ROW.append_column("new", pa.array([1])),
                mode="append",
                schema_mode="merge",
            )


def test_a_table_that_is_locked_is_named_with_the_feature_and_stops_its_stream_only(folder, singer):
    for feature in CAUSES:
        make(folder.schema_folder / table(feature), feature)
    streams = [*map(table, CAUSES), "good"]
    with pytest.raises(LoadError) as error:
        folder.run(
            [message for name in streams for message in docs(singer, name, (1, "b"), (2, "b"))],
            singer.state({"bookmarks": dict.fromkeys(streams, 1)}),
        )
    assert folder.last.states == [{"bookmarks": {"good": 1}}]
    assert folder.rows("good", "v") == ["b", "b"]
    shown = folder.decide("list")
    for feature, cause in CAUSES.items():
        (said,) = [entry for entry in shown if f"table {table(feature)}," in entry]
        # Where the table cannot even be opened, delta-rs speaks.
        assert f"{feature} ({cause})" in said or f"'{feature}'" in said or "catalog" in said, said
        assert "meltano run --full-refresh" in said
        assert f"'{table(feature)}'" in str(error.value)
        log = folder.schema_folder / table(feature) / "_delta_log"
        assert len(list(log.iterdir())) == 1


def test_rows_that_a_deletion_vector_marks_stay_deleted(folder, singer):
    shutil.copytree(VECTORS, folder.schema_folder / "docs")
    assert values(folder, "v") == ["a1", "dbx", "a4", "a5"]
    # Row 1 is replaced in a file with a vector, row 2 comes again, row 6 is new.
    folder.run(docs(singer, "docs", (1, "b1"), (2, "b2"), (6, "b6")), compact_after_files=1)
    assert values(folder, "id") == [1, 2, 3, 4, 5, 6]
    assert values(folder, "v") == ["b1", "b2", "dbx", "a4", "a5", "b6"]
    many = [(i, "c") for i in range(1, 6_000)]
    folder.run(docs(singer, "docs", *many))
    assert len(values(folder, "id")) == len(many)
