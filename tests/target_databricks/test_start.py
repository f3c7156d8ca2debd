"""What a load does not wait for: modules that it does without, seen in processes of their own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

TOLD = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
RUN = """
from target_databricks.target import TargetDatabricks as Target
listen = Target.listen
def listening(*arguments):
    before = {*sys.modules}
    atexit.register(lambda: print("later:", *({*sys.modules} - before), file=sys.stderr))
    listen(*arguments)
Target.listen = listening
Target.cli()
"""
"""A run that tells which modules are loaded only after it stands ready for its input."""
READY = """
import json, threading
from target_databricks.target import TargetDatabricks
TargetDatabricks(config=json.loads(sys.argv[1]))
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join()
"""
"""A target that stands ready, and what it loads meanwhile."""


def lines(program: str, *arguments: str, stdin: bytes = b"") -> list[str]:
    """What a program says on standard error; the last line names all modules it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", TOLD + program, *arguments],
        input=stdin,
        capture_output=True,
        check=True,
    )
    return done.stderr.decode().splitlines()


def loaded(program: str, *arguments: str) -> set[str]:
    """What Python has loaded at the end of a program."""
    return {*lines(program, *arguments)[-1].split()}


def test_a_load_into_a_folder_does_without_pandas_and_loads_nothing_on_the_way_of_a_row(
    folder, singer, tmp_path
):
    assert importlib.util.find_spec("pandas"), "without it the test would show nothing"
    config = tmp_path / "config.json"
    config.write_text(json.dumps(folder.config()))
    schema = singer.schema("items", {"id": {"type": "integer"}, "any": {}})
    rows = singer.records("items", {"id": 1}, {"id": 2, "any": {"a": [1]}, "more": 3})
    said = lines(RUN, "--config", str(config), stdin=singer.text([schema, *rows]))
    modules = {*said[-1].split()}
    assert folder.rows("items", "id") == [1, 2]
    assert {"pyarrow", "deltalake"} <= modules
    assert "pandas" not in modules
    (later,) = [line for line in said if line.startswith("later:")]
    assert later.split()[1:] == []


def test_a_load_into_a_warehouse_has_its_clients_and_their_pandas_before_the_first_row():
    settings = {"server_hostname": "nowhere", "http_path": "/sql/1.0/warehouses/1"}
    modules = loaded(READY, json.dumps(settings))
    assert {"databricks.sql", "databricks.sdk", "pandas"} <= modules


def test_who_asks_for_pandas_later_gets_it():
    frames = "; ".join(
        (
            "from target_databricks.ahead import leave_pandas_out",
            "import pyarrow as pa",
            "leave_pandas_out()",
            "assert 'pandas' not in sys.modules",
            "frame = pa.table({'a': [1]}).to_pandas()",
            "assert pa.array(frame['a']).to_pylist() == [1]",
            "assert pa.Table.from_pandas(frame).to_pylist() == [{'a': 1}]",
        )
    )
    assert "pandas" in loaded(frames)


@pytest.mark.parametrize("module", ["databricks.sql", "databricks.sdk", "pandas", "duckdb"])
def test_what_a_run_may_not_need_is_not_loaded_at_its_start(module, at_start):
    assert module not in at_start


@pytest.fixture(scope="module")
def at_start():
    return loaded("import target_databricks.target")
