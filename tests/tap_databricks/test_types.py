"""Every type of Delta as JSON, exact, in schemas that other targets and validators take."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from lakes import Lake
from tap_databricks.records import Records
from tap_databricks.schema import stream_schema

PENNY = Decimal("-99999999999999999999999999999999.000001")
NOON = datetime(2026, 2, 3, 12, 0, 0, 1, tzinfo=UTC)

# type, value, what the record has, what the schema has beside nullability
CASES: dict[str, tuple[pa.DataType, Any, Any, dict[str, Any]]] = {
    "tinyint": (pa.int8(), -128, -128, {"type": "integer"}),
    "bigint": (pa.int64(), 2**63 - 1, 2**63 - 1, {"type": "integer"}),
    "decimal": (pa.decimal128(38, 6), PENNY, PENNY, {"type": "number", "x-scale": 6}),
    "cents": (pa.decimal128(9, 2), Decimal("0.10"), Decimal("0.10"), {"x-scale": 2}),
    "double": (pa.float64(), 0.1, Decimal("0.1"), {"type": "number"}),
    "string": (pa.string(), "ā\n\"'\u2028", "ā\n\"'\u2028", {"type": "string"}),
    "binary": (pa.binary(), b"\x00\xff", "AP8=", {"contentEncoding": "base64"}),
    "boolean": (pa.bool_(), False, False, {"type": "boolean"}),
    "date": (pa.date32(), date(1, 1, 1), "0001-01-01", {"format": "date"}),
    "timestamp": (
        pa.timestamp("us", "UTC"),
        NOON,
        "2026-02-03T12:00:00.000001+00:00",
        {"format": "date-time"},
    ),
    "timestamp_ntz": (
        pa.timestamp("us"),
        NOON.replace(tzinfo=None, microsecond=0),
        "2026-02-03T12:00:00.000000+00:00",
        {"format": "date-time"},
    ),
    "struct": (
        pa.struct([("at", pa.date32()), ("deep", pa.struct([("x", pa.decimal128(5, 1))]))]),
        {"at": date(2026, 1, 2), "deep": {"x": Decimal("1.0")}},
        {"at": "2026-01-02", "deep": {"x": Decimal("1.0")}},
        {"type": "object"},
    ),
    "array": (
        pa.list_(pa.struct([("b", pa.binary())])),
        [{"b": b"a"}, None, {"b": None}],
        [{"b": "YQ=="}, None, {"b": None}],
        {"type": "array"},
    ),
    "map": (
        pa.map_(pa.string(), pa.date32()),
        [("a", date(2026, 1, 2)), ("b", None)],
        {"a": "2026-01-02", "b": None},
        {"type": "object"},
    ),
    "map_of_numbers": (
        pa.map_(pa.int32(), pa.string()),
        [(1, "a")],
        [{"key": 1, "value": "a"}],
        {"type": "array"},
    ),
}


def table() -> pa.Table:
    """Two rows: every type with a value, and with null."""
    columns = {name: pa.array([value, None], kind) for name, (kind, value, *_) in CASES.items()}
    return pa.table({"id": pa.array([1, 2], pa.int32()), **columns})


def test_every_type_of_delta_is_sent_exactly(lake: Lake) -> None:
    lake.write("t", table())
    run = lake.read()
    full, empty = run.records("t")
    assert full == {"id": 1, **{name: sent for name, (_, _, sent, _) in CASES.items()}}
    assert empty == {"id": 2, **dict.fromkeys(CASES)}
    assert '"cents": 0.10' in run.text or '"cents":0.10' in run.text, "digits as they are"


@pytest.mark.parametrize("log", [None, "change_data_feed", "files"])
def test_every_type_is_the_same_by_the_log(lake: Lake, log: str | None) -> None:
    lake.write("t", table(), configuration={"delta.enableChangeDataFeed": "true"})
    method = {"key_properties": ["id"], "replication_method": "LOG_BASED" if log else "FULL_TABLE"}
    settings = {"streams": {"t": {**method, **({"log": log} if log else {})}}}
    state = lake.read(**settings).state
    lake.write("t", table())
    full = lake.read(state, **settings).records("t")[0]
    full.pop("_sdc_deleted_at", None)
    assert full == {"id": 1, **{name: sent for name, (_, _, sent, _) in CASES.items()}}


def test_records_are_valid_by_their_schema(lake: Lake) -> None:
    lake.write("t", table())
    run = lake.read(streams={"t": {"key_properties": ["id"]}})
    schema = run.schema("t")
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(
        schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    )
    for line in run.text.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            validator.validate(message["record"])
    assert schema["properties"]["id"]["type"] == ["integer"], "a key is never null"


@pytest.mark.parametrize("name", CASES)
def test_a_type_has_its_schema(name: str) -> None:
    kind, _, _, expected = CASES[name]
    schema = stream_schema(pa.schema([(name, kind)]), ())["properties"][name]
    json_type, nothing = schema["type"]
    assert nothing == "null"
    assert {**schema, "type": json_type}.items() >= expected.items()


def test_decimals_may_be_text(lake: Lake) -> None:
    lake.write("t", table())
    run = lake.read(decimals="string")
    assert run.records("t")[0]["decimal"] == str(PENNY)
    assert run.schema("t")["properties"]["decimal"]["format"] == "singer.decimal"


def test_what_json_cannot_say_is_null_and_said(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    lake.write("t", pa.table({"id": [1, 2], "x": [float("nan"), float("-inf")]}))
    assert [r["x"] for r in lake.read().records("t")] == [None, None]
    assert "2 values of column 'x'" in caplog.text


def test_instants_are_cut_to_microseconds_and_turned_to_utc() -> None:
    rows = pa.table(
        {
            "ns": pa.array([1_500_000_000_000_000_123], pa.timestamp("ns", "UTC")),
            "berlin": pa.array([0], pa.timestamp("us", "Europe/Berlin")),
        }
    )
    (record,) = Records(rows.column_names).of(rows)
    assert record["ns"] == "2017-07-14T02:40:00.000000+00:00"
    assert record["berlin"] == "1970-01-01T00:00:00.000000+00:00"


def test_comments_become_descriptions(lake: Lake) -> None:
    commented = pa.field("id", pa.int64(), metadata={"comment": "Who it is."})
    lake.write("t", pa.table([[1]], pa.schema([commented])), description="People.")
    schema = lake.read().schema("t")
    assert schema["properties"]["id"]["description"] == "Who it is."
