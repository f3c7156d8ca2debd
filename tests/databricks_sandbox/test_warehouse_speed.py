"""How long the statements of a small test take, and how much of that is the sandbox's own.

`uv run --group test pytest -n 0 -m benchmark -s tests/databricks_sandbox` prints the table of the
package's README.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path

import pytest

# The first rounds pay for classes that are loaded and code that is compiled once.
_WARM_UP, _ROUNDS = 2, 4

_COLUMNS = "id STRING NOT NULL, amount DECIMAL(19,4), lines ARRAY<STRUCT<a: BIGINT, b: STRING>>"


def cpu_seconds(process_id: int) -> float:
    """What a process and its finished children have used, in user and system time."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.benchmark
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_the_sandbox_is_a_small_part_of_a_statement(connect, databricks_sandbox, parquet):
    taken = defaultdict(list)
    java = databricks_sandbox.engine
    content = {
        "id": [f"k{number}" for number in range(5)],
        "amount": [number * 1.5 for number in range(5)],
        "lines": [[{"a": 1, "b": "x"}]] * 5,
    }
    used = []
    for number in range(_WARM_UP + _ROUNDS):
        schema = f"main.speed_{number}"
        began, cpu = time.perf_counter(), cpu_seconds(java.java_process_id or os.getpid())
        cursor = connect().cursor()

        def run(kind, text, *, cursor=cursor, number=number, **more):
            start = time.perf_counter()
            cursor.execute(text, **more)
            if cursor.description:
                cursor.fetchall_arrow()
            seconds = time.perf_counter() - start
            line = databricks_sandbox.log.statements[-1]
            if number >= _WARM_UP:
                taken[kind].append((seconds, line.engine_seconds))

        run("CREATE SCHEMA", f"CREATE SCHEMA {schema}")
        run("CREATE VOLUME", f"CREATE VOLUME {schema}.stage")
        for name in ("first", "second"):
            table = f"{schema}.{name}"
            path = f"/Volumes/{schema.replace('.', '/')}/stage/{name}.parquet"
            run("CREATE TABLE", f"CREATE TABLE {table} ({_COLUMNS}, PRIMARY KEY (id))")
            put = f"PUT '__input_stream__' INTO '{path}' OVERWRITE"
            run("PUT", put, input_stream=parquet(content))
            merge = (
                f"MERGE INTO {table} AS t USING (SELECT id, CAST(amount AS DECIMAL(19,4)) "
                f"AS amount, lines FROM parquet.`{path}`) AS s ON t.id = s.id "
                "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
            )
            run("MERGE, all new", merge)
            run("MERGE, all known", merge)
            run("ALTER TABLE", f"ALTER TABLE {table} ADD COLUMNS (late STRING)")
            run("SELECT", f"SELECT * FROM {table} ORDER BY id")
        run("DROP SCHEMA", f"DROP SCHEMA {schema} CASCADE")
        if number >= _WARM_UP:
            used.append(
                (time.perf_counter() - began, cpu_seconds(java.java_process_id) - cpu),
            )
    print("\n| statement | ms | of it in Spark |\n|---|---|---|")
    for kind, times in taken.items():
        whole, engine = (sum(part) / len(times) * 1000 for part in zip(*times, strict=True))
        print(f"| {kind} | {whole:.0f} | {engine:.0f} |")
    whole, cpu = (sum(part) / len(used) for part in zip(*used, strict=True))
    print(f"| all 15 | {whole * 1000:.0f} | CPU time of the JVM: {cpu:.1f} s |")
    everything = [times for kind in taken.values() for times in kind]
    own = sum(whole - engine for whole, engine in everything)
    assert own <= 0.15 * sum(whole for whole, _ in everything)
