"""Comments, tags, clustering and properties of tables follow the schema; what people set stays."""

from __future__ import annotations

import logging

import pyarrow as pa
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.plan import Hints
from target_databricks.schema.planning import make_plan
from target_databricks.warehouse.upkeep import Upkeep
from target_databricks.warehouse.upkeep_items import (
    REMEMBERED,
    TABLE,
    Item,
    Memory,
    changes,
    statements,
    wanted,
)

OLD, NEW = Item("comment", "a", "", "old"), Item("comment", "a", "", "new")


def commented(**comments):
    return pa.schema(
        [
            pa.field(n, pa.int64(), metadata={"comment": c} if c else None)
            for n, c in comments.items()
        ]
    )


def test_what_was_set_from_here_follows_the_schema_and_what_people_set_stays():
    memory = Memory().after([OLD], [])
    assert memory.news([OLD, NEW]) == [NEW]
    assert changes([NEW], [OLD], memory) == ([NEW], [])
    assert changes([NEW], [], memory) == ([NEW], [])
    assert changes([NEW], [NEW], memory) == ([], [])
    theirs = Item("comment", "a", "", "by hand")
    assert changes([NEW], [theirs], memory) == ([], [NEW])
    # Of a table that remembers nothing, nobody knows who set it.
    assert changes([NEW], [OLD], Memory()) == ([], [NEW])
    # Columns are found whatever their case; tags and properties of other names are other ones.
    assert changes([NEW], [Item("comment", "A", "", "new")], memory) == ([], [])
    assert changes([NEW], [Item("tag", "a", "", "old")], memory) == ([NEW], [])


def test_a_table_remembers_what_is_said_and_what_was():
    first = Memory().after([OLD], [])
    second = first.after([NEW], [OLD])
    assert Memory.parse(str(second)) == second
    assert second.news([OLD, NEW]) == [OLD]
    assert second.is_own(OLD)
    # What is said again after something else is news, and then nothing is.
    third = second.after([OLD], [NEW])
    assert third.news([OLD, NEW]) == [NEW]
    assert third == Memory(first.said, second.said)
    # Jobs that select other columns say nothing against each other.
    other = Item("comment", "b", "", "")
    assert third.after([other], [OLD]).news([OLD, other]) == []
    for strange in (None, "", "x", "abc:defghi", "0123456789ab:short", "a:b:c"):
        assert Memory.parse(strange) == Memory()


def test_a_new_table_remembers_how_it_was_clustered_and_lacks_its_tags_alone():
    config = {"table_comments": True, "table_tags": None, "table_properties": None}
    upkeep = Upkeep(None, None, config)
    items = upkeep.items(commented(a="Column a."), None, Hints())
    memory = Memory.parse(upkeep.memory(items, ("a",)))
    assert memory.news(items) == []
    wish = Item("cluster", TABLE, "", '["b"]')
    assert changes([wish], [Item("cluster", TABLE, "", '["a"]')], memory) == ([wish], [])
    tag = Item("tag", TABLE, "domain", "books")
    assert Memory.parse(upkeep.memory([*items, tag], "AUTO")).news([*items, tag]) == [tag]


def test_a_job_that_lacks_a_clustering_column_says_nothing_of_the_clustering():
    hints = Hints(cluster_by=("a", "b"))
    none = {"comments": False, "tags": {}, "properties": {}}
    both = commented(a=None, b=None)
    (wish,) = wanted(None, both, hints, **none)
    assert wanted(None, commented(a=None), hints, **none) == []
    assert wanted(None, commented(a=None), hints, there=both, **none) == [wish]


def test_what_a_table_is_to_have():
    hints = Hints(
        cluster_by=("a", "b", "c", "d", "e"),
        properties=(("p", "stream"),),
        tags=((TABLE, "domain", "sales"), ("a", "pii", ""), ("gone", "pii", "")),
    )
    columns = commented(a="Column a.", b=None, c=None, d=None, e=None)
    settings = {"tags": {"domain": "books", "cost": "7"}, "properties": {"p": "all", "q": "all"}}
    assert wanted("A table.", columns, hints, comments=True, **settings) == [
        Item("comment", TABLE, "", "A table."),
        Item("comment", "a", "", "Column a."),
        Item("tag", TABLE, "domain", "sales"),
        Item("tag", TABLE, "cost", "7"),
        Item("tag", "a", "pii", ""),
        Item("property", TABLE, "p", "stream"),
        Item("property", TABLE, "q", "all"),
        Item("cluster", TABLE, "", '["a", "b", "c", "d"]'),
    ]
    assert wanted("A", columns, Hints(), comments=False, tags={}, properties={}) == []
    items = wanted("It's.", columns, hints, comments=True, **settings)
    assert list(statements("`t`", items)) == [
        "COMMENT ON TABLE `t` IS 'It\\'s.'",
        "ALTER TABLE `t` ALTER COLUMN `a` COMMENT 'Column a.'",
        "ALTER TABLE `t` CLUSTER BY (`a`, `b`, `c`, `d`)",
        "ALTER TABLE `t` SET TAGS ('domain' = 'sales', 'cost' = '7')",
        "ALTER TABLE `t` ALTER COLUMN `a` SET TAGS ('pii' = '')",
        "ALTER TABLE `t` SET TBLPROPERTIES ('p' = 'stream', 'q' = 'all')",
    ]


