"""Which run of Meltano's a run of the target is; with the real Meltano in `tests/end_to_end`."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from target_databricks.meltano import run_id

RUN = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
FOLDER = f"/p/.meltano/run/elt/local-a-to-b/{RUN}"


@pytest.mark.parametrize(
    ("config", "variable", "expected"),
    [
        (f"{FOLDER}/target.1.config.json", "", RUN),
        (f"{FOLDER}/target.1.config.json", "other", RUN),
        ("/p/.meltano/run/target-databricks/target.1.config.json", "other", "other"),
        (f"/pods/{RUN}/config.json", "other", "other"),
        ("ENV", "other", "other"),
    ],
)
@pytest.mark.parametrize("joined", [True, False])
def test_the_folder_of_the_settings_tells_before_the_variable(config, variable, expected, joined):
    arguments = [f"--config={config}"] if joined else ["--config", config]
    assert run_id(arguments, {"MELTANO_RUN_ID": variable}) == expected


def test_a_run_that_is_nobody_elses_has_an_id_of_its_own():
    assert run_id([], {}) != run_id([], {"MELTANO_RUN_ID": ""})


@pytest.fixture
def meltano(tmp_path):
    """What Meltano tells a target of a pair's run, and its database with some runs."""

    def variables(*runs):
        path = tmp_path / "meltano.db"
        now = datetime.now(UTC).replace(tzinfo=None)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "CREATE TABLE runs (job_name VARCHAR, state VARCHAR(7), started_at DATETIME, "
                "run_id CHAR(32), last_heartbeat_at DATETIME)"
            )
            for job, state, started, heartbeat, run in runs:
                times = [str(now - timedelta(seconds=ago)) for ago in (started, heartbeat)]
                values = (job, state, times[0], uuid.UUID(run).hex, times[1])
                database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", values)
        return {
            "MELTANO_DATABASE_URI": f"sqlite:///{path}",
            "MELTANO_ENVIRONMENT": "prod",
            "MELTANO_EXTRACTOR_NAME": "tap-a",
            "MELTANO_LOADER_NAME": "target-b",
            "MELTANO_RUN_ID": "fallback",
        }

    return variables


FIRST, SECOND = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
PAIR = "prod:tap-a-to-target-b"


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], "fallback"),
        ([(PAIR, "RUNNING", 9, 1, FIRST)], FIRST),
        ([(f"{PAIR}:night", "RUNNING", 9, 1, FIRST)], FIRST),
        ([(PAIR, "SUCCESS", 9, 1, FIRST)], "fallback"),
        ([(PAIR, "RUNNING", 9000, 8000, FIRST)], "fallback"),
        ([(PAIR, "RUNNING", 9, 1, SECOND), (PAIR, "RUNNING", 99, 30, FIRST)], SECOND),
        (
            [
                ("dev:tap-a-to-target-b", "RUNNING", 9, 1, FIRST),
                (f"{PAIR}2", "RUNNING", 9, 1, FIRST),
            ],
            "fallback",
        ),
        ([(f"{PAIR}:x", "RUNNING", 9, 1, FIRST), (PAIR, "RUNNING", 9, 1, SECOND)], "fallback"),
    ],
    ids=["none", "one", "suffix", "over", "dead", "killed before", "others", "two at once"],
)
def test_the_run_at_work_for_the_pair_is_looked_up_in_meltanos_database(meltano, runs, expected):
    assert run_id([], meltano(*runs)) == expected


@pytest.mark.parametrize("uri", ["sqlite:////nowhere/meltano.db", "postgresql://u:p@host/db", ""])
def test_a_database_that_cannot_be_read_is_done_without(meltano, uri):
    variables = meltano((PAIR, "RUNNING", 9, 1, FIRST))
    assert run_id([], {**variables, "MELTANO_DATABASE_URI": uri}) == "fallback"
