"""Properties that want one column: each keeps the one that it has, whatever comes later."""

from __future__ import annotations

from itertools import permutations

import pytest
from deltalake import DeltaTable
from target_databricks.lakehouse.spool import Spool
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.naming import keep_name, snake_case, suffixed
from target_databricks.schema.sources import (
    LENGTH,
    PREFIX,
    Owners,
    as_properties,
    digest,
    from_properties,
)
from target_databricks.schema.spelling import under_existing_names

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}


def nested(*names):
    return {"type": "object", "properties": dict.fromkeys(names, INTEGER)}


def lines(*names):
    return {"type": "array", "items": nested(*names), "x-child-table": {"name": "lines"}}


FIRST = {"größe": TEXT, "a b": TEXT, "deep": nested("ID")}
LATER = {"Größe": TEXT, "a_b": TEXT, **FIRST, "deep": nested("id", "ID")}


def assert_kept(row):
    assert (row["größe"], row["a_b"], row["deep"]["id"]) == ("k", "2", 2)
    assert row[suffixed("größe", "Größe")] == "XL"
    assert row[suffixed("a_b", "a_b")] == "other"
    assert row["deep"][suffixed("id", "id")] == 20


def test_who_has_a_column_keeps_it_whatever_comes_before_it_later(place, singer):
    first = {"größe": "k", "a b": "1", "deep": {"ID": 1}}
    place.run(singer.schema("things", FIRST, ["größe"]), singer.record("things", first))
    sent = {"größe": "k", "Größe": "XL", "a b": "2", "a_b": "other", "deep": {"ID": 2, "id": 20}}
    place.run(singer.schema("things", LATER, ["größe"]), singer.record("things", sent))
    (row,) = place.rows("things", by="größe")
    assert_kept(row)


def test_columns_are_kept_in_child_tables_and_in_any_order(folder, singer):
    first = {**FIRST, "rows": lines("N")}
    sent = {"größe": "k", "a b": "1", "deep": {"ID": 1}, "rows": [{"N": 1}]}
    folder.run(singer.schema("things", first, ["größe"]), singer.record("things", sent))
    sent |= {"Größe": "XL", "a b": "2", "a_b": "other", "deep": {"ID": 2, "id": 20}}
    later = {**LATER, "rows": lines("n", "N")}
    for names in (list(later), list(later)[::-1]):
        folder.run(
            singer.schema("things", {name: later[name] for name in names}, ["größe"]),
            singer.record("things", {**sent, "rows": [{"N": 2, "n": 20}]}),
        )
        (row,) = folder.rows("things", by="größe")
        assert_kept(row)
        (line,) = folder.rows("lines", by="größe")
        assert (line["n"], line[suffixed("n", "n")]) == (2, 20)


@pytest.mark.parametrize("settings", [{}, {"load_method": "append-only"}])
def test_who_has_a_column_that_was_added_later_keeps_it(folder, singer, settings):
    records = [singer.record("things", {"no": n, "ID": n, "id": -n, "Id": 0}) for n in (1, 2, 3)]
    for number, names in enumerate([["no"], ["no", "ID"], ["Id", "id", "ID", "no"]]):
        schema = singer.schema("things", dict.fromkeys(names, INTEGER), ["no"])
        folder.run(schema, records[number], **settings)
    by_number = {"id": [None, 2, 3], suffixed("id", "id"): [None, None, -3]}
    for column, values in by_number.items():
        assert folder.rows("things", column, by="no") == values


def test_a_property_that_takes_a_column_over_has_it_from_then_on(folder, singer):
    for names in (["ID"], ["id"], ["ID", "id"]):
        schema = singer.schema("things", dict.fromkeys(["no", *names], INTEGER), ["no"])
        folder.run(schema, singer.record("things", {"no": 1, **dict.fromkeys(names, len(names))}))
    (row,) = folder.rows("things", by="no")
    assert row["id"] == row[suffixed("id", "ID")] == 2
    assert set(row) >= {"id", suffixed("id", "ID")}
    assert suffixed("id", "id") not in row


