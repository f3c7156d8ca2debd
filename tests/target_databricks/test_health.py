"""How fresh tables are: judged from what loads and the tap have noted, and told with exit codes."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from target_databricks.commands import health
from target_databricks.loading.health import (
    FRESH,
    STALE,
    UNKNOWN,
    WITHHELD,
    Health,
    judged,
    overall,
)

NOW = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=26)


def ago(hours):
    return NOW - timedelta(hours=hours)


def load(stream, hours, error=None, aside=0):
    return {
        "stream": stream,
        "error": error,
        "rows_set_aside": aside,
        "finished_at": ago(hours),
    }


def read(stream, organisation, outcome, hours, reason=None):
    return {
        "tenant_id": organisation,
        "stream": stream,
        "outcome": outcome,
        "begun_date_utc": ago(hours),
        "reason": reason,
    }


def told(loads, reads=(), within=DAY):
    return {
        (h.stream, h.organisation): (
            h.status,
            h.right_at and (NOW - h.right_at) / timedelta(hours=1),
        )
        for h in judged(loads, reads, NOW, within)
    }


@pytest.mark.parametrize(
    ("loads", "status", "right"),
    [
        ([load("s", 1)], FRESH, 1),
        ([load("s", 26)], FRESH, 26),
        ([load("s", 27)], STALE, 27),
        ([load("s", 27), load("s", 2)], FRESH, 2),
        ([load("s", 2), load("s", 1, "refused")], STALE, 2),
        ([load("s", 2), load("s", 1, aside=3)], STALE, 2),
        ([load("s", 1), load("s", 2, "refused")], FRESH, 1),
        ([load("s", 1, "refused")], STALE, None),
    ],
)
def test_by_stream_the_last_load_that_did_not_fail_counts(loads, status, right):
    assert told(loads) == {("s", ""): (status, right)}


@pytest.mark.parametrize(
    ("loads", "reads", "status", "right"),
    [
        # What the tap read to its end counts, not when it was loaded.
        ([load("s", 1)], [read("s", "a", "complete", 3)], FRESH, 3),
        ([load("s", 1)], [read("s", "a", "complete", 30)], STALE, 30),
        # A reading that failed since, whatever was loaded of other organisations.
        (
            [load("s", 1)],
            [read("s", "a", "complete", 5), read("s", "a", "failed", 2, "no answer")],
            STALE,
            5,
        ),
        (
            [load("s", 1)],
            [read("s", "a", "complete", 2), read("s", "a", "failed", 5, "no answer")],
            FRESH,
            2,
        ),
        # Read, and not loaded.
        ([load("s", 9), load("s", 1, "refused")], [read("s", "a", "complete", 2)], STALE, 9),
        # Never handed out, which is nobody's fault.
        ([], [read("s", "a", "withheld", 2, "no tier")], WITHHELD, None),
    ],
)
def test_by_organisation_what_was_read_to_its_end_counts_once_it_is_loaded(
    loads, reads, status, right
):
    assert told(loads, reads) == {("s", "a"): (status, right)}


def test_organisations_are_told_apart_and_the_worst_come_first():
    reads = [
        read("s", "a", "complete", 1),
        read("s", "b", "complete", 40),
        read("t", "a", "withheld", 1),
    ]
    loads = [load("s", 1), load("stream_reads", 1), load("other", 1)]
    found = judged(loads, reads, NOW, DAY)
    assert [(h.stream, h.organisation, h.status) for h in found] == [
        ("s", "b", STALE),
        ("t", "a", WITHHELD),
        ("other", "", FRESH),
        ("s", "a", FRESH),
    ]
    only = judged(loads, reads, NOW, DAY, lambda stream: stream == "other")
    assert [h.stream for h in only] == ["other"]


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([], UNKNOWN),
        ([WITHHELD], UNKNOWN),
        ([FRESH, WITHHELD], FRESH),
        ([FRESH, STALE], STALE),
    ],
)
def test_all_together_are_as_good_as_the_worst(statuses, status):
    assert overall([Health("s", status=each) for each in statuses]) == status


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs the command with settings; gives its exit code, what it printed, and its errors."""

    def run(*arguments, **config):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        monkeypatch.setattr(sys, "argv", ["health", "--config", str(path), *arguments])
        with pytest.raises(SystemExit) as ended:
            health.main(standalone_mode=False)
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def place(folder):
    return {
        "lakehouse_path": str(folder.schema_folder.parent),
        "default_target_schema": folder.schema,
    }


