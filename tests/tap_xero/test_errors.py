"""Refusals by what to do about them, and retries that wait as long as Xero asks."""

from __future__ import annotations

import random

import pytest
from tap_xero.api import errors
from tap_xero.api.errors import Refusal, classify
from tap_xero.api.retries import Retries


def refusal(status: int, body=None, **headers) -> Refusal:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refusal(status, named, body, "Invoices of Demo")


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (refusal(400, {"Message": "bad where"}), errors.RequestRefusedError),
        (refusal(401, {"Detail": "TokenExpired: token expired at x"}), errors.TokenExpiredError),
        (refusal(401, {"Detail": "AuthorizationUnsuccessful"}), errors.TokenRefusedError),
        (refusal(401), errors.TokenRefusedError),
        (refusal(403, {"Detail": "AuthenticationUnsuccessful"}), errors.OrganisationGoneError),
        (refusal(403, {"Detail": "AuthorizationUnsuccessful"}), errors.AccessDeniedError),
        (refusal(403), errors.TemporaryError),
        (refusal(403, "<html>"), errors.TemporaryError),
        (refusal(404), errors.NotFoundError),
        (refusal(412), errors.RequestRefusedError),
        (refusal(429, X_Rate_Limit_Problem="minute", Retry_After="17"), errors.ThrottledError),
        (refusal(429, X_Rate_Limit_Problem="concurrent"), errors.ThrottledError),
        (refusal(429, X_Rate_Limit_Problem="day", Retry_After="40000"), errors.DayLimitError),
        (refusal(429, X_Rate_Limit_Problem="Day"), errors.DayLimitError),
        (refusal(429, Retry_After="66975"), errors.DayLimitError),
        (refusal(429), errors.ThrottledError),
        (refusal(500), errors.TemporaryError),
        (refusal(504, "<html>"), errors.SlowAnswerError),
        (refusal(503, "The organisation is offline"), errors.TemporaryError),
    ],
)
def test_every_refusal_is_named_by_its_remedy(refused, expected):
    error = classify(refused)
    assert type(error) is expected
    assert "Invoices of Demo" in str(error)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X_Rate_Limit_Problem": "minute", "Retry_After": "17"}, 17),
        ({"X_Rate_Limit_Problem": "minute"}, 60),
        ({"X_Rate_Limit_Problem": "appminute", "Retry_After": "x"}, 60),
        ({"X_Rate_Limit_Problem": "concurrent"}, None),
    ],
)
def test_throttling_waits_as_long_as_xero_asks(headers, wait):
    assert classify(refusal(429, **headers)).wait == wait


class FakeClock:
    def __init__(self):
        self.slept = []

    def monotonic(self):
        return sum(self.slept)

    time = monotonic

    def sleep(self, seconds):
        self.slept.append(seconds)


def failing(*failures):
    """A call that fails in the given ways and then works."""
    left = list(failures)

    def call():
        if left:
            raise left.pop(0)
        return "done"

    return call


def test_a_minute_limit_is_waited_out_exactly():
    clock = FakeClock()
    said = []
    retries = Retries(clock=clock, notify=said.append)
    assert retries.run(failing(errors.ThrottledError("Too many calls.", 17.0))) == "done"
    assert clock.slept == [17.0]
    assert said == ["Too many calls. Waiting 17 seconds."]


def test_failures_are_retried_with_growing_pauses_and_then_given_up():
    clock = FakeClock()
    retries = Retries(clock=clock, attempts=4, base=1.0, chance=random.Random(1))
    with pytest.raises(errors.TemporaryError, match="down"):
        retries.run(failing(*[errors.TemporaryError("down")] * 9))
    assert len(clock.slept) == 3
    for pause, most in zip(clock.slept, (1, 2, 4), strict=True):
        assert most / 2 <= pause <= most


def test_throttling_does_not_use_up_the_attempts_for_failures():
    clock = FakeClock()
    busy = [errors.ThrottledError("busy", None)] * 10
    assert Retries(clock=clock, attempts=2).run(failing(*busy)) == "done"
    assert len(clock.slept) == 10


@pytest.mark.parametrize("error", [errors.DayLimitError("x"), errors.RequestRefusedError("x")])
def test_what_cannot_get_better_is_not_retried(error):
    clock = FakeClock()
    with pytest.raises(type(error)):
        Retries(clock=clock).run(failing(error))
    assert clock.slept == []
