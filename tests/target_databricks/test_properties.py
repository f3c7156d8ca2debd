"""Properties that hold for any input: names, types, hashes, paths, children, predicates."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import orjson
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from target_databricks.lakehouse.predicates import one_of
from target_databricks.limits import IDENTIFIER
from target_databricks.loading.rows import last_versions, rows_of
from target_databricks.reading import parsing
from target_databricks.reading.hashing import exact_record_hash, record_hash
from target_databricks.reading.parsing import BlockParser, Lines
from target_databricks.schema.json_schema import TypeMapper
from target_databricks.schema.naming import keep_name, snake_case, unique_names
from target_databricks.schema.plan import RECORD_HASH
from target_databricks.schema.planning import make_plan
from target_databricks.schema.types import Kind, node_of_arrow

few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Hypothesis takes bounds without a zone.
EARLIEST, LATEST = dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)  # noqa: DTZ001
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text(st.sampled_from("abABxX019_-. $é漢UTCIDs"), min_size=1, max_size=12)

# Names


@few
@given(st.lists(names, unique=True, max_size=12), st.sampled_from([snake_case, keep_name]))
def test_columns_are_unique_whatever_the_case_and_the_same_every_time(sources, spell):
    columns = unique_names(sources, spell)
    assert list(columns) == sources
    assert len({c.lower() for c in columns.values()}) == len(sources)
    assert all(0 < len(c) <= IDENTIFIER for c in columns.values())
    assert unique_names(sources, spell) == columns


@few
@given(names, st.sampled_from([snake_case, keep_name]))
def test_spelling_a_name_twice_is_spelling_it_once(name, spell):
    assert spell(spell(name)) == spell(name)


@few
@given(text.filter(bool))
def test_any_text_at_all_gives_a_name_delta_accepts(name):
    for spell in (snake_case, keep_name):
        column = spell(name)
        assert column
        assert not set(column) & set(" ,;{}()\n\t=")


# Types

leaves = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": ["null", "number"], "multipleOf": 0.0001},
        {"type": "number"},
        {"type": "integer"},
        {"type": "boolean"},
        {"type": ["string", "integer"]},
        {},
        True,
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"$ref": "#/elsewhere"},
        {"type": "array"},
        {"type": "object"},
    ]
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda s: {"type": "array", "items": s}, inner),
        st.builds(
            lambda p: {"type": ["object", "null"], "properties": p},
            st.dictionaries(names, inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=6,
)


@few
@given(schemas, st.sampled_from(["double", "decimal", "string"]))
def test_any_schema_has_a_type_and_the_table_gives_the_same_type_back(schema, numbers):
    node = TypeMapper(numbers=numbers).node(schema)
    assert pa.schema([("c", node.arrow)]).field("c").type == node.arrow
    assert node_of_arrow(node.arrow).arrow == node.arrow
    assert node.has_any == ("any" in kinds(node))


def kinds(node):
    below = {k for f in node.fields for k in kinds(f.node)}
    return {node.kind.value} | below | (kinds(node.item) if node.item else set())


# Hashes

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    text,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=8,
)
records = st.dictionaries(text, values, max_size=5)


@few
@given(records, st.randoms())
def test_the_order_of_members_does_not_change_the_hash(record, chance):
    members = list(record.items())
    chance.shuffle(members)
    shuffled = dict(members)
    assert record_hash(shuffled) == record_hash(record)
    assert exact_record_hash(shuffled) == exact_record_hash(record)


@few
@given(records, records)
def test_different_records_have_different_hashes(one, other):
    assume(
        orjson.dumps(one, option=orjson.OPT_SORT_KEYS)
        != orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    )
    assert record_hash(one) != record_hash(other)


@few
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4), st.integers(0, 6))
def test_the_spelling_of_a_decimal_does_not_change_the_exact_hash(number, zeros):
    longer = Decimal(f"{number:f}" + "0" * zeros)
    assert exact_record_hash({"n": longer}) == exact_record_hash({"n": number})


# The fast path and the careful one

WIDE = {
    "id": {"type": "integer"},
    "m": {"type": "number", "multipleOf": 0.0001},
    "f": {"type": "number"},
    "s": {"type": "string"},
    "b": {"type": "boolean"},
    "t": {"type": "string", "format": "date-time"},
    "d": {"type": "string", "format": "date"},
    "any": {},
    "o": {"type": "object", "properties": {"x": {"type": "integer"}, "any": {}}},
    "l": {
        "type": "array",
        "items": {"type": "object", "properties": {"m": {"type": "number", "multipleOf": 0.01}}},
    },
}
amounts = st.one_of(
    st.decimals(-(10**20), 10**20, places=4, allow_nan=False).map(str),
    st.sampled_from(["0", "-0.0", "1e3", "12.50", "0.00001", '"1.5"', "null", "99999999999.9999"]),
)
moments = st.datetimes(EARLIEST, LATEST).map(lambda t: t.isoformat() + "Z")


@st.composite
def lines_of_records(draw):
    out = []
    for i in range(draw(st.integers(1, 8))):
        members = {
            "m": draw(amounts),
            "f": json.dumps(draw(st.floats(allow_nan=False, allow_infinity=False))),
            "s": json.dumps(draw(text)),
            "b": draw(st.sampled_from(["true", "false", "null"])),
            "t": json.dumps(draw(moments)),
            "d": json.dumps(draw(st.dates()).isoformat()),
            "any": json.dumps(draw(values)),
            "o": json.dumps({"x": draw(st.integers(-5, 5)), "any": draw(scalars)}),
            "l": "["
            + ",".join(f'{{"m": {draw(amounts)}}}' for _ in range(draw(st.integers(0, 2))))
            + "]",
        }
        chosen = draw(st.lists(st.sampled_from(sorted(members)), unique=True))
        body = ", ".join(f'"{k}": {members[k]}' for k in chosen)
        tail = f", {body}" if body else ""
        out.append(f'{{"type": "RECORD", "stream": "s", "record": {{"id": {i}{tail}}}}}'.encode())
    return out


def parse(lines):
    plan = make_plan("s", {"properties": WIDE}, ["id"], mapper=TypeMapper())
    parser = BlockParser(plan, job_id="j", started_at=0, clock=lambda: 0.0)
    blocks = parser.parse(Lines(list(lines), list(range(1, len(lines) + 1)), 1))
    return pa.Table.from_batches(blocks), parser.slow_lines


@few
@given(lines_of_records())
def test_the_fast_and_the_careful_path_give_the_same_table_and_the_same_hashes(lines):
    together, _ = parse(lines)
    # A neighbour that no fast reader takes sends every line down the careful path.
    odd = b'{"type": "RECORD", "stream": "s", "record": {"id": -1, "l": 1}}'
    carefully, refused = parse([*lines, odd])
    assert refused == len(lines) + 1
    assert carefully.slice(0, len(lines)).to_pylist() == together.to_pylist()


@few
@given(lines_of_records())
def test_the_size_of_blocks_does_not_change_the_table(lines):
    whole, _ = parse(lines)
    single = [parse([line])[0] for line in lines]
    assert pa.concat_tables(single).to_pylist() == whole.to_pylist()


def test_a_large_block_is_cut_until_only_the_misfits_neighbours_are_read_carefully():
    lines = [
        f'{{"type":"RECORD","stream":"s","record":{{"id":{i},"s":"x"}}}}'.encode()
        for i in range(4096)
    ]
    lines[1000] = b'{"type":"RECORD","stream":"s","record":{"id":1000,"s":"x","l":1}}'
    table, refused = parse(lines)
    assert table.column("id").to_pylist() == list(range(4096))
    assert 0 < refused <= parsing.SMALLEST_BLOCK
    assert len(set(table.column(RECORD_HASH).to_pylist())) == 4096


# Rows


@few
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "a\x1f"]),
            st.sampled_from(["1", "2", "\x1f1", "\x1e1"]),
            st.one_of(st.none(), st.integers(0, 3)),
        ),
        max_size=12,
    )
)
def test_the_last_versions_are_those_a_plain_loop_finds(rows):
    table = pa.table(
        {
            "a": pa.array([r[0] for r in rows], pa.string()),
            "b": pa.array([r[1] for r in rows], pa.string()),
            "at": pa.array([r[2] for r in rows], pa.int64()),
            "n": pa.array(range(len(rows)), pa.int64()),
        }
    )
    best: dict[tuple[str, str], int] = {}
    for i, (a, b, at) in enumerate(rows):
        before = best.get((a, b))
        if before is None or None in (at, rows[before][2]) or at >= rows[before][2]:
            best[a, b] = i
    found = last_versions(table, ["a", "b"], "at")
    assert found.column("n").to_pylist() == sorted(best.values())


# Children

LINES = {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}}


@few
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.lists(
                st.one_of(st.none(), st.fixed_dictionaries({}, optional={"x": st.integers(0, 9)})),
                max_size=4,
            ),
        ),
        max_size=6,
    ),
    st.integers(0, 5),
    st.integers(1, 3),
)
def test_children_are_those_a_plain_loop_cuts_out(lists, start, step):
    schema = {
        "properties": {"id": {"type": "integer"}, "ls": {**LINES, "x-child-table": {"key": ["x"]}}}
    }
    plan = make_plan("s", schema, ["id"], mapper=TypeMapper())
    rows = [{"id": i, "ls": value} for i, value in enumerate(lists)]
    parents = pa.Table.from_pylist(rows, schema=plan.staged_schema)
    # Slices and chunks: what merging hands over is never one fresh array.
    kept = pa.array(range(start, len(rows), step), pa.int64())
    parents = pa.concat_tables([parents.slice(0, start), parents.slice(start)]).take(kept)
    expected = [
        (rows[i]["id"], line.get("x"), position)
        for i in kept.to_pylist()
        for position, line in enumerate(rows[i]["ls"] or [])
        if line is not None
    ]
    (child,) = plan.children
    found = rows_of(plan, child, parents).to_pylist()
    assert [(r["id"], r["x"], r["_sdc_position"]) for r in found] == expected


# Predicates

key_values = {
    "text": (pa.string(), text.filter(lambda t: "\x00" not in t)),
    "long": (pa.int64(), st.integers(-(2**63) + 1, 2**63 - 1)),
    "money": (pa.decimal128(38, 4), st.decimals(-(10**12), 10**12, places=4, allow_nan=False)),
    "day": (pa.date32(), st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))),
    "moment": (
        pa.timestamp("us", "UTC"),
        st.datetimes(EARLIEST, LATEST, timezones=st.just(dt.UTC)),
    ),
}


@settings(few, max_examples=25)
@given(st.data())
def test_a_predicate_names_the_rows_with_these_keys_and_no_others(tmp_path_factory, data):
    columns = data.draw(
        st.lists(st.sampled_from(sorted(key_values)), min_size=1, max_size=2, unique=True)
    )
    rows = data.draw(
        st.lists(
            st.tuples(*(key_values[c][1] for c in columns)), min_size=1, max_size=6, unique=True
        )
    )
    odd = {c: f'{c} "odd" name' for c in columns}
    table = pa.table(
        {odd[c]: pa.array([r[i] for r in rows], key_values[c][0]) for i, c in enumerate(columns)}
    )
    path = str(tmp_path_factory.mktemp("predicate"))
    write_deltalake(path, table.rename_columns(list(columns)))
    wanted = table.rename_columns(list(columns)).slice(0, data.draw(st.integers(1, len(rows))))
    query = f"SELECT * FROM t WHERE {one_of(wanted)}"
    found = QueryBuilder().register("t", DeltaTable(path)).execute(query)
    read = pa.table(found).select(list(columns)).cast(wanted.schema)
    assert sorted(read.to_pylist(), key=repr) == sorted(wanted.to_pylist(), key=repr)


def test_kinds_and_their_columns_are_all_covered_by_the_records_above():
    plan = make_plan("s", {"properties": WIDE}, ["id"], mapper=TypeMapper())
    assert {k for f in plan.fields for k in kinds(f.node)} == {k.value for k in Kind} - {"foreign"}
