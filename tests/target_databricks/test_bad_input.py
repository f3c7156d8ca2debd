"""Bad input, through the real command: one clear error, exit code 1, and nothing half applied."""

from __future__ import annotations

import json
import subprocess

import pytest
from singer_sdk.exceptions import ConfigurationError, ConfigValidationError, SingerSDKError
from target_databricks.errors import LoadError

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "items",
    "schema": {"type": "object", "properties": {"id": INTEGER, "v": TEXT}},
    "key_properties": ["id"],
}


def schema(**changes):
    return json.dumps({**SCHEMA, **changes})


def record(i, **more):
    return json.dumps({"type": "RECORD", "stream": "items", "record": {"id": i}, **more})


GOOD = [schema(), record(1), record(2)]


# what is wrong -> (lines after the good ones, what the error must name)
CASES = {
    "a line that is not JSON": (["Traceback (most recent call last):"], ["Line 4", "not JSON"]),
    "a record that is not JSON": (
        ['{"type": "RECORD", "stream": "items", "record": {"id": 3'],
        ["Line 4", "not JSON", "'items'"],
    ),
    "bytes that are not UTF-8": (
        [b'{"type": "RECORD", "stream": "items", "record": {"id": 3, "v": "\xff\xfe"}}'],
        ["Line 4", "not JSON", "'items'"],
    ),
    "JSON that is no object": (["[1, 2]"], ["Line 4", "not a Singer message"]),
    "two messages on one line": ([record(3) + record(4)], ["Line 4", "'items'"]),
    "a record before its schema": (
        [record(3).replace("items", "others")],
        ["Line 4", "'others'", "SCHEMA"],
    ),
    "a version before its schema": (
        ['{"type": "ACTIVATE_VERSION", "stream": "others", "version": 1}'],
        ["Line 4", "'others'", "SCHEMA"],
    ),
    "files before their schema": (
        ['{"type": "BATCH", "stream": "others", "encoding": {"format": "jsonl"}, "manifest": []}'],
        ["Line 4", "'others'", "SCHEMA"],
    ),
    "a schema that is no object": ([schema(stream="others", schema=[])], ["Line 4", "'others'"]),
    "a message of an unknown type": (['{"type": "PING"}'], ["Line 4", "'PING'"]),
    "a message without a type": (['{"stream": "items"}'], ["Line 4", "type"]),
    "a RECORD without a record": (
        ['{"type": "RECORD", "stream": "items"}'],
        ["Line 4", "'items'", "record"],
    ),
    "a RECORD whose record is a list": (
        ['{"type": "RECORD", "stream": "items", "record": [1]}'],
        ["Line 4", "'items'", "record"],
    ),
    "a RECORD without a stream": (
        ['{"type": "RECORD", "record": {"id": 1}}'],
        ["Line 4", "stream"],
    ),
    "a STATE without a value": (['{"type": "STATE"}'], ["Line 4", "value"]),
    "a version that is no number": (
        ['{"type": "ACTIVATE_VERSION", "stream": "items", "version": "one"}'],
        ["Line 4", "'items'", "version"],
    ),
    "batch files of an unknown format": (
        [
            (
                '{"type": "BATCH", "stream": "items", "encoding": {"format": "csv"}, '
                '"manifest": ["file:///nowhere/rows.csv"]}'
            )
        ],
        ["Line 4", "'items'", "csv", "jsonl or parquet"],
    ),
    "a batch file that is not there": (
        [
            (
                '{"type": "BATCH", "stream": "items", "encoding": {"format": "jsonl"}, '
                '"manifest": ["file:///nowhere/rows.jsonl"]}'
            )
        ],
        ["Line 4", "'items'", "/nowhere/rows.jsonl"],
    ),
}


def text(lines):
    return b"".join((x if isinstance(x, bytes) else x.encode()) + b"\n" for x in lines)


STATE = '{"type": "STATE", "value": {"n": 2}}'
THROUGH_THE_COMMAND = (
    "a line that is not JSON",
    "a record that is not JSON",
    "a record before its schema",
    "a version before its schema",
    "a message of an unknown type",
    "a RECORD without a record",
)


def check(done, *named):
    assert done.returncode == 1, done.stderr
    assert 'File "' not in done.stderr, done.stderr
    for word in named:
        assert word in done.stderr


def nested(levels: int) -> str:
    """A record with lists in lists: orjson writes 254 of them, Python's stack ends near 1,000."""
    value = "[" * levels + "]" * levels
    return f'{{"type": "RECORD", "stream": "items", "record": {{"id": 3, "v": {value}}}}}'


