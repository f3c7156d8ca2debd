"""State and lease in a volume: nothing is lost, and one run at a time reads Xero."""

from __future__ import annotations

import threading

import pytest
from bundle_secrets import VOLUME
from databricks_sandbox.faults import Fault
from xero_job import lease as leases
from xero_job.lease import HeldError, Lease, LostError
from xero_job.state import KEPT, StateLog
from xero_job.volume import NumberedFiles, TakenError


class Time:
    """Seconds that pass when somebody sleeps."""

    def __init__(self, *events) -> None:
        self.now = 0.0
        self.events = list(events)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self.events and self.events[0][0] <= self.now:
            self.events.pop(0)[1]()


@pytest.fixture
def files(client):
    return lambda name: NumberedFiles(client.files, f"{VOLUME}/{name}")


def lease_of(files, run: str, time: Time) -> Lease:
    return Lease(files("lease"), run, now=lambda: time.now, sleep=time.sleep)


def test_a_state_is_there_for_the_next_run_and_older_ones_go(files):
    log = StateLog(files("state"))
    assert log.latest() is None
    for n in range(12):
        log.add({"n": n})
    assert StateLog(files("state")).latest() == {"n": 11}
    assert len(files("state").numbers()) == KEPT + 1


def test_of_two_runs_with_one_state_the_second_to_write_stops(files):
    one, two = StateLog(files("state")), StateLog(files("state"))
    one.latest()
    two.latest()
    one.add({"run": 1})
    with pytest.raises(TakenError, match="one run at a time"):
        two.add({"run": 2})
    assert StateLog(files("state")).latest() == {"run": 1}


def test_a_state_whose_answer_was_lost_is_written_once(files, workspace):
    log = StateLog(files("state"))
    log.latest()
    workspace.faults.add(Fault(at="uploaded", effect="http", match="state", status=503, times=1))
    log.add({"n": 1})
    log.add({"n": 2})
    assert files("state").numbers() == [1, 2]


def test_who_waits_begins_when_the_other_run_has_ended(files):
    first = lease_of(files, "run 1", Time())
    first.take()
    time = Time((20, first.give_back))
    second = lease_of(files, "run 2", time)
    second.take()
    assert time.now == pytest.approx(20, abs=leases.POLL_SECONDS)
    second.beat()
    with pytest.raises(LostError):
        first.beat()


def test_a_run_that_lives_keeps_its_lease_and_one_that_was_killed_loses_it(files):
    first = lease_of(files, "run 1", Time())
    first.take()
    beats = [(n * leases.BEAT_SECONDS, first.beat) for n in range(1, 21)]
    time = Time(*beats)
    second = lease_of(files, "run 2", time)
    second.take()
    last = 20 * leases.BEAT_SECONDS
    assert time.now == pytest.approx(last + leases.DEAD_AFTER_SECONDS, abs=leases.POLL_SECONDS * 2)
    with pytest.raises(LostError, match="no sign of life"):
        first.require()
    first.give_back()
    second.beat()


def test_who_waits_too_long_is_told_for_whom(files, monkeypatch):
    monkeypatch.setattr(leases, "POLL_SECONDS", 100.0)
    first = lease_of(files, "run 17", Time())
    first.take()
    beats = [(n * 100.0, first.beat) for n in range(1, 40)]
    with pytest.raises(HeldError, match="Run run 17 has been reading Xero for 50 minutes"):
        lease_of(files, "run 18", Time(*beats)).take()


def test_of_many_who_wait_one_at_a_time_gets_the_lease(files):
    inside: list[str] = []
    most: list[int] = []

    def work(name: str) -> None:
        with Lease(files("lease"), name, sleep=lambda _: None):
            inside.append(name)
            most.append(len(inside))
            inside.remove(name)

    threads = [threading.Thread(target=work, args=(f"run {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6
