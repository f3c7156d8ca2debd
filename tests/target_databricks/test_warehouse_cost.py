"""What a load costs: when the warehouse is woken, and what is sent to it."""

from __future__ import annotations

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
NESTED = {"type": "array", "items": {"type": "object", "properties": {"line_id": INTEGER}}}


def contacts(singer, *records):
    return [singer.schema("contacts", {"id": INTEGER}), *singer.records("contacts", *records)]


def invoices(singer, *records):
    lines = {**NESTED, "x-child-table": {"name": "lines", "key": ["line_id"]}}
    reference = {"stream": "contacts", "properties": ["id"]}
    properties = {
        "id": INTEGER,
        "contact_id": {**INTEGER, "x-references": reference},
        "lines": lines,
    }
    return [singer.schema("invoices", properties), *singer.records("invoices", *records)]


def statements(place):
    return [s.text for s in place.sandbox.log.statements]


def test_the_warehouse_sleeps_through_a_run_without_rows(warehouse, singer):
    books = [contacts(singer, {"id": 1}), invoices(singer, {"id": 7, "contact_id": 1, "lines": []})]
    state = singer.state({"bookmarks": {"contacts": 1}})
    warehouse.run(*books, state)
    first = statements(warehouse)
    # Tables are looked at without a statement, and made with all their keys.
    looks = [text for text in first if text.startswith(("SELECT", "SHOW", "ALTER", "DESCRIBE"))]
    assert looks == []
    done = [s.text for s in warehouse.sandbox.log.statements if not s.error]
    # One CREATE finds out, where that is so, that the account has no predictive optimization.
    assert len(first) - len(done) <= (not warehouse.sandbox.switches.predictive_optimization)
    creates = [text for text in done if text.startswith("CREATE TABLE")]
    assert sum(text.count("FOREIGN KEY") for text in creates) == 2
    warehouse.sandbox.log.clear()
    warehouse.sandbox.warehouse.stop()

    again = warehouse.run(contacts(singer), invoices(singer), state)

    assert again.states == [state["value"]]
    assert statements(warehouse) == []
    assert warehouse.sandbox.warehouse.state == "STOPPED"
    # No lease is taken where nothing is to be done: a look at each table, and what a run needs.
    calls = warehouse.sandbox.log.calls
    assert not [call for call in calls if ".lease" in call]
    looks = [call for call in calls if "/unity-catalog/tables/" in call]
    assert len(looks) == 3
    assert len(calls) - len(looks) <= 9


def test_a_table_that_is_not_as_the_catalog_says_is_looked_at(warehouse, singer):
    warehouse.run(contacts(singer, {"id": 1}))
    # The catalog's word is late: it has a column that is gone, and lacks one that is there.
    real = warehouse.sandbox.catalog_calls.show

    def late(table):
        columns = [c for c in real(table) if c["name"] != "_sdc_sequence"]
        gone = {**columns[0], "name": "email", "position": len(columns)}
        gone["type_json"] = gone["type_json"].replace('"id"', '"email"')
        return [*columns, {**gone, "nullable": True}]

    warehouse.sandbox.catalog_calls.show = late
    try:
        schema = singer.schema("contacts", {"id": INTEGER, "email": INTEGER})
        warehouse.run(schema, singer.record("contacts", {"id": 2, "email": 3}))
    finally:
        warehouse.sandbox.catalog_calls.show = real
    assert warehouse.rows("contacts", "id", "email") == [
        {"id": 1, "email": None},
        {"id": 2, "email": 3},
    ]
