"""Names in any script, and those that tables have from earlier versions, which knew ASCII only."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.naming import (
    ascii_snake_case,
    schema_name,
    snake_case,
    table_name,
    unique_names,
)
from target_databricks.schema.spelling import under_existing_names

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
METADATA = {"_sdc_record_hash": TEXT, "_rescued_data": TEXT}


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("Größe", "größe"),
        ("GrößeInMM", "größe_in_mm"),
        ("客户", "客户"),
        ("客户 ID", "客户_id"),
        ("हिन्दी", "हिन्दी"),
        ("Ὀδυσσεύς", "ὀδυσσεύς"),
        ("цена (руб.)", "цена_руб"),  # noqa: RUF001
        ("e\u0301te\u0301", "été"),
        ("m²", "m²"),
        ("💰", "_"),
        ("\ud800", "_"),
    ],
)
def test_kind_17_letters_of_any_script_are_letters(source, column):
    assert snake_case(source) == column
    assert snake_case(column) == column


def test_letters_that_sql_takes_for_one_are_kept_apart():
    """A micro sign and a mu are the same to whoever compares upper case."""
    names = {
        f.name for f in TypeMapper().struct({"properties": dict.fromkeys("µμKk", TEXT)}).fields
    }
    assert len({n.upper().lower() for n in names}) == 4


@pytest.mark.rule("kind 17")
def test_kind_17_names_in_other_scripts_are_themselves(place, singer):
    lines = {"type": "array", "items": {"type": "object", "properties": {"数量": INTEGER}}}
    inner = {"type": "object", "properties": {"Straße": TEXT, "Strasse": TEXT}}
    # Delta itself loses its place in a text with characters that UTF-16 has two units for.
    size = {**TEXT, "description": "📦 and 𝄞"}
    properties = {"编号": INTEGER, "Größe": size, "Gr e": TEXT, "адрес": inner, "行": lines}
    schema = singer.schema("客户", properties, ["编号"])
    for value in ("L", "XL") if place.quick else ("XL",):
        record = {"编号": 1, "Größe": value, "Gr e": "-", "行": [{"数量": 7}]}
        place.run(
            schema,
            singer.record("客户", {**record, "адрес": {"Straße": "A", "Strasse": "B"}}),
            singer.schema("订单", {"id": INTEGER}),
            singer.record("订单", {"id": 1}),
            child_tables={"客户.行": True},
            clustering="keys",
        )
    assert place.tables() == {"客户", "订单", "客户_行"}
    (row,) = place.rows("客户", by="编号")
    assert (row["编号"], row["größe"], row["gr_e"]) == (1, "XL", "-")
    assert row["адрес"] == {"straße": "A", "strasse": "B"}
    assert place.rows("客户_行", "数量", by="编号") == [7]


def fields(*sources):
    return TypeMapper().struct({"properties": dict.fromkeys(sources, TEXT)}).fields


def formerly(*sources):
    return list(unique_names(sources, ascii_snake_case).values())


@pytest.mark.parametrize(
    ("sources", "columns", "names"),
    [
        (["Größe"], ["gr_e"], ["gr_e"]),
        (["Größe"], [], ["größe"]),
        (["Größe"], ["größe", "gr_e"], ["größe"]),
        (["客户", "订单"], ["_"], ["_", "订单"]),
        (["客户", "订单"], formerly("客户", "订单"), formerly("客户", "订单")),
        # What an earlier version made of both, and what this one makes of them.
        (["Größe", "gr_e"], formerly("Größe", "gr_e"), formerly("Größe", "gr_e")),
        (["Größe", "gr_e"], ["größe", "gr_e"], ["größe", "gr_e"]),
        # A property that comes later and wants the name that another one has.
        (["Größe", "gr_e"], ["gr_e"], formerly("Größe", "gr_e")),
        (["gr_e", "Größe"], ["gr_e"], ["gr_e", "größe"]),
        (["Größe"], ["GR_E"], ["GR_E"]),
    ],
)
def test_a_column_that_exists_keeps_its_name(sources, columns, names):
    assert [f.name for f in under_existing_names(fields(*sources), columns)] == names


def test_tables_and_columns_of_an_earlier_version_go_on_being_filled(folder, singer):
    inner = pa.struct([("stra_e", pa.string())])
    metadata = {name: pa.array(["x"]) for name in METADATA}
    columns = {"id": pa.array([1]), "gr_e": pa.array(["S"]), "_": pa.array([None], inner)}
    write_deltalake(folder.schema_folder / "_", pa.table({**columns, **metadata}))
    address = {"type": "object", "properties": {"Straße": TEXT}}
    schema = singer.schema("客户", {"id": INTEGER, "Größe": TEXT, "地址": address, "名": TEXT})
    for size in ("L", "XL"):
        record = {"id": 1, "Größe": size, "地址": {"Straße": "A"}, "名": "n"}
        folder.run(
            schema,
            singer.record("客户", record),
            singer.schema("订单", {"id": INTEGER}),
            singer.record("订单", {"id": 1}),
        )
    assert folder.tables() == {"_", "订单"}
    (row,) = folder.rows("_")
    assert (row["gr_e"], row["_"], row["名"]) == ("XL", {"stra_e": "A"}, "n")


def test_a_table_of_this_version_has_no_names_of_an_earlier_one(folder, singer):
    folder.run(singer.schema("s", {"id": INTEGER, "$": TEXT}), singer.record("s", {"id": 1}))
    properties = {"id": INTEGER, "é": TEXT, "$": TEXT}
    folder.run(singer.schema("s", properties), singer.record("s", {"id": 1, "é": "a", "$": "b"}))
    assert folder.rows("s", "é", "_") == [{"é": "a", "_": "b"}]


@pytest.mark.parametrize(("first", "second"), [("gr_e", "Größe"), ("$", "订单")])
def test_a_table_of_another_stream_is_not_taken_for_one_of_an_earlier_version(
    folder, singer, first, second
):
    """Seed 43000054: an earlier version would have called the second's table as the first's is."""
    for number, stream in enumerate([first, second]):
        schema = singer.schema(stream, {"id": INTEGER})
        folder.run(schema, singer.record(stream, {"id": number}))
    assert [folder.rows(table_name(stream), "id") for stream in (first, second)] == [[0], [1]]


def test_kind_18_a_schema_is_called_as_the_settings_have_it(place, singer):
    at = f"{place.schema}Raw" if not place.quick else "FinanceRaw"
    message = [singer.schema("s", {"id": INTEGER}), singer.record("s", {"id": 1})]
    place.run(message, default_target_schema=at)
    if place.quick:
        place.schema_folder = place.folder / "FinanceRaw"
    else:
        place.schema, place.name = at.lower(), f"{place.sandbox.catalog}.{at}"
    assert place.rows("s", "id") == [1]


def test_kind_18_a_schema_that_an_earlier_version_made_goes_on_being_used(folder, singer):
    message = [singer.schema("s", {"id": INTEGER}), singer.record("s", {"id": 1})]
    folder.run(message, default_target_schema="finance_raw")
    folder.run(message, default_target_schema="FinanceRaw")
    assert [p.name for p in folder.folder.iterdir()] == ["finance_raw"]
    folder.run(message, default_target_schema="FinanceNew")
    assert {p.name for p in folder.folder.iterdir()} == {"finance_raw", "FinanceNew"}


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("FinanceRaw", "FinanceRaw"),
        ("FINANCE-raw", "FINANCE-raw"),
        ("Größe", "Größe"),
        ("_x__", "_x__"),
        ("Other Books", "other_books"),
        ("../x", "_x"),
    ],
)
def test_kind_18_only_what_no_schema_can_be_called_is_respelled(stated, name):
    assert schema_name(stated, lambda _: False) == name


def test_attack_10_streams_of_long_names_are_loaded(place, singer):
    streams = ["s" * 220, "s" * 219 + "t", "客" * 220]
    messages = [[singer.schema(s, {"id": INTEGER}), singer.record(s, {"id": 1})] for s in streams]
    place.run(*messages)
    assert place.tables() == {table_name(s) for s in streams}
    assert all(place.rows(table_name(s), "id") == [1] for s in streams)


def test_kind_12_the_users_flag_is_theirs_when_a_tap_begins_to_send_one(place, singer):
    place.run(singer.schema("s", {"id": INTEGER}), singer.record("s", {"id": 1}))
    place.edit("s", {"is_deleted": "true"})
    schema = singer.schema("s", {"id": INTEGER, "is_deleted": INTEGER})
    for flag in (0, 1):
        place.run(schema, singer.record("s", {"id": 1, "is_deleted": flag}))
    (row,) = place.rows("s")
    (own,) = [name for name in row if name.startswith("is_deleted_")]
    assert (row["is_deleted"], row[own], row["_rescued_data"]) == (True, 1, None)


def test_kind_12_a_tap_that_always_sent_the_flag_has_it(folder, singer):
    boolean = {"type": "boolean"}
    schema = singer.schema("s", {"id": INTEGER, "is_deleted": boolean})
    for flag in (0, 1, False):
        folder.run(
            schema,
            f'{{"type":"RECORD","stream":"s","record":{{"id":1,"is_deleted":{str(flag).lower()}}}}}',
        )
        assert folder.rows("s", "is_deleted") == [bool(flag)]
