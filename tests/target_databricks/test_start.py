"""What a load does not wait for: modules that it does without, seen in processes of their own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

TOLD = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"


def loaded_modules(program: str, *arguments: str, stdin: bytes = b"") -> set[str]:
    """What Python has loaded at the end of a program."""
    done = subprocess.run(
        [sys.executable, "-c", TOLD + program, *arguments],
        input=stdin,
        capture_output=True,
        check=True,
    )
    return set(done.stderr.decode().splitlines()[-1].split())


def test_a_load_into_a_folder_does_not_import_pandas(folder, singer, tmp_path):
    assert importlib.util.find_spec("pandas"), "without it the test would show nothing"
    config = tmp_path / "config.json"
    config.write_text(json.dumps(folder.config()))
    schema = singer.schema("items", {"id": {"type": "integer"}, "any": {}})
    rows = singer.records("items", {"id": 1}, {"id": 2, "any": {"a": [1]}, "more": 3})
    modules = loaded_modules(
        "from target_databricks.target import TargetDatabricks; TargetDatabricks.cli()",
        *("--config", str(config)),
        stdin=singer.text([schema, *rows]),
    )
    assert folder.rows("items", "id") == [1, 2]
    assert {"pyarrow", "deltalake"} <= modules
    assert "pandas" not in modules


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
    assert "pandas" in loaded_modules(frames)


@pytest.mark.parametrize("module", ["databricks.sql", "databricks.sdk", "pandas", "duckdb"])
def test_what_a_run_may_not_need_is_not_loaded_at_its_start(module, at_start):
    assert module not in at_start


@pytest.fixture(scope="module")
def at_start():
    return loaded_modules("import target_databricks.target")
