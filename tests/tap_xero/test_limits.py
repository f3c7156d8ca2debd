"""Invariant 5: at most 5 calls in flight and 60 in a minute for each organisation.

However many threads and processes share a store.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from singer_sdk.helpers._util import dump_json
from tap_xero.api.limits import WINDOW, Allowance, Limiter
from tap_xero.models.resources import RESOURCES


class SteppingClock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 1_000_000.0
        self.slept = []

    def time(self):
        return self.now

    monotonic = time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def clock():
    return SteppingClock()


@pytest.fixture
def limiter(tmp_path, clock, warnings):
    made = []

    def make(path=tmp_path / "calls", **allowance):
        made.append(Limiter(path, clock, allowance=Allowance(**allowance), warn=warnings.append))
        return made[-1]

    yield make
    for each in made:
        each.close()


def call(limiter, tenant="one"):
    waited = []
    with limiter.slot(tenant, waited.append):
        pass
    return sum(waited)


def test_the_sixty_first_call_waits_for_the_first_to_be_a_minute_old(limiter, clock):
    one = limiter()
    for _ in range(60):
        assert call(one) == 0
        clock.now += 0.1
    waited = call(one)
    assert waited == pytest.approx(WINDOW - 6, abs=0.01)
    assert call(one, "another organisation") == 0


def test_two_processes_with_the_same_store_share_the_minute(limiter, clock):
    one, two = limiter(), limiter()
    for number in range(60):
        assert call(one if number % 2 else two) == 0
    assert call(one) > 50


def test_the_calls_of_all_organisations_together_are_limited_too(limiter):
    one = limiter(app_minute=10)
    for number in range(10):
        assert call(one, f"organisation {number}") == 0
    assert call(one, "the eleventh") == pytest.approx(WINDOW, abs=0.01)


def test_calls_of_others_that_xero_counts_are_counted_in(limiter):
    one = limiter()
    call(one)
    one.answered("one", {"X-MinLimit-Remaining": "3"})
    for _ in range(3):
        assert call(one) == 0
    assert call(one) > 50
    assert call(one, "another organisation") == 0


def test_an_answer_that_counts_no_more_than_we_do_changes_nothing(limiter):
    one = limiter()
    for number in range(1, 61):
        assert call(one) == 0
        one.answered("one", {"X-MinLimit-Remaining": str(60 - number)})
    one.answered("one", {})
    one.answered("one", {"X-MinLimit-Remaining": "many"})


@pytest.mark.parametrize(("held", "other"), [("one", 0), (None, 20)])
def test_a_hold_keeps_all_processes_waiting(limiter, held, other):
    limiter().hold(held, 20)
    two = limiter()
    assert call(two, "another organisation") == pytest.approx(other, abs=0.01)
    if held:
        assert call(two) == pytest.approx(20, abs=0.01)


def test_a_clock_that_was_set_back_does_not_stop_anybody(limiter, clock):
    one = limiter()
    for _ in range(60):
        call(one)
    clock.now -= 86_400
    assert call(one) == 0


@pytest.mark.parametrize("gone", [5, 4])
def test_invariant_5_xero_may_still_work_on_calls_of_a_process_that_is_gone(
    limiter, clock, tmp_path, gone
):
    """Kind 17 of the trials."""
    code = (
        "import os, sys; from pathlib import Path; from tap_xero.api.limits import Limiter\n"
        "class Clock: time = monotonic = staticmethod(lambda: float(sys.argv[2]))\n"
        "one = Limiter(Path(sys.argv[1]), Clock, warn=print)\n"
        f"slots = [one.slot('one', print) for _ in range({gone})]\n"
        "for each in slots: each.__enter__()\n"
        "os._exit(9)\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "calls", str(clock.now)]
    assert subprocess.run(command, check=False).returncode == 9
    one = limiter()
    clock.now += 3
    assert call(one) == (pytest.approx(17, abs=0.1) if gone == 5 else 0)
    assert call(one) == 0


def test_calls_that_are_on_their_way_when_a_run_stops_keep_their_slots(limiter):
    """Kind 17 of the trials."""
    one, other = limiter(), limiter()
    slots = [one.slot("one", lambda _: None) for _ in range(5)]
    for slot in slots:
        slot.__enter__()
    one.close()
    entered = threading.Event()
    waiting = threading.Thread(target=lambda: (call(other), entered.set()), daemon=True)
    waiting.start()
    assert not entered.wait(0.2)
    for slot in slots:
        slot.__exit__(None, None, None)
    assert entered.wait(10)
    one.close()


def test_a_file_that_is_no_database_is_named_and_not_needed(limiter, tmp_path, warnings):
    (tmp_path / "calls").write_text("this is not a database, but long enough to be one" * 20)
    assert call(limiter()) == 0
    (warning,) = warnings
    assert str(tmp_path / "calls") in warning


def test_invariant_5_never_more_than_five_at_once_for_any_number_of_threads_and_processes(tmp_path):
    sharing = [
        Limiter(tmp_path / "calls", time, allowance=Allowance(minute=10_000), warn=print)
        for _ in range(2)
    ]
    lock, running, most = threading.Lock(), defaultdict(int), defaultdict(int)
    # Every five calls of an organisation wait for each other, however slow the machine is.
    five = defaultdict(lambda: threading.Barrier(5, timeout=60))

    def work(number):
        tenant = f"organisation {number % 2}"
        with sharing[number % 4 // 2].slot(tenant, lambda _: None):
            with lock:
                running[tenant] += 1
                most[tenant] = max(most[tenant], running[tenant])
                together = five[tenant]
            together.wait()
            time.sleep(0.005)
            with lock:
                running[tenant] -= 1

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(work, range(120)))
    for each in sharing:
        each.close()
    assert set(most.values()) == {5}


def test_invariant_5_a_run_keeps_to_the_limits_of_the_sandbox(
    make_xero_sandbox, run_tap, selecting, small_pages, allowance
):
    allowance(minute=60)
    small_pages(12)
    sandbox = make_xero_sandbox(organisations=2, invoices=250, limits=True, latency=0.02)
    run = run_tap(sandbox, catalog=selecting("accounts", "contacts", "invoices", "payments"))
    assert run.error is None
    assert not run.remarks
    assert sandbox.calls.of(status=429) == []
    assert len(sandbox.calls.of("Invoices", status=200)) > 30


def test_two_taps_with_one_store_keep_to_the_limits_together(
    make_xero_sandbox, config_of, selecting, tmp_path
):
    """Invariant 5, with real processes: both would have five calls in flight."""
    sandbox = make_xero_sandbox(invoices=20, limits=True, latency=0.1)
    streams = [each.stream for each in RESOURCES if not each.detail][:20]
    config = config_of(sandbox, credential_store=str(tmp_path / "tokens"))
    for name, content in (("config", config), ("catalog", selecting(*streams))):
        (tmp_path / f"{name}.json").write_text(dump_json(content))
    files = ["--config", tmp_path / "config.json", "--catalog", tmp_path / "catalog.json"]
    taps = [
        subprocess.Popen(
            [Path(sys.executable).with_name("tap-xero"), *files],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for tap in taps:
        _, log = tap.communicate(timeout=120)
        assert tap.returncode == 0, log.decode()
    assert len(sandbox.calls.of("*", status=200)) > 2 * len(streams)
    assert sandbox.calls.of(status=429) == []
    assert len(sandbox.calls.of("connect/token")) == 1