def test_tags_of_a_schema_are_those_of_its_table_columns_and_child_tables():
    number = {"type": "integer", "x-databricks-tags": "pii"}
    plan = make_plan(
        "Orders",
        {
            "x-databricks-tags": {"domain": "sales", "level": 2},
            "properties": {
                "OrderID": {"type": "integer", "x-databricks-tags": ["pii", "key"]},
                "Lines": {
                    "type": "array",
                    "x-child-table": {"name": "lines"},
                    "x-databricks-tags": {"domain": "lines"},
                    "items": {"type": "object", "properties": {"LineNo": number}},
                },
                "Odd": {"type": "string", "x-databricks-tags": 7},
            },
        },
        ["OrderID"],
        mapper=TypeMapper(),
    )
    assert plan.hints.tags[:4] == (
        (TABLE, "domain", "sales"),
        (TABLE, "level", "2"),
        ("order_id", "pii", ""),
        ("order_id", "key", ""),
    )
    assert plan.children[0].hints.tags == ((TABLE, "domain", "lines"), ("line_no", "pii", ""))
    # The array is no column of the table, and its tags are those of the child's.
    items = wanted(None, plan.table_schema, plan.hints, comments=False, tags={}, properties={})
    assert {item.column for item in items} == {TABLE, "order_id"}


def docs(singer, words, tag, cluster, key=1, other="b"):
    text = {"type": ["null", "string"]}
    schema = singer.schema(
        "docs",
        {
            "id": {"type": "integer"},
            "a": {**text, "description": f"A {words}.", "x-databricks-tags": {"class": tag}},
            other: {**text, "description": f"{other.upper()} {words}."},
        },
        description=f"Docs {words}.",
        **{
            "x-databricks-tags": {"domain": tag},
            "x-databricks-cluster-by": cluster,
            "x-databricks-properties": {"owner.team": tag},
        },
    )
    return [schema, singer.record("docs", {"id": key, "a": "x"})]


def tags(place):
    catalog = "main.information_schema"
    rows = place.sandbox.sql(
        f"SELECT table_name, '' AS column_name, tag_name, tag_value FROM {catalog}.table_tags "
        f"WHERE schema_name = '{place.schema}' UNION ALL SELECT table_name, column_name, tag_name, "
        f"tag_value FROM {catalog}.column_tags WHERE schema_name = '{place.schema}'"
    )
    return {(r["table_name"], r["column_name"], r["tag_name"]): r["tag_value"] or "" for r in rows}


def comments(place, table):
    rows = place.sandbox.sql(f"DESCRIBE TABLE {place.name}.{table}")
    return {r["col_name"]: r["comment"] for r in rows}


def test_tables_are_kept_up_and_nothing_is_sent_when_nothing_changed(warehouse, singer, caplog):
    shared = {"table_tags": {"cost": "7"}}
    warehouse.run(docs(singer, "once", "low", ["a"]), **shared)
    assert tags(warehouse) == {
        ("docs", "", "domain"): "low",
        ("docs", "", "cost"): "7",
        ("docs", "a", "class"): "low",
        ("_sdc_loads", "", "cost"): "7",
    }
    name = f"{warehouse.name}.docs"
    warehouse.sandbox.sql(f"ALTER TABLE {name} UNSET TBLPROPERTIES ('{REMEMBERED}')")

    def sent(**how):
        warehouse.sandbox.log.clear()
        warehouse.run(docs(singer, "once", "low", ["a"], **how), **shared)
        texts = [text.partition("(")[0] for text in warehouse.sandbox.log.texts()]
        assert [text for text in texts if text.startswith("MERGE")]
        return [text for text in texts if text.startswith(("ALTER", "COMMENT", "DESCRIBE", "SHOW"))]

    # A table of an earlier version is looked at once, where Unity Catalog does not tell.
    table = ".".join(f"`{part}`" for part in name.split("."))
    remembers = f"ALTER TABLE {table} SET TBLPROPERTIES "
    assert sent(key=2) == [f"DESCRIBE DETAIL {table}", remembers]
    # Another job selects another column, and then they take turns.
    added = [remembers, f"ALTER TABLE {table} ADD COLUMNS ", remembers]
    assert sent(key=3, other="c") == added
    assert sent(key=4) == []
    # People write a comment and a tag of their own; then the tap says everything otherwise.
    warehouse.sandbox.sql(f"ALTER TABLE {name} ALTER COLUMN a COMMENT 'by hand'")
    warehouse.sandbox.sql(f"ALTER TABLE {name} SET TAGS ('domain' = 'by hand', 'mine' = 'x')")
    with caplog.at_level(logging.INFO, "target-databricks"):
        warehouse.run(docs(singer, "twice", "high", ["b"], key=5), **shared)
    assert "the comment of column a is not what the schema says, and stays" in caplog.text
    assert "the tag domain of the table is not what the schema says, and stays" in caplog.text
    written = comments(warehouse, "docs")
    assert (written["a"], written["b"]) == ("by hand", "B twice.")
    (detail,) = warehouse.sandbox.sql(f"DESCRIBE DETAIL {name}")
    assert detail["description"] == "Docs twice."
    assert detail["clusteringColumns"] == ["b"]
    rows = warehouse.sandbox.sql(f"SHOW TBLPROPERTIES {name}")
    properties = {row["key"]: row["value"] for row in rows}
    assert properties["owner.team"] == "high"
    assert REMEMBERED in properties
    kept = tags(warehouse)
    assert kept["docs", "", "domain"] == "by hand"
    assert kept["docs", "", "mine"] == "x"
    assert kept["docs", "a", "class"] == "high"
