"""Whatever comes, signed or not: the receiver does not fail, and it keeps no nonsense."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tap_xero.webhooks.events import Delivery, Event, NotUnderstoodError, parse
from tap_xero.webhooks.metrics import RESULTS, Metrics
from tap_xero.webhooks.receiver import LARGEST, PATH, Receiver
from tap_xero.webhooks.signature import SigningKeys
from webhook_receiving import KEY, event, signature

KEYS = SigningKeys.parse(KEY)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=20,
)
almost_events = st.fixed_dictionaries(
    {},
    optional={name: scalars | st.just(value) for name, value in event(1).items()},
)
almost_deliveries = st.fixed_dictionaries(
    {}, optional={"events": values | st.lists(almost_events | values, max_size=6)}
)
bodies = (
    st.binary(max_size=200)
    | (values | almost_deliveries).map(lambda value: json.dumps(value).encode())
    | st.tuples(almost_deliveries, st.integers(0, 300)).map(
        lambda cut: json.dumps(cut[0]).encode()[: cut[1]]
    )
)
headers = st.lists(
    st.tuples(
        st.sampled_from([b"content-length", b"x-xero-signature", b"host", b"expect", b"cookie"]),
        st.integers(0, 10).map(lambda n: str(n).encode()) | st.just(b""),
    ).filter(lambda header: header[0] != b"content-length" or header[1].isdigit()),
    max_size=4,
)


class Kept:
    """A store in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def store(self, events: Any, /) -> None:
        self.events.extend(events)


def request(method: str, path: str, sent: Any, parts: list[bytes]) -> tuple[Any, Kept, Metrics]:
    """What the application answers to a request, as an ASGI server hands it over."""
    kept, metrics = Kept(), Metrics()
    receiver = Receiver(KEYS, kept, metrics, lambda: (0, 0, 0.0))
    answers: list[Any] = []
    queue = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
        for number, part in enumerate(parts)
    ]

    async def receive() -> dict[str, Any]:
        return queue.pop(0) if queue else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": sent}
    asyncio.run(receiver(scope, receive, send))
    return answers, kept, metrics


@given(bodies, headers)
def test_what_is_not_signed_is_never_kept(body, sent):
    answers, kept, metrics = request("POST", PATH, sent, [body])
    assert answers[0]["status"] in (401, 413)
    assert kept.events == []
    assert metrics.counted("deliveries", "unsigned") == 1


@given(bodies, st.integers(1, 5))
def test_what_is_signed_is_answered_200_with_nothing_and_only_whole_events_are_kept(body, pieces):
    step = max(1, len(body) // pieces)
    parts = [body[at : at + step] for at in range(0, len(body), step)] or [b""]
    sent = [(b"x-xero-signature", signature(body).encode())]
    answers, kept, metrics = request("POST", PATH, sent, parts)
    assert answers[0]["status"] == 200
    assert answers[1]["body"] == b""
    assert not any(name == b"set-cookie" for name, _ in answers[0]["headers"])
    for each in kept.events:
        assert all((each.tenant_id, each.category, each.resource_id, each.at))
        assert all(isinstance(part, str) and part.isprintable() for part in vars(each).values())
    assert sum(metrics.counted("deliveries", result) for result in RESULTS) == 1


@given(bodies)
def test_reading_a_body_ends_in_a_delivery_or_says_that_it_is_none(body):
    try:
        delivery = parse(body)
    except NotUnderstoodError:
        return
    assert isinstance(delivery, Delivery)
    assert delivery.malformed >= 0


@given(st.text(max_size=8), st.text(max_size=30), headers)
def test_other_methods_and_paths_keep_nothing(method, path, sent):
    body = json.dumps({"events": [event(1)]}).encode()
    signed = [*sent, (b"x-xero-signature", signature(body).encode())]
    if (method, path) == ("POST", PATH):
        return
    answers, kept, _ = request(method, path, signed, [body])
    assert answers[0]["status"] in (404, 405)
    assert kept.events == []


def test_a_body_that_grows_beyond_the_limit_is_not_collected():
    piece = b"x" * 65_536
    answers, kept, metrics = request("POST", PATH, [], [piece] * (LARGEST // len(piece) + 10))
    assert answers[0]["status"] == 413
    assert (b"connection", b"close") in answers[0]["headers"]
    assert (kept.events, metrics.counted("deliveries", "too_large")) == ([], 1)
