"""The model notices what is planted: a fuzz that finds nothing must be able to find something."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fuzz import trial
from fuzz.cases import Case, Run, make_case
from fuzz.equality import equal, read
from fuzz.names import letters, may_be
from fuzz.shrinking import shrunk
from fuzz.trial import findings

INTEGER = {"type": "integer"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER}},
    "x-child-table": True,
}
PROPERTIES = {
    "serial": INTEGER,
    "id": INTEGER,
    "amount": {"type": "number", "multipleOf": 0.01},
    "at": {"type": "string", "format": "date-time"},
    "text": {"type": "string"},
    "lines": LINES,
}


def record(serial, key, **more):
    members = {"serial": serial, "id": key, "amount": 12.5, "at": "2024-01-01T00:00:00Z"}
    members |= {"text": "as sent", "lines": [{"n": 1}, {"n": 2}], "unknown": {"a": [1.25]}}
    return {"type": "RECORD", "stream": "s", "record": members | more, "version": 1}


def message(kind, **more):
    return {"type": kind, **more}


def run(*messages, keys=("id",), **settings):
    schema = message("SCHEMA", stream="s", key_properties=list(keys))
    schema["schema"] = {"properties": PROPERTIES}
    lines = [json.dumps(m).encode() for m in (schema, *messages, message("STATE", value={"at": 1}))]
    return Run(lines, settings)


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch):
    monkeypatch.setattr(trial, "known", lambda finding: False)


class Tampered:
    """A place of which something is read back otherwise than it is."""

    def __init__(self, place, tables=None, states=None):
        self._place = place
        self._tables = tables or {}
        self._states = states

    def __getattr__(self, name):
        return getattr(self._place, name)

    def run_text(self, text, **settings):
        try:
            self._place.run_text(text, **settings)
        finally:
            if self._states:
                self._place.last.states = self._states(self._place.last.states)

    def arrow(self, table):
        return self._tables.get(table, lambda rows: rows)(self._place.arrow(table))


def put(column, change):
    """Change the cells of a column."""

    def tamper(rows):
        cells = [change(cell) for cell in rows.column(column).to_pylist()]
        kind = rows.schema.field(column).type
        return rows.set_column(rows.column_names.index(column), column, pa.array(cells, kind))

    return tamper


MOMENT = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
TWO = Case(0, [run(record(1, 1), record(2, 2))])
PLANTED = {
    "a lost row": ({"s": lambda rows: rows.slice(1)}, "is lost"),
    "a row twice": ({"s": lambda rows: pa.concat_tables([rows, rows.slice(1)])}, "several rows"),
    "another number": ({"s": put("amount", lambda n: n + Decimal("0.01"))}, "amount: '12.5'"),
    "another text": ({"s": put("text", lambda t: t.upper())}, "text: 'as sent'"),
    "an instant nearby": (
        {"s": put("at", lambda t: t + dt.timedelta(microseconds=1))},
        "at: '2024",
    ),
    "a value lost": ({"s": put("at", lambda t: None)}, "nor rescued"),
    "a value from nowhere": ({"s": put("is_deleted", lambda f: True)}, "was never sent"),
    "a rescued value lost": ({"s": put("_rescued_data", lambda t: None)}, "unknown"),
    "a rescued value altered": (
        {"s": put("_rescued_data", lambda t: t.replace("1.25", "1.5"))},
        "nor rescued",
    ),
    "rescued text that is no JSON": ({"s": put("_rescued_data", lambda t: '{"a":NaN}')}, "no JSON"),
    "a key of its own": ({"s": put("serial", lambda n: n + 5)}, "never sent"),
    "a retired row": ({"s": put("_sdc_deleted_at", lambda t: MOMENT)}, "is retired"),
    "a lost child row": ({"s_lines": lambda rows: rows.slice(1)}, "has no child row"),
    "a child row twice": (
        {"s_lines": lambda rows: pa.concat_tables([rows, rows.slice(3)])},
        "several child rows",
    ),
    "a child row too many": (
        {"s_lines": put("_sdc_position", lambda n: n + 1)},
        "no child row",
    ),
    "another child": ({"s_lines": put("n", lambda n: n + 1)}, "lines[0].n"),
    "a retired child": ({"s_lines": put("_sdc_deleted_at", lambda t: MOMENT)}, "mark"),
}


def test_without_a_fault_nothing_is_noticed(folder, tmp_path):
    assert findings(TWO, folder, tmp_path) == []


@pytest.fixture(scope="module")
def loaded(lakehouse, tmp_path_factory):
    """A place that has `TWO` already: to load it again changes nothing."""
    place = lakehouse(tmp_path_factory.mktemp("two") / "lake")
    assert findings(TWO, place, place.folder) == []
    return place


@pytest.mark.parametrize(("tables", "text"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_fault_is_noticed(loaded, tables, text):
    found = findings(TWO, Tampered(loaded, tables), loaded.folder)
    assert text in " ".join(map(str, found))


@pytest.mark.parametrize("keys", [["id"], []])
def test_rows_of_an_earlier_run_are_remembered(folder, tmp_path, keys):
    case = Case(0, [run(record(1, 1), keys=keys), run(record(2, 2), keys=keys)])
    lost = {"s": lambda rows: rows.filter(pc.equal(rows["serial"], 2)) if len(rows) > 1 else rows}
    (found,) = findings(case, Tampered(folder, lost), tmp_path)
    assert found.run == 2


def test_states_are_watched(folder, tmp_path):
    for states in (lambda s: [], lambda s: [*s, {"at": 2}], lambda s: [*s, *s, {"at": 0}]):
        found = findings(TWO, Tampered(folder, states=states), tmp_path)
        assert {each.kind for each in found} == {"state"}


def test_a_state_that_promises_too_much_is_noticed(folder, tmp_path):
    bad = run(record(1, 1))
    bad.lines[2:2] = [json.dumps(message("STATE", value={"at": 0})).encode()]
    bad.lines.append(b"no JSON")
    promised = Tampered(folder, {"s": lambda rows: rows.slice(0, 0)}, lambda s: [{"at": 0}])
    assert "there is no table" in " ".join(map(str, findings(Case(0, [bad]), promised, tmp_path)))


@pytest.mark.parametrize("hard", [False, True])
def test_a_version_retires_the_rest_and_the_model_knows(folder, new_place, tmp_path, hard):
    first, second = run(record(1, 1), record(2, 2)), run({**record(1, 1), "version": 2})
    second.lines.insert(2, json.dumps(message("ACTIVATE_VERSION", stream="s", version=2)).encode())
    for each in (first, second):
        each.settings["hard_delete"] = hard
    case = Case(0, [first, second])
    assert findings(case, folder, tmp_path) == []
    ignored = [
        Run(r.lines, {**r.settings, "process_activate_version_messages": False}) for r in case.runs
    ]
    place = new_place("ignored")
    assert findings(Case(0, ignored), place, tmp_path) == []


class Deaf(Tampered):
    """A place that takes no ACTIVATE_VERSION."""

    def run_text(self, text, **settings):
        kept = [line for line in text.split(b"\n") if b"ACTIVATE" not in line]
        self._place.run_text(b"\n".join(kept), **settings)


@pytest.mark.parametrize(("hard", "text"), [(False, "is alive"), (True, "should not be there")])
def test_a_row_that_should_be_gone_is_noticed(folder, tmp_path, hard, text):
    first, second = run(record(1, 1), record(2, 2)), run({**record(1, 1), "version": 2})
    second.lines.insert(3, json.dumps(message("ACTIVATE_VERSION", stream="s", version=2)).encode())
    for each in (first, second):
        each.settings["hard_delete"] = hard
    found = findings(Case(0, [first, second]), Deaf(folder), tmp_path)
    assert text in " ".join(map(str, found))


def test_a_traceback_and_a_bad_line_that_passes_are_noticed(folder, tmp_path):
    class Broken(Tampered):
        def run_text(self, text, **settings):
            raise KeyError("oops")

    class Careless(Tampered):
        def run_text(self, text, **settings):
            self._place.run_text(text.replace(b"no JSON", b""), **settings)

    folder.run()
    assert [f.kind for f in findings(TWO, Broken(folder), tmp_path)][:1] == ["traceback"]
    bad = run(record(1, 1))
    bad.lines.append(b"no JSON")
    assert [f.kind for f in findings(Case(0, [bad]), Careless(folder), tmp_path)] == ["accepted"]


def test_a_failing_case_is_shrunk_to_what_it_takes():
    case = Case(0, [run(record(1, 1)), run(record(2, 2), record(3, 3), hard_delete=True)])
    small = shrunk(case, lambda each: any(b'"serial": 3' in x for r in each.runs for x in r.lines))
    assert len(small.runs) == 1
    assert len(small.runs[0].lines) <= 2
    assert not small.runs[0].settings


def test_a_seed_makes_the_same_case_every_time():
    assert make_case(7) == make_case(7)
    assert make_case(7) != make_case(8)


@pytest.mark.parametrize(
    ("sent", "cell", "answer"),
    [
        ("12.50", Decimal("12.5"), True),
        ("12.51", Decimal("12.5"), False),
        ("0.1", 0.1, True),
        ("0.1000000000000000001", 0.1, False),
        ("9007199254740993", 9007199254740992.0, False),
        ("1e400", float("inf"), False),
        ("1e-400", 0.0, False),
        ("NaN", float("nan"), True),
        ('"12"', 12, True),
        ('"1_000"', 1000, False),
        ('"\\uff11"', 1, False),
        ("true", True, True),
        ("1", True, True),
        ('"yes"', True, False),
        ('"2024-01-01T00:00:00+01:00"', dt.datetime(2023, 12, 31, 23, tzinfo=dt.UTC), True),
        ('"2024-01-01"', dt.datetime(2024, 1, 1, tzinfo=dt.UTC), True),
        ('"2024-01-01T00:00:00+02:00"', dt.date(2024, 1, 1), True),
        ('"2024-01-01T12:00:00"', dt.date(2024, 1, 1), False),
        ('"é"', "é", True),
        ('"e\\u0301"', "é", False),
        ('"a\\ud800"', "a?", False),
        ('{"a": 1.50}', '{"a":1.5}', True),
        ('{"a": 1.50}', '{"a":1.6}', False),
    ],
)
def test_equal_means(sent, cell, answer):
    assert equal(read(sent), cell) is answer


def test_names_by_their_letters():
    assert letters("Updated Date-UTC") == letters("updated_date_utc")
    assert not may_be("gr_e", "Größe")
    assert may_be("größe", "Größe")
    assert may_be("total_a1b2c3", "TOTAL")
    assert not may_be("total_2", "TOTAL")
