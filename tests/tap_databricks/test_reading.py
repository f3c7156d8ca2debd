"""Full table and incremental by a column; selection; what becomes a stream."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from lakes import Lake
from singer_sdk.exceptions import ConfigurationError, ConfigValidationError
from tap_databricks.lakehouse import LakehouseFolder
from tap_databricks.settings import options_of, place_of
from tap_databricks.tap import TapDatabricks
from tap_databricks.trial import trial

BY_AT = {"streams": {"*": {"replication_key": "at", "key_properties": ["id"]}}}


def catalog_of(lake: Lake, **settings: Any) -> dict[str, Any]:
    return TapDatabricks(config=lake.config(**settings)).catalog_dict


def test_names_of_streams_and_working_tables(lake: Lake) -> None:
    for schema, table in (("books", "t"), ("books", "_sdc_loads"), ("more", "t")):
        lake.write(table, [{"id": 1}], schema_name=schema)
    assert set(TapDatabricks(config=lake.config()).streams) == {"t"}
    both = TapDatabricks(config=lake.config(schemas=["books", "more"], tables=["_sdc*", "*"]))
    assert set(both.streams) == {"books-t", "books-_sdc_loads", "more-t"}


def test_a_table_that_cannot_be_opened_leaves_the_others(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    lake.write("t", [{"id": 1}])
    lake.write("u", [{"id": 1}])
    (lake.root / "books" / "u" / "_delta_log" / f"{0:020}.json").write_text("{}")
    run = lake.read()
    assert run.ids("t") == [1]
    assert str(run.error) == "Not read to the end: u."
    assert "books.u" in caplog.text


def test_the_test_of_meltano_shows_no_row(lake: Lake) -> None:
    lake.write("t", [{"id": 1, "email": "kim@example.com"}])
    lake.write("u", pa.table({"id": pa.array([], pa.int64())}))
    environment = {
        "TAP_DATABRICKS_LAKEHOUSE_PATH": str(lake.config()["lakehouse_path"]),
        "TAP_DATABRICKS_SCHEMAS": json.dumps(lake.config()["schemas"]),
    }
    done = CliRunner().invoke(trial, env=environment)
    assert (done.exit_code, done.stdout.splitlines()) == (0, ["t: read", "u: nothing there"])


@pytest.mark.parametrize("place", ["books", "nowhere"])
def test_where_nobody_has_made_a_table_a_test_says_so_and_discovery_finds_none(
    tmp_path: Path, place: str
) -> None:
    """A run refuses that (below); Meltano discovers before a test as well."""
    (tmp_path / "books").mkdir()
    environment = {
        "TAP_DATABRICKS_LAKEHOUSE_PATH": str(tmp_path / place),
        "TAP_DATABRICKS_SCHEMAS": '["xero_writeback"]',
    }
    done = CliRunner().invoke(trial, env=environment)
    assert done.exit_code == 0
    assert done.stdout.startswith("nothing there: The")
    assert f"{place}/xero_writeback" in done.stdout
    done = CliRunner().invoke(TapDatabricks.cli, ["--config=ENV", "--discover"], env=environment)
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"streams": []})


def test_a_schema_that_is_not_there_is_named(lake: Lake) -> None:
    lake.write("t", [{"id": 1}])
    with pytest.raises(ConfigurationError, match="no Delta tables in"):
        lake.read(schemas=["boks"])


def test_a_folder_that_is_not_there_is_named(lake: Lake) -> None:
    nowhere = f"{lake.config()['lakehouse_path']}-not"
    with pytest.raises(
        ConfigurationError, match=f"{nowhere}/.* cannot be looked at: .*lakehouse_path"
    ):
        lake.read(lakehouse_path=nowhere)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int64(), [2, 3, 1]),
        (pa.string(), ["b'", "c", "a"]),
        (pa.date32(), [date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 1)]),
        (
            pa.timestamp("us", "UTC"),
            [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=n) for n in (2, 3, 1)],
        ),
        (pa.timestamp("us"), [datetime.fromisoformat(f"2026-01-0{day}") for day in (2, 3, 1)]),
        (pa.decimal128(10, 2), [Decimal("0.20"), Decimal("0.30"), Decimal("0.10")]),
    ],
    ids=str,
)
def test_incremental_begins_where_the_last_run_ended(
    lake: Lake, kind: pa.DataType, values: list[Any]
) -> None:
    def rows(first: int, some: list[Any]) -> pa.Table:
        ids = list(range(first, first + len(some)))
        return pa.table({"id": ids, "at": pa.array(some, kind)})

    lake.write("t", rows(1, values[:1] + values[2:]))
    first = lake.read(**BY_AT)
    assert first.ids("t") == [2, 1], "in the order of the column"
    lake.write("t", rows(3, [values[1], values[2], None]))
    again = lake.read(first.state, **BY_AT)
    assert again.ids("t") == [5, 1, 3], "without a value: always; equal: again; older: not"
    assert lake.read(again.state, **BY_AT).ids("t") == [5, 3]


def test_a_bookmark_may_come_from_the_catalog(lake: Lake) -> None:
    lake.write("t", [{"id": 1, "at": 1}, {"id": 2, "at": 2}])
    catalog = catalog_of(lake)
    (entry,) = catalog["streams"]
    (root,) = (m["metadata"] for m in entry["metadata"] if m["breadcrumb"] in ([], ()))
    root |= {"replication-method": "INCREMENTAL", "replication-key": "at"}
    root |= {"selected": True, "table-key-properties": ["id"]}
    run = lake.read(catalog=catalog)
    assert run.of("SCHEMA", "t")[0]["key_properties"] == ["id"]
    assert run.state["bookmarks"]["t"]["replication_key_value"] == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"replication_key": "x"}, "'x', which replication_key names"),
        ({"key_properties": ["nr"]}, "'nr', which key_properties names"),
        ({"replication_key": "ok"}, "cannot keep exactly"),
    ],
)
def test_settings_that_do_not_fit_a_table_are_said_and_stop_it_alone(
    lake: Lake, caplog: pytest.LogCaptureFixture, options: dict[str, Any], says: str
) -> None:
    lake.write("t", [{"id": 1, "ok": True}])
    lake.write("u", [{"id": 1}])
    run = lake.read(streams={"t": options})
    assert says in caplog.text
    assert (run.ids("t"), run.ids("u")) == ([], [1])
    assert run.error is not None


def test_the_catalog_has_what_the_sdk_would_forget(lake: Lake) -> None:
    price = pa.array([Decimal("1.50")], pa.decimal128(9, 2))
    lake.write("t", pa.table({"id": [1], "price": price, "all": pa.array([[price[0]]])}))
    catalog = catalog_of(lake)
    run = lake.read(catalog=catalog)
    for schema in (catalog["streams"][0]["schema"], run.schema("t")):
        assert schema["properties"]["price"]["x-scale"] == 2
        assert schema["properties"]["all"]["items"]["x-scale"] == 2
    assert run.records("t")[0]["price"] == Decimal("1.50")


def test_incremental_needs_a_column() -> None:
    with pytest.raises(ConfigurationError, match="no replication_key"):
        options_of({"streams": {"*": {"replication_method": "INCREMENTAL"}}}, "t")


def test_an_unknown_option_of_a_stream_is_refused(lake: Lake) -> None:
    with pytest.raises(ConfigValidationError):
        lake.read(streams={"t": {"keys": ["id"]}})


def test_only_selected_columns_are_read_and_sent(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.write("t", [{"id": 1, "name": "a", "_sdc_job_id": "j", "_sdc_deleted_at": None}])
    asked: list[Any] = []
    catalog = catalog_of(lake, streams={"t": {"key_properties": ["id"]}})
    (entry,) = catalog["streams"]
    for each in entry["metadata"]:
        if tuple(each["breadcrumb"]) == ("properties", "name"):
            each["metadata"]["selected"] = False
        if tuple(each["breadcrumb"]) == ():
            each["metadata"]["selected"] = True
    source = "tap_databricks.lakehouse.LakehouseFolder.rows"
    whole = LakehouseFolder.rows
    monkeypatch.setattr(source, lambda *given: asked.append(given[2]) or whole(*given))
    run = lake.read(catalog=catalog, streams={"t": {"key_properties": ["id"]}})
    assert run.records("t") == [{"id": 1, "_sdc_deleted_at": None}]
    assert asked == [["id", "_sdc_deleted_at"]]
    assert set(run.schema("t")["properties"]) == {"id", "_sdc_deleted_at"}


def test_what_a_target_notes_of_its_own_work_is_left_out_by_default(lake: Lake) -> None:
    lake.write("t", [{"id": 1, "_sdc_job_id": "j", "_sdc_deleted_at": "x", "_rescued_data": "{}"}])
    (record,) = lake.read().records("t")
    assert record == {"id": 1, "_sdc_deleted_at": "x", "_rescued_data": "{}"}


def test_versions_are_activated_after_the_last_row_and_not_after_a_failure(lake: Lake) -> None:
    lake.write("t", [{"id": 1}])
    lake.write("u", [{"id": 1}])
    for file in (lake.root / "books" / "u").glob("*.parquet"):
        file.unlink()
    run = lake.read(emit_activate_version_messages=True)
    kinds = [(m["type"], m["stream"]) for m in run.lines if "stream" in m]
    assert kinds.index(("ACTIVATE_VERSION", "t")) > kinds.index(("RECORD", "t"))
    assert ("ACTIVATE_VERSION", "u") not in kinds
    assert ("SCHEMA", "u") in kinds
    assert run.error is not None


@pytest.mark.parametrize(
    "options",
    [
        {"replication_key": "id"},
        {"replication_method": "LOG_BASED", "log": "files"},
        {"replication_method": "LOG_BASED", "log": "change_data_feed"},
    ],
    ids=lambda options: options.get("log", "column"),
)
@pytest.mark.parametrize("seed", range(5))
def test_killed_anywhere_and_resumed_nothing_is_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, seed: int, options: dict[str, Any]
) -> None:
    """A target keeps rows up to where the tap was cut off, and the last state before that."""
    chance = random.Random(seed)
    monkeypatch.setattr("tap_databricks.streams.TableStream.STATE_MSG_FREQUENCY", 3)
    monkeypatch.setattr("tap_databricks.versions.STEP", 2)
    settings = {"streams": {"*": {"key_properties": ["id"], **options}}}
    state, kept, last = None, {}, 0
    for _ in range(4):
        for _ in range(chance.randint(1, 3)):
            some = range(last + 1, last + chance.randint(2, 6))
            last = max(some)
            rows = [{"id": n, "name": str(n)} for n in some]
            lake.write("t", rows, configuration={"delta.enableChangeDataFeed": "true"})
        lines = lake.read(state, **settings).lines
        for message in lines[: chance.randint(0, len(lines))]:
            if message["type"] == "RECORD":
                kept[message["record"]["id"]] = message["record"]["name"]
            elif message["type"] == "STATE":
                state = message["value"]
    for message in lake.read(state, **settings).of("RECORD"):
        kept[message["record"]["id"]] = message["record"]["name"]
    assert kept == {n: str(n) for n in range(1, last + 1)}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "TAP_DATABRICKS_LAKEHOUSE_PATH"),
        ({"server_hostname": "x"}, "'http_path' is missing"),
        ({"lakehouse_path": "x", "http_path": "y"}, "both set"),
    ],
)
def test_where_to_read_has_to_be_said_once(config: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        place_of(config)


@pytest.mark.parametrize(
    "options", [{"replication_key": "id"}, {"replication_method": "LOG_BASED"}]
)
def test_batches_have_all_rows_and_a_state_behind_them(
    lake: Lake, tmp_path: Path, options: dict[str, Any]
) -> None:
    price = pa.array([Decimal("1.10"), Decimal("2.20")], pa.decimal128(9, 2))
    lake.write("t", pa.table({"id": [1, 2], "price": price}))
    settings = {
        "batch_config": {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": f"file://{tmp_path}"},
            "batch_size": 1,
        },
        "streams": {"t": {"key_properties": ["id"], **options}},
    }
    run = lake.read(**settings)
    files = [Path(url.removeprefix("file://")) for m in run.of("BATCH") for url in m["manifest"]]
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [json.loads(line, parse_float=Decimal)["price"] for line in lines] == price.to_pylist()
    kinds = [message["type"] for message in run.lines]
    assert kinds[-1] == "STATE"
    assert "RECORD" not in kinds
    again = lake.read(run.state, **settings)
    assert len(again.of("BATCH")) == ("replication_key" in options), "the last row, or nothing"
