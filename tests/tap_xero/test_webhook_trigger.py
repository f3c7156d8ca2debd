"""Runs follow events: gathered, never two at once, with pauses after failures, catching up."""

from __future__ import annotations

import os
import signal
import time

import pytest
from tap_xero.api.retries import Backoff
from tap_xero.webhooks.schedule import Schedule, Timing
from trigger_bench import wait_until
from webhook_receiving import body_of, deliver, event


def test_nothing_runs_without_events(bench):
    bench.start()
    time.sleep(0.5)
    assert bench.runs == []


def test_events_of_a_moment_are_gathered_into_one_run(bench):
    bench.start()
    for number in range(5):
        bench.arrive(number)
    wait_until(lambda: bench.count("ends") == 1 and bench.pending == 0)
    time.sleep(0.3)
    assert bench.count("begins") == 1
    assert bench.metrics.counted("runs", "succeeded") == 1


def test_what_comes_during_a_run_is_taken_by_the_next_and_never_two_run_at_once(bench):
    bench.do("seconds", "0.5")
    bench.start()
    bench.arrive(1)
    wait_until(lambda: bench.count("begins") == 1)
    for number in range(2, 8):
        bench.arrive(number)
        time.sleep(0.05)
    wait_until(lambda: bench.count("ends") == 2 and bench.pending == 0)
    assert bench.count("begins") == 2
    assert bench.never_two_at_once()


def test_failures_make_pauses_that_grow_and_a_success_ends_them(bench):
    bench.do("fail")
    bench.start()
    bench.arrive(1)
    wait_until(lambda: bench.count("fails") == 3)
    bench.arrive(2)
    first, second, third = bench.times("begins")[:3]
    ended = bench.times("fails")
    assert second - ended[0] >= 0.3
    assert third - ended[1] >= 0.6
    assert first < second < third
    bench.dont("fail")
    wait_until(lambda: bench.count("ends") == 1 and bench.pending == 0)
    bench.arrive(3)
    began = time.monotonic()
    wait_until(lambda: bench.count("ends") == 2)
    assert bench.times("begins")[-1] - began < 5
    assert bench.metrics.counted("runs", "failed") == bench.count("fails")
    assert bench.never_two_at_once()


def test_new_events_do_not_shorten_the_pause_after_a_failure(bench):
    bench.do("fail")
    bench.start()
    bench.arrive(1)
    wait_until(lambda: bench.count("fails") == 2)
    for number in range(2, 6):
        bench.arrive(number)
        time.sleep(0.02)
    wait_until(lambda: bench.count("begins") == 3)
    assert bench.times("begins")[2] - bench.times("fails")[1] >= 0.6


def test_it_catches_up_after_a_restart(bench):
    bench.arrive(1, 2, 3)
    bench.start()
    wait_until(lambda: bench.count("ends") == 1 and bench.pending == 0)


def test_what_was_put_back_by_a_command_is_noticed(bench):
    bench.arrive(1)
    bench.inbox.set_aside({1: "no scope"})
    bench.start()
    time.sleep(0.3)
    assert bench.count("begins") == 0
    bench.inbox.put_back()
    wait_until(lambda: bench.count("ends") == 1)


def test_stopping_stops_the_pipeline(bench):
    bench.do("seconds", "60")
    trigger = bench.start()
    bench.arrive(1)
    wait_until(lambda: bench.count("begins") == 1)
    began = time.monotonic()
    trigger.stop()
    bench.triggers.clear()
    assert time.monotonic() - began < 20
    pid = int((bench.folder / "runs").read_text().split()[2])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert bench.pending == 1


# Standby


def test_on_standby_the_pipeline_is_there_before_the_events(bench):
    bench.start(standby=True)
    wait_until(lambda: bench.count("waits") == 1)
    wait_until(bench.inbox.is_warm)
    for number in (1, 2):
        bench.arrive(number)
        wait_until(lambda n=number: bench.count("ends") == n and bench.pending == 0)
        wait_until(lambda n=number: bench.count("waits") == n + 1)
    assert bench.count("begins") == 2
    assert [what for what, _ in bench.runs] == ["waits", "begins", "ends"] * 2 + ["waits"]


def test_a_command_that_does_not_stand_by_is_not_started_over_and_over(bench):
    bench.command = f"echo begins $(date +%s.%N) >> {bench.folder}/runs"
    bench.start(standby=True)
    wait_until(lambda: bench.count("begins") >= 3)
    first, second, third = bench.times("begins")[:3]
    assert second - first >= 0.3
    assert third - second >= 0.6


def test_a_standby_that_another_has_replaced_ends(bench):
    bench.start(standby=True)
    wait_until(lambda: bench.count("waits") == 1)
    bench.inbox.stand_by("another")
    wait_until(lambda: bench.count("leaves") == 1)


def test_a_pipeline_that_outlived_its_starter_is_waited_for(receiver_process, bench):
    def waits(receiver):
        return "a pipeline of another process still runs" in receiver.log.read_text()

    bench.do("hold")
    arguments = ("--run", bench.command, "--gather", "0.05")
    first = receiver_process(*arguments)
    assert deliver(first.url, body_of(event(1))).status_code == 200
    wait_until(lambda: bench.count("begins") == 1)
    assert not waits(first)
    first.kill()
    second = receiver_process(*arguments)
    assert deliver(second.url, body_of(event(2))).status_code == 200
    wait_until(lambda: waits(second))
    bench.dont("hold")
    wait_until(lambda: bench.count("ends") == 2 and bench.pending == 0)
    assert bench.never_two_at_once()


def test_a_standby_that_outlived_its_starter_makes_room(receiver_process, bench):
    arguments = ("--run", bench.command, "--standby", "--gather", "0.05")
    first = receiver_process(*arguments)
    wait_until(lambda: bench.count("waits") == 1)
    first.kill()
    second = receiver_process(*arguments)
    wait_until(lambda: bench.count("leaves") == 1 and bench.count("waits") == 2)
    assert deliver(second.url, body_of(event(1))).status_code == 200
    wait_until(lambda: bench.count("ends") == 1 and bench.pending == 0)


def test_a_stopped_service_leaves_nothing_running(receiver_process, bench):
    process = receiver_process("--run", bench.command, "--standby")
    wait_until(lambda: bench.count("waits") == 1)
    pid = int((bench.folder / "runs").read_text().split()[2])
    assert process.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


# The schedule, which is pure


def test_a_run_that_leaves_something_is_repeated_but_new_events_do_not_wait_for_that():
    schedule = Schedule(Timing(backoff=Backoff(10, 60)), seen=-1)
    assert schedule.due_in(5, now=0) == 0
    schedule.succeeded(through=5, left=2, now=100)
    assert schedule.due_in(5, now=100) == 10
    assert schedule.due_in(6, now=100) == 0
    schedule.succeeded(through=6, left=2, now=200)
    assert schedule.due_in(6, now=200) == 20
    schedule.succeeded(through=6, left=0, now=300)
    assert schedule.due_in(6, now=300) is None


def test_pauses_double_up_to_the_longest():
    schedule = Schedule(Timing(backoff=Backoff(5, 300)), seen=0)
    assert [schedule.failed(now=0) for _ in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert schedule.due_in(99, now=0) == 300
