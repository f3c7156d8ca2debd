"""Invariant 13: a batch that can never be applied stops only itself, is named, and waits aside."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable
from target_databricks.commands import staged
from target_databricks.errors import LoadError
from target_databricks.lakehouse.spool import Spool
from target_databricks.loading import ledger
from target_databricks.loading.load import Load
from target_databricks.warehouse.sql.columns import column_type

INTEGER, TEXT = {"type": "integer"}, {"type": ["null", "string"]}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "v": TEXT}},
    "x-child-table": {"name": "lines", "key": ["n"]},
}


def docs(singer):
    return singer.schema("docs", {"id": INTEGER, "v": TEXT, "lines": LINES})


def doc(singer, i, v, *lines):
    record = {"id": i, "v": v, "lines": [{"n": n, "v": x} for n, x in enumerate(lines)]}
    return singer.record("docs", record)


def state(singer, docs, logs):
    return singer.state({"bookmarks": {"docs": {"n": docs}, "logs": {"n": logs}}})


def test_invariant_13_rows_that_can_never_be_applied_stop_only_themselves(place, singer):
    """Three runs, drop, green: the other rows and streams load, and their states go out."""
    plain = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    logs = singer.schema("logs", {"x": INTEGER}, ["x"])
    place.run(plain, singer.record("docs", {"id": 1, "v": "old"}), state(singer, 1, 1))
    place.forbid("docs", "v <> 'bad'")

    def story(n):
        yield from (state(singer, 1, 1), plain)
        yield from singer.records("docs", {"id": 1, "v": "bad"}, {"id": 2, "v": "good"})
        yield from (logs, singer.record("logs", {"x": n}), state(singer, n, n))

    for n, stands in ((2, "try 1 of 3"), (3, "try 2 of 3"), (4, "quarantined")):
        with pytest.raises(LoadError) as error:
            place.run(story(n))
        (name,) = {file.partition(".")[0] for file in place.staged()}
        for word in ("'docs'", name, "1 row", "table docs", stands, f"staged drop {name}"):
            assert word in str(error.value)
        assert place.last.states[-1] == {"bookmarks": {"docs": {"n": 1}, "logs": {"n": n}}}
    shown = "\n".join(place.decide("list"))
    for word in (name, "quarantined", "table docs", "stream docs", "1 rows"):
        assert word in shown
    place.decide("drop", name)
    place.run(story(5))
    assert place.last.states[-1] == {"bookmarks": {"docs": {"n": 5}, "logs": {"n": 5}}}
    assert place.rows("docs", "v") == ["old", "good"]
    assert place.rows("logs", "x", by="x") == [2, 3, 4, 5]
    assert not [file for file in place.staged() if file.endswith((".parquet", ".rows"))]


def test_the_ledger_counts_what_was_set_aside_and_dropped(place, singer):
    """Also one that an earlier version made, without these columns."""
    earlier = [c for c in ledger.SCHEMA if c.name not in {"rows_set_aside", "rows_dropped"}]
    plain = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    if place.quick:
        DeltaTable.create(place.schema_folder / "_sdc_loads", schema=pa.schema(earlier))
    else:
        place.sandbox.sql(f"CREATE SCHEMA IF NOT EXISTS {place.name}")
        columns = ", ".join(f"`{c.name}` {column_type(c)}" for c in earlier)
        place.sandbox.sql(f"CREATE TABLE {place.name}._sdc_loads ({columns}) USING DELTA")
    place.run(plain, singer.record("docs", {"id": 1, "v": "old"}))
    place.forbid("docs", "v <> 'bad'")
    bad = [plain, singer.record("docs", {"id": 2, "v": "bad"})]
    for _ in range(2):
        with pytest.raises(LoadError):
            place.run(bad)
    place.decide("drop")
    place.run(bad)
    counts = [(r["rows_set_aside"], r["rows_dropped"]) for r in place.loads()]
    assert counts[0] == (0, 0)
    assert (1, 0) in counts
    assert counts[-1] == (0, 1)


def test_a_parent_that_is_set_aside_has_its_children_with_it(place, singer):
    place.run(docs(singer), doc(singer, 1, "old", "a"), doc(singer, 2, "old", "b"))
    place.forbid("docs", "v <> 'bad'")
    records = [doc(singer, 1, "bad", "x", "y"), doc(singer, 2, "good", "c"), doc(singer, 3, "bad")]
    with pytest.raises(LoadError, match="2 rows of stream 'docs'"):
        place.run(docs(singer), records)
    assert place.rows("docs", "v") == ["old", "good"]
    lines = place.rows("lines", "id", "v", by=["id", "n"])
    assert [tuple(line.values()) for line in lines] == [(1, "a"), (2, "c")]
    place.allow("docs")
    place.decide("retry")
    place.run()
    assert place.rows("docs", "v") == ["bad", "good", "bad"]
    assert place.rows("lines", "v", by=["id", "n"]) == ["x", "y", "c"]
    assert place.staged() == []


def test_only_the_rows_at_fault_are_set_aside_with_their_children(folder, singer):
    folder.run(docs(singer), doc(singer, 0, "old", "a"))
    folder.forbid("docs", "v <> 'bad'")
    bad = {0, 7, 23, 24, 99}
    records = [doc(singer, i, "bad" if i in bad else "good", f"{i}") for i in range(100)]
    with pytest.raises(LoadError, match="5 rows of stream 'docs'"):
        folder.run(docs(singer), records)
    assert folder.rows("docs", "id") == [0, *sorted(set(range(100)) - bad)]
    assert folder.rows("lines", "id") == [0, *sorted(set(range(100)) - bad)]
    folder.allow("docs")
    folder.run(docs(singer), records)
    assert folder.rows("docs", "v").count("bad") == 5
    assert folder.rows("lines", "v") == [str(i) for i in range(100)]
    assert folder.staged() == []


def test_rows_without_keys_that_are_refused_come_once_when_they_are_allowed(folder, singer):
    logs = singer.schema("logs", {"x": INTEGER}, [])
    folder.run(logs, singer.record("logs", {"x": 0}))
    folder.forbid("logs", "x <> 3")
    held = {"bookmarks": {"logs": 0}}

    def story(n):
        yield from (singer.state(held), logs)
        yield from singer.records("logs", *({"x": x} for x in (1, 3, 3, 1, 5)))
        yield from (singer.state({"bookmarks": {"logs": n}}), singer.record("logs", {"x": 9}))
        yield singer.state({"bookmarks": {"logs": n + 1}})

    for _ in range(4):
        with pytest.raises(LoadError):
            folder.run(story(1), batch_size_rows=3)
        assert folder.last.states[-1] == held
        assert folder.rows("logs", "x", by="x") == [0, 1, 1, 5, 9]
    folder.allow("logs")
    folder.decide("retry")
    folder.run(story(1), batch_size_rows=3)
    assert folder.last.states[-1] == {"bookmarks": {"logs": 2}}
    assert folder.rows("logs", "x", by="x") == [0, 1, 1, 3, 3, 5, 9]


def test_a_state_of_another_form_is_held_whole_and_the_message_says_so(folder, singer):
    plain = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    folder.run(plain, singer.record("docs", {"id": 1, "v": "a"}))
    folder.forbid("docs", "v <> 'bad'")
    bad = singer.record("docs", {"id": 2, "v": "bad"})
    for value in ({"n": 1}, {"bookmarks": {"other": 1}}, {"bookmarks": {"docs": 1}, "more": 1}):
        with pytest.raises(LoadError, match="held whole"):
            folder.run(singer.state({"n": 0}), plain, bad, singer.state(value))
        assert folder.last.states == [{"n": 0}]


def test_a_newer_version_of_a_row_takes_the_place_of_one_that_is_set_aside(folder, singer):
    plain = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    folder.run(plain, singer.record("docs", {"id": 1, "v": "a"}))
    folder.forbid("docs", "v <> 'bad'")
    for _ in range(3):
        with pytest.raises(LoadError):
            folder.run(plain, singer.record("docs", {"id": 2, "v": "bad"}))
    with pytest.raises(LoadError, match="quarantined"):
        folder.run(plain, singer.record("docs", {"id": 3, "v": "c"}))
    folder.run(plain, singer.record("docs", {"id": 2, "v": "b"}), singer.state({"n": 1}))
    assert folder.last.states == [{"n": 1}]
    assert folder.rows("docs", "v") == ["a", "b", "c"]
    assert folder.staged() == []


def test_a_key_that_no_column_holds_sets_its_record_aside(folder, singer):
    plain = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    records = singer.records("docs", {"id": 1}, {"id": "one"}, {"id": [2]}, {"id": 3})
    nan = '{"type": "RECORD", "stream": "docs", "record": {"id": NaN}}'
    for _ in range(2):
        with pytest.raises(LoadError, match=r"3 rows of stream 'docs'.*key property 'id'"):
            folder.run(plain, records, nan, singer.state({"bookmarks": {"docs": 1}}))
        assert folder.rows("docs", "id") == [1, 3]
        assert folder.last.states == []
    folder.decide("drop")
    folder.run(plain, records, nan, singer.state({"bookmarks": {"docs": 1}}))
    assert folder.last.states == [{"bookmarks": {"docs": 1}}]


def test_a_version_retires_nothing_of_a_stream_that_is_not_all_in(folder, singer):
    plain = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    rows = [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}]
    folder.run(plain, singer.records("docs", *rows, version=1), singer.activate("docs", 1))
    folder.forbid("docs", "v <> 'bad'")
    second = [plain, *singer.records("docs", rows[0], {"id": 2, "v": "bad"}, version=2)]
    with pytest.raises(LoadError):
        folder.run(second, singer.activate("docs", 2))
    assert folder.rows("docs", "_sdc_deleted_at") == [None, None]
    folder.decide("drop")
    # What was dropped was sent: its older version in the table is alive.
    folder.run(second, singer.activate("docs", 2))
    assert folder.rows("docs", "_sdc_deleted_at") == [None, None]


def test_a_damaged_staged_file_is_set_aside_and_named(folder, singer):
    folder.run(singer.schema("docs", {"id": INTEGER}), singer.record("docs", {"id": 1}))
    (folder.schema_folder / "_spool" / "docs-0123.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(LoadError, match=r"docs-0123: a file for table docs.*damaged"):
        folder.run()
    folder.run()
    assert "quarantined" in folder.decide("list")[0]
    folder.decide("drop", "docs-0123")
    assert folder.staged() == []
    assert folder.rows("docs", "id") == [1]


def test_the_command_lists_puts_back_and_drops(folder, singer, cli, tmp_path):
    plain = singer.schema("docs", {"id": INTEGER, "v": TEXT})
    folder.run(plain, singer.record("docs", {"id": 1, "v": "a"}))
    folder.forbid("docs", "v <> 'bad'")
    maps = {"source": {"__alias__": "docs"}}
    story = [
        {**plain, "stream": "source"},
        *singer.records("source", {"id": 1, "v": "bad"}, {"id": 2, "v": "b"}),
        singer.state({"bookmarks": {"source": 2, "x": 2}}),
    ]
    done = cli(singer.text(story), folder.config(stream_maps=maps))
    assert done.returncode == 1
    assert 'File "' not in done.stderr
    last = done.stderr.splitlines()[-1]
    # The part of the state is that of the tap's own name for the stream.
    assert done.stdout == '{"bookmarks":{"x":2}}\n'
    (name,) = {file.partition(".")[0] for file in folder.staged()}
    assert f"meltano invoke target-databricks:staged drop {name}" in last
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(folder.config()))

    def command(*arguments, code=0):
        done = CliRunner().invoke(staged.main, [*arguments, "--config", str(path)])
        assert done.exit_code == code, done.output
        return done.output

    assert "waiting, try 1 of 3" in command("list")
    assert "is not set aside" in command("drop", "docs-nothing", code=1)
    assert "Name the files" in command("retry", code=1)
    assert "put back" in command("retry", name)
    assert "passed over" in command("drop", "--all")
    assert f"{name}: dropped" in command("list")
    done = cli(singer.text(story), folder.config(stream_maps=maps))
    assert done.returncode == 0
    (total,) = re.findall(
        r"rescued  passed over\n(?:.*\n)*total .* (\d+)$", done.stderr, re.MULTILINE
    )
    assert total == "1"
    assert done.stdout == '{"bookmarks":{"source":2,"x":2}}\n'
    assert "forgotten" in command("retry", name)
    assert "Nothing is set aside" in command("list")


class Crash(BaseException):
    """Stands for the end of the process."""


def dying(monkeypatch, method, after, call):
    """Have a run die at one call of a method of the spool."""
    real, calls = getattr(Spool, method), []

    def fatal(self, *args):
        calls.append(1)
        if len(calls) == call and not after:
            raise Crash
        result = real(self, *args)
        if len(calls) == call:
            raise Crash
        return result

    monkeypatch.setattr(Spool, method, fatal)
    monkeypatch.setattr(Load, "close", lambda self, *, failed: self._backend.release())


INSTANTS = [("done", False), ("write_file", True)]
OTHERS = [("stage", False), ("stage", True), ("done", True), ("keep", True)]
OTHERS += [("write_file", False), ("move_file", False), ("move_file", True)]


@pytest.mark.parametrize(
    ("method", "after"),
    [*INSTANTS, *(pytest.param(*instant, marks=pytest.mark.stress) for instant in OTHERS)],
)
def test_invariant_3_a_crash_while_rows_are_set_aside(folder, singer, monkeypatch, method, after):
    logs = singer.schema("logs", {"x": INTEGER}, [])
    folder.run(docs(singer), doc(singer, 0, "old", "a"), logs, singer.record("logs", {"x": 0}))
    folder.forbid("docs", "v <> 'bad'")
    folder.forbid("logs", "x <> 3")
    first = singer.state({"bookmarks": {"docs": 0, "logs": 0}})

    def story(n):
        yield from (first, docs(singer), logs)
        for i in range(5):
            yield doc(singer, i, "bad" if i in {0, 3} else "good", str(i))
            yield singer.record("logs", {"x": i + 1})
        yield singer.state({"bookmarks": {"docs": n, "logs": n}})

    for call in (1, 2, 3, 4):
        with monkeypatch.context() as patched:
            dying(patched, method, after, call)
            with suppress(Crash, LoadError):
                folder.run(story(1))
        assert folder.last.states in ([], [first["value"]], [first["value"]] * 2)
    for _ in range(3):
        with pytest.raises(LoadError):
            folder.run(story(1))
    assert folder.rows("docs", "v") == ["old", "good", "good", "good"]
    assert folder.rows("lines", "v") == ["a", "1", "2", "4"]
    assert folder.rows("logs", "x", by="x") == [0, 1, 2, 4, 5]
    folder.decide("drop")
    folder.run(story(2))
    assert folder.last.states[-1] == {"bookmarks": {"docs": 2, "logs": 2}}
    assert folder.rows("logs", "x", by="x") == [0, 1, 2, 4, 5]