def test_a_folder_is_fresh_after_a_run_and_stale_when_that_is_long_ago(folder, singer, command):
    schema = singer.schema("items", {"id": {"type": "integer"}})
    folder.run(schema, singer.record("items", {"id": 1}))
    code, out, err = command(**place(folder))
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("1 of 1 fresh within 26 hours, the oldest right as of 20")
    assert "stream_reads: true" in out
    # A run without news is news of its freshness.
    folder.run(schema, singer.record("items", {"id": 1}))
    assert command(**place(folder))[0] == 0
    code, out, _ = command("--hours", "0", **place(folder))
    assert code == 1
    assert out.startswith("items: stale, last right 20")
    assert command("--hours", "0", "--stream", "invoices", **place(folder))[0] == 2


def test_organisations_of_a_folder_are_named(folder, singer, command):
    folder.run(
        singer.schema("items", {"id": {"type": "integer"}}), singer.record("items", {"id": 1})
    )
    now = datetime.now(UTC)
    rows = [
        {"tenant_id": "a", "stream": "items", "outcome": "complete", "at": now, "why": None},
        {"tenant_id": "b", "stream": "items", "outcome": "failed", "at": now, "why": "no answer"},
    ]
    table = pa.Table.from_pylist(rows).rename_columns(
        ["tenant_id", "stream", "outcome", "begun_date_utc", "reason"]
    )
    write_deltalake(folder.schema_folder / "stream_reads", table)
    names = pa.table({"tenant_id": ["a", "b"], "name": ["Harakeke", "Bluegum"]})
    write_deltalake(folder.schema_folder / "organisations", names)
    code, out, _ = command("--json", **place(folder))
    assert code == 1
    found = json.loads(out)
    assert found["status"] == "stale"
    assert [(s["organisation"], s["status"]) for s in found["streams"]] == [
        ("Bluegum", "stale"),
        ("Harakeke", "fresh"),
    ]
    code, out, _ = command(**place(folder))
    assert out.startswith("items of Bluegum: stale, last right never, failing since")
    assert "no answer" in out.splitlines()[0]
    assert out.splitlines()[1].startswith("1 of 2 fresh")


def test_where_nothing_was_loaded_nobody_can_say(tmp_path, command):
    code, out, _ = command(lakehouse_path=str(tmp_path / "lake"))
    assert code == 2
    assert "Nothing was loaded yet" in out


def test_settings_that_are_wrong_and_places_that_do_not_answer_are_exit_code_2(command):
    code, _, err = command()
    assert code == 2
    assert err.startswith("Cannot say: It is not said where to load to")
    options = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ALLOW_HTTP": "true"}
    options |= {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "swordfish", "max_retries": "0"}
    code, _, err = command(
        lakehouse_path="s3://bucket/lake", storage_options={**options, "AWS_REGION": "eu-west-1"}
    )
    assert code == 2
    assert "127.0.0.1:9: Connection refused" in err
    assert "swordfish" not in err


def test_a_warehouse_is_asked_only_when_it_is_awake(warehouse, singer, command):
    schema = singer.schema("items", {"id": {"type": "integer"}}, ["id"])
    warehouse.run(schema, singer.record("items", {"id": 1}))
    settings = {k: v for k, v in warehouse.config().items() if v is not None}
    code, out, err = command(**settings)
    assert (code, err) == (0, ""), out + err
    asleep = warehouse.sandbox.warehouse
    asleep.stop()
    code, out, err = command(**settings)
    assert code == 2
    assert "--wake starts it" in err
    # A run without news has left a note where no warehouse is needed to read it.
    warehouse.run(schema, singer.record("items", {"id": 1}))
    asleep.stop()
    code, out, err = command(**settings)
    assert (code, err) == (0, ""), out + err
    assert asleep.state == "STOPPED"
    assert command("--wake", **settings)[0] == 0
