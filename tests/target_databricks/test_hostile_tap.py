"""Invariants 8 and 9: a tap as nasty as Singer allows feeds the target, and no value is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TAP = Path(__file__).with_name("hostile_tap.py")
SEEDS = (1, 4)
MANY_SEEDS = range(100, 160)


def emitted(seed, rows=200):
    done = subprocess.run(
        [sys.executable, str(TAP), str(seed), str(rows)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def sent_records(text):
    """Per stream, the records as sent."""
    records = {}
    for line in text.decode().split("\n"):
        message = json.loads(line) if line.strip() else {}
        if message.get("type") == "RECORD":
            records.setdefault(message["stream"], []).append(message["record"])
    return records


def check_that_nothing_is_lost(place, seed, rows=200):
    text = emitted(seed, rows)
    run = place.run_text(text, batch_size_rows=70)
    assert run.states[-1] == {"n": rows}
    records = sent_records(text)
    tables = {"keyed": "keyed", "Keyed-Two": "keyed_two", "log": "log"}
    assert place.tables() == {tables[s] for s in records}
    for stream, sent in records.items():
        rows = {row["n"]: row for row in place.arrow(tables[stream]).to_pylist()}
        if stream == "log":
            expected = {record["n"]: record for record in sent}
        else:
            last = {record["id"]: record for record in sent}
            expected = {record["n"]: record for record in last.values()}
        assert set(rows) == set(expected)
        for n, record in expected.items():
            # Each member stands in a column or, under its name, in the rescued data.
            own = [c for c in rows[n] if not c.startswith(("_sdc_", "_resc")) and c != "is_deleted"]
            held = sum(rows[n][c] is not None for c in own)
            rescued = json.loads(rows[n]["_rescued_data"] or "{}")
            held += sum(not any(c in path for c in "[.") or path == "a.b" for path in rescued)
            assert held >= sum(value is not None for value in record.values()), (record, rows[n])


@pytest.mark.rule("invariant 9")
@pytest.mark.parametrize("seed", SEEDS)
def test_invariant_9_every_row_arrives_and_invariant_8_no_value_is_lost(place, seed):
    # Spark needs a minute for 200; `test_many_hostile_taps` gives it those.
    check_that_nothing_is_lost(place, seed, rows=200 if place.quick else 40)


@pytest.mark.stress
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_many_hostile_taps(place, seed):
    check_that_nothing_is_lost(place, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_again_gives_the_same_tables(place, seed):
    """Schemas change to and fro here, and with them what fits: rows may be written again."""
    keyed = b"\n".join(x for x in emitted(seed).split(b"\n") if b'"log"' not in x)
    place.run_text(keyed)
    last = {t: place.rows(t, "n", by="n") for t in place.tables()}
    place.run_text(keyed)
    assert {t: place.rows(t, "n", by="n") for t in place.tables()} == last


def test_the_hostile_tap_in_a_pipe_with_the_real_command(folder, cli):
    done = cli(emitted(99), folder.config())
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert folder.tables() == {"keyed", "keyed_two", "log"}
