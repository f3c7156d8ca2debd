"""Attack 12 of the trials: strangers and good deliveries at once, and nothing of Xero's refused.

Strangers connect, send an unsigned delivery or a piece of one, and say nothing more; those who are
sent away come back. Xero sends at half the rate that the same run measured without them.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tap_xero.webhooks.inbox import Inbox
from webhook_receiving import ReceiverProcess, body_of, event, signature

CONNECTIONS = 16


class Xero:
    """Sends deliveries of one event each over a few connections that stay open."""

    def __init__(self, where: tuple[str, int]) -> None:
        self._where = where
        self._numbers = itertools.count(1)
        self.taken: set[str] = set()
        self.refused: list[bytes] = []
        self.slowest = 0.0

    async def send(self, number: int, rate: float = float("inf")) -> float:
        """Send so many, at most so many a second; gives the rate that it came to."""
        began = time.monotonic()
        due = (began + index / rate for index in range(number))
        await asyncio.gather(*(self._connection(due) for _ in range(CONNECTIONS)))
        return number / (time.monotonic() - began)

    async def _connection(self, due) -> None:
        reader, writer = await asyncio.open_connection(*self._where)
        for moment in due:
            await asyncio.sleep(max(0.0, moment - time.monotonic()))
            made = event(next(self._numbers))
            body = body_of(made)
            sent = time.monotonic()
            writer.write(
                f"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
                f"x-xero-signature: {signature(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            self.slowest = max(self.slowest, time.monotonic() - sent)
            if head.startswith(b"HTTP/1.1 200"):
                self.taken.add(made["resourceId"])
            else:
                self.refused.append(head)
        writer.close()


async def stranger(where: tuple[str, int], number: int, counts: list[int]) -> None:
    """Come again and again, with an unsigned delivery, half a one, or nothing."""
    body = body_of(event(1))
    whole = f"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    said = (whole + body, whole, b"")[number % 3]
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(*where)
            counts[0] += 1
            writer.write(said)
            await reader.read()
            writer.close()
        await asyncio.sleep(1.0)


@pytest.mark.parametrize(
    ("strangers", "deliveries"),
    [(150, 300), pytest.param(1_000, 10_000, marks=pytest.mark.stress)],
)
def test_attack_12_nothing_is_refused_while_strangers_hold_connections(
    tmp_path: Path, strangers, deliveries
):
    receiver = ReceiverProcess(tmp_path / "inbox.db", "--log-level", "warning")
    host, port = receiver.url.split("/")[2].split(":")
    where = (host, int(port))
    xero, counts = Xero(where), [0]

    async def run() -> tuple[float, float]:
        alone = await xero.send(deliveries)
        xero.slowest = 0.0
        crowd = [asyncio.create_task(stranger(where, n, counts)) for n in range(strangers)]
        while counts[0] < strangers:
            await asyncio.sleep(0.01)
        besieged = await xero.send(deliveries, alone / 2)
        for each in crowd:
            each.cancel()
        return alone, besieged

    try:
        alone, besieged = asyncio.run(run())
    finally:
        assert receiver.stop() == 0
    print(
        f"{alone:,.0f} deliveries a second alone, {besieged:,.0f} beside {strangers:,} strangers "
        f"who connected {counts[0]:,} times; slowest answer {xero.slowest:.2f} s"
    )
    assert xero.refused == []
    assert xero.slowest < 5.0
    with Inbox(tmp_path / "inbox.db") as inbox:
        events = inbox.waiting({}, inbox.last_position(), most=1_000_000)
        assert {each.event.resource_id for each in events} == xero.taken
    assert len(xero.taken) == 2 * deliveries
