"""Two runs on one lakehouse: no row lost, none twice; the second waits or says who holds it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from target_databricks.errors import BusyError, LoadError
from target_databricks.lakehouse.lock import SchemaLock
from target_databricks.lakehouse.table import LakehouseTable

INTEGER = {"type": "integer"}


def docs(singer, ids, who):
    schema = singer.schema("docs", {"id": INTEGER, "who": {"type": "string"}})
    log = singer.schema("logs", {"x": INTEGER}, [])
    for i in ids:
        yield from (schema, singer.record("docs", {"id": i, "who": who}))
        yield from (log, singer.record("logs", {"x": i}))


def test_two_processes_at_once_lose_and_double_nothing(folder, singer, command, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(folder.config(batch_size_rows=30)))
    inputs = [singer.text(docs(singer, range(a, a + 150), str(a))) for a in (0, 100)]
    processes = [
        subprocess.Popen(
            [command, "--config", str(config)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in inputs
    ]
    threads = [
        threading.Thread(target=p.communicate, args=(text,))
        for p, text in zip(processes, inputs, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [p.returncode for p in processes] == [0, 0]
    assert folder.rows("docs", "id") == list(range(250))
    assert folder.rows("logs", "x", by="x") == sorted([*range(150), *range(100, 250)])


def held(folder, logger, job="another job"):
    spool = folder.schema_folder / "_spool"
    return SchemaLock(spool, job_id=job, seconds=0, logger=logger)


def test_the_second_run_says_who_holds_the_lakehouse(folder, singer, caplog):
    caplog.set_level("INFO")
    lock = held(folder, logging.getLogger("test"))
    lock.acquire()
    try:
        with pytest.raises(BusyError) as error:
            folder.run(docs(singer, [1], "me"), lock_timeout=0)
    finally:
        lock.release()
    for word in (
        f"process {os.getpid()}",
        "another job",
        "lock_timeout",
        str(folder.schema_folder),
    ):
        assert word in str(error.value)
    assert folder.tables() == set()
    folder.run(docs(singer, [1], "me"))
    assert folder.rows("docs", "id") == [1]


def test_the_second_run_waits_and_then_loads(folder, singer, caplog):
    caplog.set_level("INFO")
    waiting = threading.Event()

    class Noticed(logging.Handler):
        def emit(self, record):
            if "waiting up to" in record.getMessage():
                waiting.set()

    logger = logging.getLogger("target-databricks")
    handler = Noticed()
    logger.addHandler(handler)
    lock = held(folder, logging.getLogger("test"))
    lock.acquire()
    run = threading.Thread(target=lambda: folder.run(docs(singer, [1], "me"), lock_timeout=30))
    try:
        run.start()
        assert waiting.wait(20)
        assert folder.tables() == set()
    finally:
        lock.release()
        run.join(30)
        logger.removeHandler(handler)
    assert folder.rows("docs", "id") == [1]


def test_a_lock_whose_holder_died_is_free(folder, singer):
    spool = folder.schema_folder / "_spool"
    spool.mkdir(parents=True)
    (spool / "lock").touch()
    (spool / "holder.json").write_text('{"pid": 1, "host": "gone"}')
    folder.run(docs(singer, [1], "me"), lock_timeout=0)
    assert folder.rows("docs", "id") == [1]


def test_runs_on_two_schemas_do_not_wait_for_each_other(folder, singer):
    lock = held(folder, logging.getLogger("test"))
    lock.acquire()
    try:
        folder.run(docs(singer, [1], "me"), lock_timeout=0, default_target_schema="other")
    finally:
        lock.release()
    assert (folder.folder / "other" / "docs").is_dir()


@pytest.mark.parametrize(("method", "ids"), [("append", [1, 2]), ("replace", [1])])
def test_a_writer_that_ignores_the_lock_is_noticed(folder, singer, monkeypatch, method, ids):
    """Between a look-up and its write nobody may come: Delta's own version check tells."""
    folder.run(docs(singer, [1], "first"))
    real = getattr(LakehouseTable, method)

    def intruded(self, *args):
        rows = args[0] if method == "append" else args[1]
        if self.uri.endswith("docs") and rows.num_rows:
            monkeypatch.setattr(LakehouseTable, method, real)
            row = {"id": 1 if method == "replace" else 2, "who": "intruder"}
            path = folder.schema_folder / "docs"
            write_deltalake(path, pa.Table.from_pylist([row]), mode="append", schema_mode="merge")
        return real(self, *args)

    monkeypatch.setattr(LakehouseTable, method, intruded)
    with pytest.raises(LoadError, match="next run applies it first"):
        folder.run(docs(singer, ids, "second"))
    folder.run()
    assert folder.rows("docs", "id", "who") == [{"id": i, "who": "second"} for i in ids]
