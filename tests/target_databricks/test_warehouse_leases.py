"""Leases: one run at a time has a table, and no run waits for one that is certainly dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from databricks.sdk import WorkspaceClient
from databricks_sandbox.faults import Fault
from databricks_sandbox.sandbox import Sandbox
from target_databricks.errors import BusyError, LoadError
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.staging import leases
from target_databricks.warehouse.staging.files import VolumeFiles
from target_databricks.warehouse.staging.holder import Holder
from target_databricks.warehouse.staging.leases import Leases

FOLDER = "/Volumes/main/books/staging"
PATH = f"{FOLDER}/docs.lease"


class Time:
    """Seconds that pass when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds

    def backoff(self, seconds):
        return Backoff(seconds, lambda: self.now, self.sleep)


@pytest.fixture(scope="module")
def files():
    """The files of a volume; no statement is run, so Spark is not started."""
    with Sandbox() as sandbox:
        sandbox.volumes.create(("main", "books", "staging"), None)
        client = WorkspaceClient(host=sandbox.url, token=sandbox.admin.access_token)
        files = VolumeFiles(client.files, FOLDER, lambda: Backoff(0.0))
        files.make_folder()
        files.sandbox = sandbox
        yield files


@pytest.fixture
def lease(files):
    """Takes leases; a run that waits does so by a clock of its own."""
    time = Time()

    def make(holder="me", seconds=0.0):
        made = Leases(files, holder, time.backoff(seconds))
        made.time = time
        return made

    yield make
    files.sandbox.faults.clear()
    files.remove(PATH)


def test_whoever_comes_second_says_who_is_first(lease):
    second = lease("second")
    words = rf"docs is still being loaded by run first \(process {os.getpid()} on .*lock_timeout"
    with (
        lease("first").lease("docs"),
        pytest.raises(BusyError, match=words),
        second.lease("docs"),
    ):
        pass
    with second.lease("docs"):
        pass


def test_leases_on_different_tables_do_not_meet(lease):
    with lease("first").lease("docs"), lease("second").lease("others"):
        pass


def test_a_lease_that_is_kept_is_not_taken_however_long_somebody_waits(lease, monkeypatch):
    monkeypatch.setattr(leases, "RENEWAL", 0.001)
    monkeypatch.setattr(leases, "LONGEST_WAIT", 20.0)
    waiting = lease("waiting", 150.0)
    renewed, sleep = threading.Event(), waiting.time.sleep
    write = VolumeFiles.overwrite

    def note(self, path, content):
        write(self, path, content)
        renewed.set()

    def wait(seconds):
        renewed.clear()
        assert renewed.wait(10)
        sleep(seconds)

    monkeypatch.setattr(VolumeFiles, "overwrite", note)
    waiting._backoff = replace(waiting._backoff, sleep=wait)
    with lease("alive").lease("docs"), pytest.raises(BusyError), waiting.lease("docs"):
        pass
    assert waiting.time.now >= 150


@pytest.mark.parametrize(
    "text",
    [
        "dead and gone",
        # Another machine's process may live, though this one has none of that number.
        replace(Holder.of_this_process("dead"), machine="another", process="0.0").text(),
        # One that nobody can tell the age of may be another by now, or the same.
        replace(Holder.of_this_process("dead"), process="1.-").text(),
    ],
    ids=["an earlier release", "another machine", "an unknown age"],
)
def test_a_lease_is_lost_when_it_was_not_renewed_for_two_minutes(files, lease, monkeypatch, text):
    monkeypatch.setattr(leases, "LONGEST_WAIT", 9.0)
    files.overwrite(PATH, text.encode())
    heir = lease("heir", 600.0)
    with heir.lease("docs"):
        assert files.read(PATH).decode().startswith("heir")
    assert 120 <= heir.time.now < 130
    assert files.read(PATH) is None


def test_a_lease_of_a_process_that_was_killed_here_is_taken_within_seconds(files, lease, caplog):
    caplog.set_level("INFO")
    take = (
        "from target_databricks.warehouse.staging.holder import Holder;"
        "print(Holder.of_this_process('killed').text())"
    )
    killed = subprocess.run([sys.executable, "-c", take], capture_output=True, check=True)
    files.overwrite(PATH, killed.stdout)
    heir = lease("heir", 600.0)
    with heir.lease("docs"):
        assert files.read(PATH).decode().startswith("heir")
    assert heir.time.now <= 5
    assert "taken from run killed (process" in caplog.text
    assert "which has ended" in caplog.text


def test_a_process_that_has_the_number_of_a_dead_one_is_another(lease, files):
    ours = Holder.of_this_process("dead")
    assert not ours.has_ended()
    pid = ours.process.partition(".")[0]
    assert replace(ours, process=f"{pid}.1").has_ended()


def test_a_run_waits_and_says_for_whom(files, lease, caplog):
    caplog.set_level("INFO")
    files.overwrite(
        PATH, replace(Holder.of_this_process("other"), machine="m", host="h").text().encode()
    )
    waiting = lease("waiting", 10.0)
    with pytest.raises(BusyError), waiting.lease("docs"):
        pass
    said = [r.getMessage() for r in caplog.records if "waiting" in r.getMessage()]
    assert said == [f"docs is being loaded by run other (process {os.getpid()} on h); waiting."]


def test_who_has_lost_a_lease_neither_renews_nor_returns_it(files, lease, monkeypatch, caplog):
    monkeypatch.setattr(leases, "RENEWAL", 0.001)
    thief = Holder.of_this_process("thief").text().encode()
    looked, warn = threading.Event(), leases.logger.warning
    monkeypatch.setattr(leases.logger, "warning", lambda *said: (warn(*said), looked.set()))
    with lease("late").lease("docs"):
        # A renewal that had looked before the theft still writes.
        for _ in range(100):
            files.overwrite(PATH, thief)
            if looked.wait(0.1):
                break
        assert looked.is_set()
    assert files.read(PATH) == thief
    assert "taken by run thief" in caplog.text


def test_a_lease_whose_answer_was_lost_is_found_to_be_ours(files, lease):
    files.sandbox.faults.add(Fault("uploaded", "cut", "docs.lease"))
    with lease("me").lease("docs"):
        assert files.read(PATH).decode().startswith("me")
    assert files.read(PATH) is None


def test_of_two_that_make_one_lease_at_once_the_first_sees_that_it_is_not_his(
    files, lease, monkeypatch
):
    create = VolumeFiles.create

    def overtaken(self, path, content):
        create(self, path, content)
        if content.startswith(b"first"):
            self.overwrite(path, Holder.of_this_process("second").text().encode())

    monkeypatch.setattr(VolumeFiles, "create", overtaken)
    with pytest.raises(BusyError, match="run second"), lease("first").lease("docs"):
        pass


def test_a_volume_that_may_not_be_written_to_ends_the_run_at_once(files, lease):
    files.sandbox.volumes.set_read_only("main.books.staging", True)
    waiting = lease("me", 600.0)
    with pytest.raises(LoadError, match="docs could not be uploaded"), waiting.lease("docs"):
        pass
    assert waiting.time.now == 0
    files.sandbox.volumes.set_read_only("main.books.staging", False)
