"""Many changed rows in one batch take another way, and it leads to the same tables."""

from __future__ import annotations

import pytest

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "v": TEXT}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}
ODD = ["o'clock", 'say "x"', "back\\slash", "漢字\U0001f4b8", "a\x1fb", "plain"]


def docs(singer, tag, ids, **properties):
    schema = singer.schema(
        "docs", {"t": TEXT, "id": INTEGER, "v": TEXT, "lines": LINES, **properties}, ["t", "id"]
    )
    yield schema
    for i in ids:
        lines = [{"n": n, "v": f"{tag}{n}"} for n in range(i % 4)]
        more = {name: {"x": i} for name in properties}
        yield singer.record("docs", {"t": ODD[i % 6], "id": i, "v": tag, "lines": lines, **more})


@pytest.fixture
def both_ways(place, new_place, monkeypatch):
    """Run the same loads with many keys allowed in a predicate, and with hardly any."""

    def run(*loads, **settings):
        other = new_place("rewritten")
        for limit, where in ((5000, place), (3, other)):
            monkeypatch.setattr(
                "target_databricks.lakehouse.table.MOST_REPLACED_BY_PREDICATE", limit
            )
            for messages in loads:
                where.run(messages, **settings)
        return place.books(), other.books()

    return run


def test_changed_parents_and_their_children(both_ways, singer):
    loads = [list(docs(singer, "a", range(60))), list(docs(singer, "b", range(0, 90, 2)))]
    by_predicate, by_rewriting = both_ways(*loads)
    assert by_predicate == by_rewriting
    assert {r["v"] for r in by_rewriting["docs"] if r["id"] % 2 == 0} == {"b"}
    assert len(by_rewriting["docs"]) == 75


def test_new_columns_and_new_nested_fields(both_ways, singer):
    nested = {"o": {"type": "object", "properties": {"x": INTEGER}}}
    wider = {"o": {"type": "object", "properties": {"x": INTEGER, "y": TEXT}}, "p": nested["o"]}
    loads = [
        list(docs(singer, "a", range(20), **nested)),
        list(docs(singer, "b", range(15), **wider)),
    ]
    by_predicate, by_rewriting = both_ways(*loads)
    assert by_predicate == by_rewriting
    assert {"x", "y"} == set(by_rewriting["docs"][0]["o"])


@pytest.mark.parametrize("hard", [True, False])
def test_retired_rows(both_ways, singer, hard):
    def version(number, ids):
        schema, *records = docs(singer, "a", ids)
        sent = [{**record, "version": number} for record in records]
        return [schema, *sent, singer.activate("docs", number)]

    by_predicate, by_rewriting = both_ways(
        version(1, range(40)), version(2, range(0, 40, 3)), hard_delete=hard
    )
    alive = [
        [r["id"] for r in b["docs"] if r["_sdc_deleted_at"] is None]
        for b in (by_predicate, by_rewriting)
    ]
    assert sorted(alive[0]) == sorted(alive[1]) == list(range(0, 40, 3))
    assert len(by_rewriting["docs"]) == (14 if hard else 40)
    assert len(by_predicate["lines"]) == len(by_rewriting["lines"])


def test_a_rewrite_is_one_commit_and_leaves_no_old_row(folder, singer, monkeypatch):
    monkeypatch.setattr("target_databricks.lakehouse.table.MOST_REPLACED_BY_PREDICATE", 3)
    folder.run(docs(singer, "a", range(30)))
    before = folder.version("docs")
    folder.run(docs(singer, "b", range(30)))
    assert folder.version("docs") == before + 1
    assert set(folder.rows("docs", "v")) == {"b"}


def test_a_rewrite_that_fails_leaves_the_table_as_it_was(folder, singer, monkeypatch):
    monkeypatch.setattr("target_databricks.lakehouse.table.MOST_REPLACED_BY_PREDICATE", 0)
    folder.run(docs(singer, "a", range(30)))
    before = folder.books()

    def broken(*args):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("target_databricks.lakehouse.table.conformed", broken)
        with pytest.raises(Exception, match="Not all is loaded"):
            folder.run(docs(singer, "b", range(30)))
    assert folder.books() == before
    folder.run()
    assert set(folder.rows("docs", "v")) == {"b"}
