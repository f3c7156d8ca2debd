"""Tables that are loaded with history and those that are not, and what makes one of the other."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from crashes import Crash, Dying
from histories import HISTORY, INTEGER, LINES, TEXT, doc, docs, gone, versions
from target_databricks.commands import history
from target_databricks.errors import ConfigurationError, LoadError
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.attempts import Attempts
from target_databricks.warehouse.client.connection import Connections


@pytest.mark.parametrize("setting", [{"hard_delete": True}, {"add_record_metadata": False}])
def test_settings_that_history_cannot_go_with_are_refused(folder, singer, setting):
    with pytest.raises(ConfigurationError, match="load_method: history"):
        folder.run(docs(singer), **HISTORY, **setting)


def test_a_table_with_history_and_one_without_are_not_taken_for_each_other(place, singer):
    place.run(docs(singer, doc(1, 1, "a", 1)))
    with pytest.raises(LoadError, match="history docs --key id --from at --child lines"):
        place.run(docs(singer, doc(1, 2, "b", 1)), **HISTORY)
    other = {"stream_maps": {"docs": {"__alias__": "other"}}, "child_tables": {"*.lines": False}}
    place.run(docs(singer, doc(1, 1, "a", 1)), **HISTORY, **other)
    with pytest.raises(LoadError, match="has the history of its rows"):
        place.run(docs(singer, doc(1, 2, "b", 1)), **other)
    assert place.rows("docs", "v") == place.rows("other", "v") == ["a"]


def convert(place, error):
    """Run the command that a refusal names."""
    (words,) = re.findall(r"target-databricks:(history [^`]*)`", str(error.value))
    path = (place.folder if place.quick else place.sandbox.folder) / "history.json"
    path.write_text(json.dumps(place.config()))
    return CliRunner().invoke(history.main, [*words.split()[1:], "--config", str(path)])


def test_the_command_of_the_refusal_converts_the_table(place, singer):
    """Also when it was interrupted; once it has, it does nothing more."""
    place.run(docs(singer, doc(1, 1, "a", 1, 2), doc(2, 2, "x", 3), doc(3, 2, "y", 4)))
    place.run(docs(singer, gone(3, 6)))
    with pytest.raises(LoadError) as error:
        place.run(docs(singer, doc(1, 5, "b", 5)), **HISTORY)
    writes = (LakehouseTable, "_write") if place.quick else (Connections, "run")
    with Dying((writes,), 3 if place.quick else 6, after=False), pytest.raises(Crash):
        convert(place, error)
    with pytest.raises(LoadError, match="was loaded without history"):
        place.run(docs(singer, doc(1, 5, "b", 5)), **HISTORY)
    done = convert(place, error)
    assert done.exit_code == 0, done.output
    place.run(docs(singer, doc(1, 5, "b", 5), doc(2, 2, "x", 3)), **HISTORY)
    spans = [("a", 1, 5, False), ("b", 5, None, True), ("x", 2, None, True), ("y", 2, 6, False)]
    assert versions(place) == spans
    assert versions(place, "lines", "n", ["id", "n"]) == [
        (1, 1, 5, False),
        (2, 1, 5, False),
        (5, 5, None, True),
        (3, 2, None, True),
    ]
    assert place.tables() == {"docs", "lines"}
    assert "already" in convert(place, error).output
    assert versions(place) == spans


def killed(place, *messages, **settings):
    """A run that dies when its rows are staged."""
    with Dying(((Attempts, "load"),), 1, after=False), pytest.raises(Crash):
        place.run(*messages, **settings)
    assert place.staged()


def test_what_a_killed_run_staged_is_loaded_as_its_table_is_now(place, singer):
    """Whatever `load_method` that run had: rows to merge become versions, and versions one row."""
    place.run(docs(singer, doc(1, 1, "a", 1)))
    with pytest.raises(LoadError) as error:
        place.run(docs(singer), **HISTORY)
    killed(place, docs(singer, doc(1, 5, "c", 5)))
    assert convert(place, error).exit_code == 0
    place.run(docs(singer, doc(1, 3, "b")), **HISTORY)
    assert versions(place) == [("a", 1, 3, False), ("b", 3, 5, False), ("c", 5, None, True)]
    assert versions(place, "lines", "n", "n") == [(1, 1, 3, False), (5, 5, None, True)]

    other = {"stream_maps": {"docs": {"__alias__": "other"}}, "child_tables": {"*.lines": False}}
    killed(place, docs(singer, doc(1, 1, "a"), doc(1, 5, "c"), doc(1, 3, "b")), **HISTORY, **other)
    place.run(docs(singer, doc(2, 1, "x")), **other)
    assert place.rows("other", "v") == ["c", "x"]
    assert not place.staged()


def test_a_stream_without_a_key_is_refused_and_the_others_go_on(folder, singer):
    logs = singer.schema("logs", {"v": TEXT}, keys=[])
    rows = singer.records("logs", {"v": "l"})
    with pytest.raises(LoadError, match=r"'logs' has no key.*'__key_properties__'"):
        folder.run(logs, rows, docs(singer, doc(1, 1, "a")), **HISTORY)
    assert folder.rows("docs", "v") == ["a"]
    assert not folder.exists("logs")
    maps = {"logs": {"__key_properties__": ["v"]}}
    folder.run(logs, rows, **HISTORY, stream_maps=maps)
    assert folder.rows("logs", "is_current", by="v") == [True]


@pytest.mark.parametrize("method", ["upsert", "append-only", "overwrite"])
def test_no_other_load_method_touches_a_table_with_history(folder, singer, method):
    folder.run(docs(singer, doc(1, 1, "a", 1)), **HISTORY)
    before = folder.books()
    with pytest.raises(LoadError, match="has the history of its rows"):
        folder.run(docs(singer, doc(1, 2, "b", 1)), load_method=method)
    assert folder.books() == before


OWN = {"id": INTEGER, "valid_from": TEXT, "valid_to": TEXT, "is_current": TEXT}


def test_columns_of_these_names_that_are_the_streams_own_are_no_history(folder, singer):
    """A table of them is merged as ever and not converted; with history they get other names."""
    row = {"id": 1, "valid_from": "f", "valid_to": "t", "is_current": "c"}
    schema, rows = singer.schema("dims", OWN), singer.records("dims", row)
    folder.run(schema, rows)
    folder.run(schema, singer.records("dims", {**row, "valid_to": "u"}))
    assert folder.rows("dims", "valid_to") == ["u"]
    with pytest.raises(LoadError, match="was loaded without history") as error:
        folder.run(schema, rows, **HISTORY)
    assert "columns of the stream's own" in convert(folder, error).output
    maps = {"dims": {"__alias__": "dims2"}}
    lines = {**LINES, "items": {"type": "object", "properties": {"n": INTEGER, "valid_to": TEXT}}}
    whole = singer.schema("dims", {**OWN, "lines": lines})
    line = {**row, "lines": [{"n": 1, "valid_to": "l"}]}
    folder.run(whole, singer.records("dims", line), **HISTORY, stream_maps=maps)
    (dim,) = folder.rows("dims2")
    assert (dim["is_current"], dim["valid_to"]) == (True, None)
    assert {"f", "t", "c"} <= {value for value in dim.values() if isinstance(value, str)}
    (line,) = folder.rows("lines", by="n")
    assert (line["valid_to"], line["lines__valid_to"]) == (None, "l")
