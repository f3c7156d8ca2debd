"""What a staging volume keeps: few files, however long nothing is merged, and none for ever."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quick_warehouse import Time, connections_of, quick_workspace, staging_of
from target_databricks.warehouse.staging.volume import MOST_DEFERRED, MOST_SEEN

(STAGED,) = (Path(__file__).parents[1] / "upgrade" / "ad7ed0c" / "volume").glob("*.parquet")
"""A staged batch."""


@pytest.fixture
def workspace():
    with quick_workspace() as sandbox:
        yield sandbox


@pytest.fixture
def staging(workspace):
    return staging_of(workspace, connections_of(workspace, Time().backoff(10)))


def test_rows_of_the_ledger_wait_for_as_long_as_no_run_has_news(workspace, staging):
    count = 2 * MOST_DEFERRED
    for run in range(count):
        assert staging.defer_ledger(f"run {run}", pa.table({"job_id": [f"run {run}"]}))
    kept = [rows for _, rows in staging.deferred_ledger()]
    assert len(kept) <= MOST_DEFERRED
    assert sorted(pa.concat_tables(kept)["job_id"].to_pylist()) == sorted(
        f"run {run}" for run in range(count)
    )
    assert workspace.log.statements == []


def test_keys_of_a_version_are_read_from_few_files(workspace, staging):
    for batch in range(MOST_SEEN + 4):
        staging.note_keys("docs", 7, f"{batch:032x}", pa.table({"id": [batch]}))
    staging.note_keys("docs", 7, "f" * 32, pa.table({"other": ["x"]}))
    (source,) = staging.keys_of_version("docs", 7, ["id"])
    content = workspace.volumes.local(source.removeprefix("parquet.").strip("`"))
    assert sorted(pq.read_table(content)["id"].to_pylist()) == list(range(MOST_SEEN + 4))
    # A later look finds the same, and of an earlier version what is later counts.
    assert staging.keys_of_version("docs", 6, ["id"]) == [source]
    assert staging.keys_of_version("docs", 8, ["id"]) == []


def test_an_appended_batch_is_known_by_its_mark_whatever_was_cut_short(workspace, staging):
    path = f"{staging.folder}/{STAGED.name}"

    def next_run():
        return staging_of(workspace, connections_of(workspace, Time().backoff(10)))

    def files():
        return [place.rpartition("/")[2] for place, _, _ in workspace.volumes.files(staging.folder)]

    workspace.volumes.write(path, STAGED.read_bytes())
    assert staging.staged_tables() == ["invoices"]
    staging.note_applied(path)
    # Also while the file has another name, and there is nothing to apply.
    staging.renew([path])
    later = next_run()
    ((recalled, batch),) = later.applied_batches()
    assert (recalled, batch.plan.table) == (path, "invoices")
    assert later.staged_tables() == []
    assert not later.others_staged("invoices")
    assert later.applied_at(path) is not None
    later.done(path)
    later.close()
    assert files() == []
    # A run that died between the two removals has left the mark.
    staging.note_applied(path)
    assert len(files()) == 1
    assert list(next_run().applied_batches()) == []
    assert files() == []
