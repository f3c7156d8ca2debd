"""The SDK's standard target tests, with rows and column types read back.

All of them run, and the two that the SDK ships but leaves out of its suite. Of those,
`multiple_state_messages` expects the states of a target that drains at certain records; this
target lets a state out as soon as what it covers is in the tables, and the test asks for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import SingerTestSuite, target_tests
from singer_sdk.testing.target_tests import (
    TargetMultipleStateMessages,
    TargetRecordMissingRequiredProperty,
)
from target_databricks.schema.naming import snake_case, table_name
from target_databricks.target import TargetDatabricks

TEXT, LONG, DOUBLE, FLAG = "STRING", "BIGINT", "DOUBLE", "BOOLEAN"

# test -> table -> types of the columns that the stream has; no rows: a table all the same
TYPES: dict[str, dict[str, dict[str, str]]] = {
    "array_data": {"test_array_data": {"id": LONG, "fruits": "ARRAY<STRING>"}},
    "camelcase": {"test_camelcase": {"id": TEXT, "client_name": TEXT}},
    "camelcase_complex_schema": {
        "forecasting_type_to_category": {"id": TEXT, "is_deleted": FLAG, "age": LONG}
    },
    "cli_prints": {},
    "duplicate_records": {"test_duplicate_records": {"id": LONG, "metric": LONG}},
    "encoded_string_data": {
        "test_strings": {"id": LONG, "info": TEXT},
        "test_strings_in_objects": {"id": LONG, "info": "STRUCT<name: STRING, value: STRING>"},
        "test_strings_in_arrays": {"id": LONG, "strings": "ARRAY<STRING>"},
    },
    "invalid_schema": {},
    "multiple_state_messages": {
        f"test_multiple_state_messages_{x}": {"id": LONG, "metric": LONG} for x in "ab"
    },
    "no_primary_keys": {"test_no_pk": {"id": LONG, "metric": LONG}},
    "optional_attributes": {"test_optional_attributes": {"id": LONG, "optional": TEXT}},
    "record_before_schema": {},
    "record_missing_key_property": {},
    "record_missing_required_property": {
        "test_record_missing_required_property": {"id": LONG, "metric": LONG}
    },
    "schema_no_properties": {
        "test_object_schema_with_properties": {
            "object_store": "STRUCT<id: BIGINT, metric: BIGINT>"
        },
        "test_object_schema_no_properties": {"object_store": TEXT},
    },
    "schema_updates": {
        "test_schema_updates": {
            "id": LONG,
            "a1": DOUBLE,
            "a2": TEXT,
            "a3": FLAG,
            "a4": "STRUCT<id: BIGINT, value: BIGINT>",
            "a5": "ARRAY<STRING>",
            "a6": LONG,
        }
    },
    "pk_updates": {"example_stream": {"id": LONG, "name": TEXT, "email": TEXT}},
    "special_chars_in_attributes": {
        "test_special_chars_in_attributes": {
            "_id": TEXT,
            "d": "STRUCT<env: STRING, agent_type: STRING, agent_os_version: STRING>",
        }
    },
    "record_missing_fields": {"record_missing_fields": {"id": LONG, "optional": TEXT}},
}


def expected_rows(lines: Iterable[str], open_columns: set[str]) -> dict[str, list[Any]]:
    """What the tables must hold, worked out from the messages in plain Python."""
    keys: dict[str, list[str]] = {}
    tables: dict[str, dict[Any, Any]] = {}
    for place, line in enumerate(lines):
        message = json.loads(line) if line.strip() else {"type": "STATE"}
        if message["type"] == "SCHEMA":
            keys[message["stream"]] = message.get("key_properties") or []
        elif message["type"] == "RECORD":
            record, own = message["record"], keys[message["stream"]]
            identity = tuple(record[k] for k in own) if own else place
            row = {
                snake_case(k): json.dumps(v, separators=(",", ":"))
                if k in open_columns
                else snaked(v)
                for k, v in record.items()
            }
            tables.setdefault(table_name(message["stream"]), {})[identity] = row
    return {table: list(rows.values()) for table, rows in tables.items()}


def snaked(value: Any) -> Any:
    if isinstance(value, dict):
        return {snake_case(k): snaked(v) for k, v in value.items()}
    return [snaked(v) for v in value] if isinstance(value, list) else value


def reading_back(template: type) -> type:
    """The SDK's test, followed by a look at what is in the tables."""

    class ReadBack(template):  # type: ignore[misc]
        def validate(self) -> None:
            place, wanted = self.resource, TYPES[self.name]
            assert place.tables() == set(wanted)
            open_columns = {"object_store"} if self.name == "schema_no_properties" else set()
            if not wanted:
                return
            lines = self.singer_filepath.read_text(encoding="utf8").splitlines()
            for table, types in wanted.items():
                found = place.types(table)
                assert {c: found[c] for c in types} == types
                is_open = open_columns if "no_properties" in table else set()
                rows = expected_rows(lines, is_open).get(table, [])
                rows = [{c: row.get(c) for c in types} for row in rows]
                read = [{c: row[c] for c in types} for row in place.arrow(table).to_pylist()]
                assert sorted(read, key=repr) == sorted(with_doubles(rows, types), key=repr)

    return ReadBack


def with_doubles(rows: list[dict[str, Any]], types: dict[str, str]) -> list[dict[str, Any]]:
    def value(column: str, v: Any) -> Any:
        return float(v) if types[column] == DOUBLE and v is not None else v

    return [{c: value(c, v) for c, v in row.items()} for row in rows]


class StatesAreAmongThoseSent(TargetMultipleStateMessages):
    """In the place of the SDK's own list of states; see the module's docstring."""

    def test(self) -> None:
        self.runner.sync_all()
        sent = [
            json.loads(line)["value"]
            for line in self.singer_filepath.read_text(encoding="utf8").splitlines()
            if '"STATE"' in line
        ]
        states = self.runner.state_messages
        assert states[-1] == sent[-1]
        assert states == [state for state in sent if state in states]


TEMPLATES = [
    *target_tests.tests,
    TargetRecordMissingRequiredProperty,
    StatesAreAmongThoseSent,
]

Standard = get_target_test_class(
    TargetDatabricks,
    include_target_tests=False,
    custom_suites=[SingerTestSuite(kind="target", tests=[reading_back(t) for t in TEMPLATES])],
)


class TestStandard(Standard):  # type: ignore[misc, valid-type]
    """The generated tests, each in a lakehouse of its own."""

    @pytest.fixture
    def resource(self, folder):
        return folder

    @pytest.fixture
    def runner(self, folder):
        return TargetTestRunner(TargetDatabricks, config=folder.config(), parse_env_config=False)


def test_every_standard_test_is_read_back():
    assert set(TYPES) == {template.name for template in TEMPLATES}