def test_a_table_of_an_earlier_version_is_told_whose_its_columns_are(folder, singer, monkeypatch):
    earlier = {"no": INTEGER, "ID": INTEGER}
    with monkeypatch.context() as patch:
        patch.setattr("target_databricks.lakehouse.writing.properties_of", lambda plan: {})
        patch.setattr("target_databricks.loading.filling.as_properties", lambda noted: {})
        run = singer.schema("things", earlier, ["no"]), singer.record("things", {"no": 1, "ID": 1})
        folder.run(run)
    properties = DeltaTable(folder.schema_folder / "things").metadata().configuration
    assert not [name for name in properties if name.startswith(PREFIX)]
    before = folder.version("things")
    folder.run(run)
    assert folder.version("things") == before
    folder.run(run[0], singer.record("things", {"no": 2, "ID": 2}))
    folder.run(
        singer.schema("things", {"id": INTEGER, **earlier}, ["no"]),
        singer.record("things", {"no": 3, "ID": 3, "id": 30}),
    )
    assert folder.rows("things", "id", by="no") == [1, 2, 3]


def fields(*names):
    return TypeMapper(keep_name).struct({"properties": dict.fromkeys(names, TEXT)}).fields


RIVALS = ("id", "ID", "Id")


@pytest.mark.parametrize("order", [*permutations(RIVALS)])
def test_the_order_of_properties_decides_nothing_once_there_are_columns(order):
    own = {"ID": "id", "id": suffixed("id", "id"), "Id": suffixed("Id", "Id")}
    named = under_existing_names(fields(*order), own.values())
    assert {f.source: f.name for f in named} == own
    first = Owners(lambda: as_properties(digest("id", "Id")))
    named = under_existing_names(fields(*order), ["id"], first)
    assert next(f.name for f in named if f.source == "Id") == "id"
    named = under_existing_names(fields(*order), ["id"], keys=["ID"])
    assert next(f.name for f in named if f.source == "ID") == "id"


def test_who_had_a_column_of_an_earlier_version_keeps_it_in_any_order():
    # Both were `_` to it; what came second had a suffix.
    columns = ["_", suffixed("_", "客户")]
    for names in (["客户", "订单"], ["订单", "客户"]):
        mapped = TypeMapper(snake_case).struct({"properties": dict.fromkeys(names, TEXT)})
        named = under_existing_names(mapped.fields, columns)
        assert {f.source: f.name for f in named} == {"订单": "_", "客户": columns[1]}


def test_notes_of_thousands_of_columns_fit_into_properties():
    noted = "".join(digest(f"column_{n}", f"Column {n}") for n in range(3000))
    properties = as_properties(noted)
    assert max(map(len, properties.values())) <= LENGTH
    assert from_properties({**properties, "delta.other": "1", f"{PREFIX}x": ""}) == noted


def test_an_array_that_is_a_child_table_makes_way_for_a_column(folder, singer):
    array = {**lines("n"), "x-child-table": {"name": "lines"}}
    for names in (["a b"], ["a b", "a_b"], ["a_b", "a b"]):
        stated = {"no": INTEGER, **{n: array if n == "a b" else TEXT for n in names}}
        sent = {"no": len(names), "a b": [{"n": len(names)}], "a_b": "text"}
        record = {name: sent[name] for name in stated}
        folder.run(singer.schema("things", stated, ["no"]), singer.record("things", record))
    assert folder.rows("things", "a_b", by="no") == [None, "text"]
    assert folder.rows("lines", "n", by="no") == [1, 2]


def test_a_batch_that_is_applied_again_finds_its_rows_under_contested_names(
    folder, singer, monkeypatch
):
    schema = singer.schema("things", {"no": INTEGER, "ID": TEXT, "id": TEXT}, ["ID"])
    sent = singer.record("things", {"no": 1, "ID": "key", "id": "other"})
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "done", lambda *_: None)  # and the process dies
        folder.run(schema, sent)
    assert folder.staged()
    folder.run(singer.schema("others", {"id": INTEGER}))
    assert folder.staged() == []
    (row,) = folder.rows("things", "id", suffixed("id", "id"))
    assert [*row.values()] == ["key", "other"]