# what is wrong -> (the key of stream others, its properties, its bad record, what is named)
ALONE = {
    "properties that are none": ([], 5, {"id": 1}, ["no properties"]),
    "no properties": ([], None, {"id": 1}, ["no properties"]),
    "empty properties": ([], {}, {"id": 1}, ["no properties"]),
    "a key that is no property": (["nope"], {"id": INTEGER}, {"id": 1}, ["'nope'"]),
    "a record without its key": (["id"], {"id": INTEGER}, {"v": "x"}, ["key property 'id'"]),
    "a key that is null": (["id"], {"id": INTEGER}, {"id": None}, ["key property 'id'"]),
    "nesting without end": (["id"], {"id": INTEGER}, nested(9999), ["nested too deeply"]),
    "nesting that cannot be walked": (["id"], {"id": INTEGER}, nested(700), ["nested too deeply"]),
}


@pytest.mark.rule("invariant 13")
@pytest.mark.parametrize("case", ALONE)
def test_invariant_13_a_schema_or_a_record_that_is_no_use_stops_its_stream_alone(place, case):
    keys, properties, bad, named = ALONE[case]
    stated = {} if properties is None else {"properties": properties}
    bad = (
        bad
        if isinstance(bad, str)
        else json.dumps({"type": "RECORD", "stream": "others", "record": bad})
    )
    bookmarks = {"type": "STATE", "value": {"bookmarks": {"items": 2, "others": 2}}}
    lines = [
        schema(stream="others", schema=stated, key_properties=keys),
        bad.replace("items", "others"),
        json.dumps({"type": "RECORD", "stream": "others", "record": {"id": 2}}),
        json.dumps({"type": "ACTIVATE_VERSION", "stream": "others", "version": 1}),
        json.dumps(bookmarks),
    ]
    with pytest.raises(LoadError) as error:
        place.run_text(text([*GOOD, *lines]))
    for word in ["Not all is loaded of 'others'", *named]:
        assert word in str(error.value)
    assert place.rows("items", "id") == [1, 2]
    assert {json.dumps(state) for state in place.last.states} == {'{"bookmarks": {"items": 2}}'}
    # A record without a row keeps no other from its table.
    assert place.exists("others") == ("id" in keys)
    if "id" in keys:
        assert place.rows("others", "id") == [2]


