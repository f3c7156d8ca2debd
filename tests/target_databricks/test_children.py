"""Child tables: rows cut out of their parents' arrays."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.planning import make_plan

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
MONEY = {"type": "number", "multipleOf": 0.01}
LINE = {"type": "object", "properties": {"LineID": TEXT, "Amount": MONEY}}
HINT = {"name": "invoice_lines", "key": ["LineID"]}
MANY = {"type": "array", "items": LINE}


def line(name, amount=1.0):
    return {"LineID": name, "Amount": amount}


def invoices(singer, *records, lines=None, **more):
    lines = lines if lines is not None else {**MANY, "x-child-table": HINT}
    properties = {"Tenant": TEXT, "ID": INTEGER, "Number": TEXT, "Lines": lines}
    schema = singer.schema("invoices", properties, ["Tenant", "ID"], **more)
    return [schema, *singer.records("invoices", *({"Tenant": "t", **r} for r in records))]


def names(place, table="invoice_lines"):
    rows = place.rows(table, by=["tenant", "id", "_sdc_position"])
    return [(r["id"], r["line_id"], r["_sdc_position"]) for r in rows]


def test_an_annotated_array_becomes_a_table_with_the_parents_keys(place, singer):
    place.run(
        invoices(
            singer,
            {"ID": 1, "Lines": [line("a", 0.1), line("b", 0.2)]},
            {"ID": 2, "Lines": []},
            {"ID": 3, "Lines": None},
            {"ID": 4},
            {"ID": 5, "Lines": [line("c", 12345678901.55), None]},
        )
    )
    assert names(place) == [(1, "a", 0), (1, "b", 1), (5, "c", 0)]
    assert "lines" not in place.types("invoices")
    assert list(place.types("invoice_lines").items())[:5] == [
        ("tenant", "STRING"),
        ("id", "BIGINT"),
        ("line_id", "STRING"),
        ("amount", "DECIMAL(38,2)"),
        ("_sdc_position", "BIGINT"),
    ]
    amounts = place.rows("invoice_lines", "amount", by="line_id")
    assert amounts == [Decimal("0.10"), Decimal("0.20"), Decimal("12345678901.55")]


@pytest.mark.rule("invariant 10")
def test_invariant_10_a_line_that_left_its_invoice_leaves_its_table(place, singer):
    place.run(
        invoices(
            singer,
            {"ID": 1, "Lines": [line("a"), line("b")]},
            {"ID": 2, "Lines": [line("c"), line("d")]},
            {"ID": 3, "Lines": [line("e")]},
        )
    )
    place.run(
        invoices(
            singer,
            {"ID": 1, "Lines": [line("b", 5)]},
            {"ID": 2, "Lines": []},
            {"ID": 3, "Number": "same lines", "Lines": [line("e")]},
        )
    )
    assert names(place) == [(1, "b", 0), (3, "e", 0)]


def test_a_line_that_moves_to_another_invoice_is_there_once(place, singer):
    place.run(invoices(singer, {"ID": 1, "Lines": [line("a")]}, {"ID": 2, "Lines": [line("b")]}))
    place.run(invoices(singer, {"ID": 1, "Lines": []}, {"ID": 2, "Lines": [line("b"), line("a")]}))
    assert names(place) == [(2, "b", 0), (2, "a", 1)]


def test_lines_follow_the_version_of_the_parent_that_wins(place, singer):
    place.run(
        invoices(
            singer, {"ID": 1, "Lines": [line("a")]}, {"ID": 1, "Lines": [line("b"), line("c")]}
        )
    )
    assert names(place) == [(1, "b", 0), (1, "c", 1)]


@pytest.mark.rule("child tables are replaced per parent")
def test_an_unchanged_parent_leaves_its_lines_unwritten(place, singer):
    messages = invoices(singer, {"ID": 1, "Lines": [line("a")]})
    place.run(messages)
    before = place.versions()
    place.run(messages)
    assert place.versions() == before


def test_a_reordering_of_lines_is_a_change(place, singer):
    place.run(invoices(singer, {"ID": 1, "Lines": [line("a"), line("b")]}))
    place.run(invoices(singer, {"ID": 1, "Lines": [line("b"), line("a")]}))
    assert names(place) == [(1, "b", 0), (1, "a", 1)]


@pytest.mark.parametrize(
    ("rules", "tables"),
    [
        (None, {"invoices"}),
        ({"invoices.Lines": True}, {"invoices", "invoices_lines"}),
        ({"invoices.Lines": "lines of Invoices"}, {"invoices", "lines_of_invoices"}),
        ({"*": True}, {"invoices", "invoices_lines"}),
        ({"invoices.*": True, "*.Lines": False}, {"invoices"}),
        ({"*": False, "inv*.L*": "x"}, {"invoices", "x"}),
        ({"others.*": True}, {"invoices"}),
    ],
)
def test_the_child_tables_setting_decides_by_globs(place, singer, rules, tables):
    settings = {} if rules is None else {"child_tables": rules}
    place.run(invoices(singer, {"ID": 1, "Lines": [line("a")]}, lines=MANY), **settings)
    assert place.tables() == tables


@pytest.mark.parametrize(
    ("rules", "tables"),
    [({"*": False}, {"invoices"}), ({"invoices.Lines": "renamed"}, {"invoices", "renamed"})],
)
def test_the_setting_overrules_the_annotation(place, singer, rules, tables):
    place.run(invoices(singer, {"ID": 1, "Lines": [line("a")]}), child_tables=rules)
    assert place.tables() == tables


def test_without_a_key_of_its_own_a_line_is_known_by_its_position(place, singer):
    hint = {**MANY, "x-child-table": {"name": "invoice_lines"}}
    place.run(invoices(singer, {"ID": 1, "Lines": [line("a"), line("a")]}, lines=hint))
    assert names(place) == [(1, "a", 0), (1, "a", 1)]


def test_an_array_of_a_stream_without_keys_stays_in_its_row(place, singer):
    schema = singer.schema("logs", {"x": INTEGER, "Lines": {**MANY, "x-child-table": HINT}}, [])
    place.run(schema, singer.record("logs", {"x": 1, "Lines": [line("a")]}))
    assert place.tables() == {"logs"}
    assert place.types("logs")["lines"].startswith("ARRAY<STRUCT<")


def test_an_array_of_plain_values_is_no_child_table(place, singer):
    hint = {"type": "array", "items": TEXT, "x-child-table": {"name": "tags"}}
    place.run(invoices(singer, {"ID": 1, "Lines": ["a"]}, lines=hint))
    assert place.tables() == {"invoices"}


def test_a_member_called_like_the_parents_key_holds_the_parents_key(place, singer):
    item = {"type": "object", "properties": {"ID": INTEGER, "LineID": TEXT}}
    hint = {"type": "array", "items": item, "x-child-table": HINT}
    place.run(invoices(singer, {"ID": 1, "Lines": [{"ID": 77, "LineID": "a"}]}, lines=hint))
    assert names(place) == [(1, "a", 0)]


def test_a_misfit_inside_a_line_is_rescued_with_its_parent(place, singer):
    lines = [line("a"), {"LineID": "b", "Amount": "much", "New": 1}]
    place.run(invoices(singer, {"ID": 1, "Lines": lines}))
    assert names(place) == [(1, "a", 0), (1, "b", 1)]
    assert place.rows("invoices", "_rescued_data") == [
        '{"Lines[1].Amount":"much","Lines[1].New":1}'
    ]


def test_new_members_of_lines_become_new_columns(place, singer):
    place.run(invoices(singer, {"ID": 1, "Lines": [line("a")]}, {"ID": 2, "Lines": [line("b")]}))
    wider = {**MANY, "items": {**LINE, "properties": {**LINE["properties"], "Note": TEXT}}}
    wider["x-child-table"] = HINT
    place.run(invoices(singer, {"ID": 1, "Lines": [{**line("a"), "Note": "n"}]}, lines=wider))
    assert place.types("invoice_lines")["note"] == "STRING"
    assert place.rows("invoice_lines", "note", by="id") == ["n", None]


def test_children_of_many_changed_parents_in_one_batch(place, singer, monkeypatch):
    monkeypatch.setattr("target_databricks.lakehouse.table.MOST_REPLACED_BY_PREDICATE", 5)

    def sent(tag):
        records = (
            {"ID": i, "Lines": [line(f"{tag}{i}.{n}") for n in range(i % 4)]} for i in range(40)
        )
        return invoices(singer, *records)

    place.run(sent("a"))
    place.run(sent("b"))
    expected = [(i, f"b{i}.{n}", n) for i in range(40) for n in range(i % 4)]
    assert names(place) == expected


def test_a_member_called_like_the_parents_key_has_a_column_of_its_own(place, singer):
    element = {"id": INTEGER, "n": INTEGER, "_sdc_position": TEXT, "_sdc_job_id": TEXT}
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": element},
        "x-child-table": {"name": "lines", "key": ["id"]},
    }
    schema = singer.schema("orders", {"id": INTEGER, "v": TEXT, "lines": lines})
    sent = [{"id": 77, "n": 1, "_sdc_position": "first"}, {"id": 78, "_sdc_job_id": "theirs"}]
    place.run(schema, singer.record("orders", {"id": 1, "v": "a", "lines": sent}))
    place.run(schema, singer.record("orders", {"id": 1, "v": "b", "lines": sent}))
    rows = place.rows("lines", by="_sdc_position")
    assert [(r["id"], r["lines__id"], r["n"], r["_sdc_position"]) for r in rows] == [
        (1, 77, 1, 0),
        (1, 78, None, 1),
    ]
    assert [r["lines__sdc_position"] for r in rows] == ["first", None]
    assert [r["lines__sdc_job_id"] for r in rows] == [None, "theirs"]


def test_a_member_that_differs_from_the_parents_key_by_its_case_alone_is_kept(folder, singer):
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"Id": INTEGER, "lines__Id": INTEGER}},
        "x-child-table": {"name": "lines"},
    }
    schema = singer.schema("orders", {"id": INTEGER, "lines": lines})
    sent = [{"Id": 77, "lines__Id": 5}]
    folder.run(schema, singer.record("orders", {"id": 1, "lines": sent}), column_names="keep")
    (row,) = folder.rows("lines")
    assert (row["id"], row["lines__Id"]) == (1, 5)
    assert [v for c, v in row.items() if c.startswith("lines__Id_")] == [77]


def test_a_member_keeps_its_column_whatever_its_siblings_are_called(folder, singer):
    def sent(number, **members):
        lines = {
            "type": "array",
            "items": {"type": "object", "properties": dict.fromkeys(members, INTEGER)},
            "x-child-table": {"name": "lines"},
        }
        schema = singer.schema("orders", {"id": INTEGER, "lines": lines})
        return [schema, singer.record("orders", {"id": number, "lines": [members]})]

    folder.run(sent(1, id=77))
    folder.run(sent(2, id=78, lines_id=5))
    rows = folder.rows("lines", "lines__id", "lines_id")
    assert rows == [{"lines__id": 77, "lines_id": None}, {"lines__id": 78, "lines_id": 5}]


def test_a_member_that_points_at_the_parent_is_the_parents_key_and_no_second_one():
    there = {"x-references": {"stream": "orders", "properties": ["id"]}}
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"id": {**INTEGER, **there}, "n": INTEGER}},
        "x-child-table": {"name": "lines", "key": ["id", "n"]},
    }
    schema = {"properties": {"id": INTEGER, "lines": lines}}
    (child,) = make_plan("orders", schema, ["id"], mapper=TypeMapper()).children
    assert child.keys == ("id", "n")


REPEATED = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "kind": TEXT}},
    "x-child-table": {"name": "lines", "key": ["n"]},
    "x-parent-columns": {"Date": "DocDate", "Status": "", "kind": "kind", "gone": "gone"},
}
HEADER = {
    "id": INTEGER,
    "Date": {"type": ["null", "string"], "format": "date", "description": "When it was made."},
    "Status": TEXT,
    "kind": TEXT,
    "other": INTEGER,
}


def test_child_rows_repeat_what_their_parent_is_filtered_by(place, singer):
    """By the schema or the settings; what changes in the parent alone reaches its lines."""
    lines = [{"n": 1, "kind": "own"}, {"n": 2}]
    first = {"id": 1, "Date": "2024-02-29", "Status": "DRAFT", "kind": "d", "lines": lines}
    schema = singer.schema("docs", {**HEADER, "lines": REPEATED})
    place.run(schema, singer.record("docs", first), singer.record("docs", {**first, "id": 2}))
    place.run(schema, singer.record("docs", {**first, "Status": "PAID"}))
    day = dt.date(2024, 2, 29)
    assert [
        (r["id"], r["doc_date"], r["status"], r["kind"], r["parent__kind"])
        for r in place.rows("lines", by=["id", "n"])
    ] == [
        (1, day, "PAID", "own", "d"),
        (1, day, "PAID", None, "d"),
        (2, day, "DRAFT", "own", "d"),
        (2, day, "DRAFT", None, "d"),
    ]
    assert place.comments("lines")["doc_date"] == (
        "Of the row of docs that it belongs to: When it was made"
    )


def test_what_is_repeated_from_now_on_rewrites_nothing_until_it_comes_again(place, singer):
    """An upgrade adds the column; rows are filled as they change or are read in full again."""
    plain = {key: value for key, value in REPEATED.items() if key != "x-parent-columns"}
    old = singer.schema("docs", {**HEADER, "lines": plain})
    new = singer.schema("docs", {**HEADER, "lines": REPEATED})
    rows = [
        {"id": 1, "Status": "A", "lines": [{"n": 1}]},
        {"id": 2, "Status": "B", "lines": [{"n": 2}]},
        {"id": 3, "lines": [{"n": 3}]},
        {"id": 4, "Status": "D", "lines": []},
    ]
    place.run(old, singer.records("docs", *rows))
    files = place.files("docs")
    place.run(new)
    assert place.rows("lines", "status", by="n") == [None, None, None]
    assert place.files("docs") == files
    place.run(new, singer.record("docs", {**rows[0], "Status": "Z"}))
    assert place.rows("lines", "status", by="n") == ["Z", None, None]
    place.run(new, singer.records("docs", {**rows[0], "Status": "Z"}, *rows[1:]))
    assert place.rows("lines", "status", by="n") == ["Z", "B", None]
    (row,) = [r for r in place.loads() if r["rows_read"] == 4][-1:]
    assert (row["rows_updated"], row["rows_unchanged"]) == (1, 3)


def test_columns_of_the_parent_by_a_setting_widen_with_it_or_leave_a_strangers_alone(
    folder, singer, caplog
):
    rules = {"child_columns": {"docs.lines": {"other": "doc_other"}}}
    schema = singer.schema("docs", {**HEADER, "lines": REPEATED})
    folder.run(schema, singer.record("docs", {"id": 1, "other": 1, "lines": [{"n": 1}]}), **rules)
    assert folder.types("lines")["doc_other"] == "BIGINT"
    assert "doc_date" not in folder.types("lines")
    exact = {"type": "number", "multipleOf": 0.01}
    wider = singer.schema("docs", {**HEADER, "other": exact, "lines": REPEATED})
    folder.run(wider, singer.record("docs", {"id": 2, "other": 1.5, "lines": [{"n": 2}]}), **rules)
    assert [str(v) for v in folder.rows("lines", "doc_other", by="n")] == ["1.00", "1.50"]
    rules = {"child_columns": {"docs.*": {"Status": "n2", "other": "doc_other"}}}
    text = singer.schema("docs", {**HEADER, "other": TEXT, "lines": REPEATED})
    folder.run(text, singer.record("docs", {"id": 3, "other": "x", "lines": [{"n": 3}]}), **rules)
    assert folder.rows("lines", "n2", by="n") == [None, None, None]
    assert folder.rows("docs", "_rescued_data")[-1] == '{"other":"x"}'