@pytest.mark.parametrize(
    "settings",
    [
        {"stream_maps": {"others": {"w": "id + 1"}}},
        {"validate_records": True},
        {"flattening_enabled": True, "flattening_max_depth": 2},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_nor_does_nesting_that_nothing_on_its_way_can_look_into(folder, singer, settings):
    """Invariant 13, in a RECORD and in a file of a BATCH."""
    folder.folder.mkdir()
    file = folder.folder / "batch.jsonl"
    file.write_text(json.dumps(json.loads(record(4))["record"]) + "\n")
    deep = nested(9999).replace("items", "others")
    with file.open("a") as out:
        out.write(f'{{"id": 5, "v": {deep[deep.index("[") : deep.rindex("]") + 1]}}}\n')
    batch = {
        "type": "BATCH",
        "stream": "others",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [file.as_uri()],
    }
    properties = {"id": INTEGER, "v": {"type": ["array", "null"]}}
    marks = {"bookmarks": {"items": 2, "others": 2}}
    with pytest.raises(LoadError, match=r"Not all is loaded of 'others'.*nested too deeply"):
        folder.run(
            *GOOD,
            singer.schema("others", properties),
            singer.record("others", {"id": 2}),
            deep,
            batch,
            singer.state(marks),
            **settings,
        )
    assert folder.rows("items", "id") == [1, 2]
    assert folder.rows("others", "id") == [2, 4]
    assert folder.last.states == [{"bookmarks": {"items": 2}}]


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named_and_nothing_is_half_applied(folder, singer, case):
    lines, named = CASES[case]
    folder.run(
        singer.schema("items", {"id": INTEGER, "v": TEXT}), singer.record("items", {"id": 0})
    )
    # An error of this kind is what the command turns into one line and exit code 1.
    with pytest.raises(SingerSDKError) as error:
        folder.run_text(text([*GOOD, *lines, record(9), STATE]))
    for word in named:
        assert word in str(error.value)
    # What was applied before is there, of the bad batch nothing is, and no state covers it.
    assert folder.rows("items", "id") == [0]
    assert folder.last.states == []
    # And nothing is left in the way: the mended input loads.
    folder.run_text(text([*GOOD, record(3), STATE]))
    assert folder.rows("items", "id") == [0, 1, 2, 3]


@pytest.mark.parametrize("case", THROUGH_THE_COMMAND)
def test_the_command_ends_with_one_clear_error(folder, cli, case):
    lines, named = CASES[case]
    done = cli(text([*GOOD, *lines, record(9), STATE]), folder.config())
    check(done, *named)
    assert len([x for x in done.stderr.splitlines() if "ERROR" in x]) == 1
    assert done.stdout == ""
    assert folder.tables() == set()


def test_batches_before_the_bad_line_are_kept_with_their_state(folder, cli):
    states = [json.dumps({"type": "STATE", "value": {"n": i}}) for i in range(4)]
    lines = [schema(), record(0), states[0], record(1), states[1], record(2), "garbage"]
    done = cli(text(lines), folder.config(batch_size_rows=1))
    check(done, "Line 7")
    assert folder.rows("items", "id") == [0, 1, 2]
    assert json.loads(done.stdout.splitlines()[-1]) == {"n": 1}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"lakehouse_path": None}, ["lakehouse_path"]),
        ({"lakehouse_path": ""}, ["lakehouse_path"]),
        ({"lakehouse_path": "/proc/nowhere"}, ["lakehouse_path", "/proc/nowhere"]),
        ({"load_method": "replace"}, ["replace", "upsert"]),
        ({"column_names": "camelCase"}, ["camelCase", "snake_case"]),
        ({"number_type": "float"}, ["float", "decimal"]),
        ({"batch_size_rows": "many"}, ["many"]),
        ({"hard_delete": "perhaps"}, ["perhaps"]),
        ({"child_tables": {"items.*": 7}}, ["7"]),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(folder, settings, named):
    with pytest.raises((SingerSDKError, ConfigValidationError)) as error:
        folder.run_text(text(GOOD), **settings)
    for word in named:
        assert word in str(error.value) + repr(getattr(error.value, "errors", ""))
    assert folder.tables() == set()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"lakehouse_path": ""}, ["lakehouse_path"]),
        ({"load_method": "replace"}, ["replace", "upsert"]),
    ],
)
def test_the_command_names_the_setting(folder, cli, settings, named):
    check(cli(text(GOOD), folder.config(**settings)), *named)


def test_a_folder_that_is_a_file_is_named(folder, cli, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    done = cli(text(GOOD), folder.config(lakehouse_path=str(path)))
    check(done, "lakehouse_path", str(path))


@pytest.mark.parametrize("path", ["a [br] b", "a%20b", "a^b", "dbfs:/x/y", "odd://x/y"])
def test_a_place_that_cannot_be_written_is_named(folder, cli, path):
    place = path if ":" in path else str(folder.folder / path)
    check(cli(text(GOOD), folder.config(lakehouse_path=place)), "lakehouse_path", path)


def test_a_folder_that_may_not_be_made_is_named(folder, cli):
    check(cli(text(GOOD), folder.config(lakehouse_path="/proc/self")), "lakehouse_path", "/proc")


def test_the_settings_can_come_from_the_environment(folder, command, singer, monkeypatch, tmp_path):
    monkeypatch.setenv("TARGET_DATABRICKS_LAKEHOUSE_PATH", str(folder.folder))
    monkeypatch.setenv("TARGET_DATABRICKS_DEFAULT_TARGET_SCHEMA", "books")
    done = subprocess.run(
        [command, "--config", "ENV"], input=text(GOOD), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert folder.rows("items", "id") == [1, 2]


def test_a_schema_that_refers_to_nothing_cannot_be_validated(folder, singer):
    schema = singer.schema("s", {"id": {"type": "integer"}, "a": {"$ref": "#/definitions/nothing"}})
    messages = [schema, singer.record("s", {"id": 1, "a": 1})]
    with pytest.raises(ConfigurationError, match=r"'s' refers to '.*nothing', .*validate_records"):
        folder.run(messages, validate_records=True)
    folder.run(messages)
    assert folder.rows("s", "a") == ["1"]


def test_a_step_too_fine_to_be_checked_is_no_mismatch(folder, singer):
    step = {"type": "number", "multipleOf": 1e-25, "maximum": 1e10}
    messages = [singer.schema("s", {"id": step}), singer.record("s", {"id": 3000000000})]
    folder.run(messages, validate_records=True)
    assert [str(number) for number in folder.rows("s", "id")] == ["3000000000.0000000000"]
