"""How many deliveries the receiver takes, how fast it answers, and whether it keeps each once.

The generator here is Python, on the same machine, and sends at a fixed pace whatever the answers;
`webhook_load.lua` does the same with wrk, as fast as it goes. Every tenth delivery is sent twice.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

import pytest
from measuring import show
from tap_xero.webhooks.inbox import Inbox
from webhook_receiving import KEY, ReceiverProcess, body_of, event, signature

pytestmark = pytest.mark.benchmark

RATE = 500
SECONDS = 20
CONNECTIONS = 64
EVENTS = 3


def deliveries(number: int) -> list[tuple[bytes, list[int]]]:
    """Bodies of three events each, and the numbers of the events; every tenth comes twice."""
    made = []
    for index in range(number):
        numbers = [index * EVENTS + each for each in range(EVENTS)]
        body = body_of(*map(event, numbers))
        made += [(body, numbers)] * (2 if index % 10 == 0 else 1)
    random.Random(1).shuffle(made)
    return made


class Generator:
    """Sends deliveries at a fixed pace over a few connections that stay open."""

    def __init__(self, url: str, made: list[tuple[bytes, list[int]]]) -> None:
        host, port = url.removeprefix("http://").split("/")[0].split(":")
        self._where = (host, int(port))
        self._left = iter(made)
        self.took: list[float] = []
        self.answered: set[int] = set()
        self.refused = 0

    async def run(self) -> float:
        """Send everything; gives the seconds it took."""
        began = time.perf_counter()
        self._due = began
        await asyncio.gather(*(self._connection() for _ in range(CONNECTIONS)))
        return time.perf_counter() - began

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection(*self._where)
        for body, numbers in self._left:
            # When it should be sent counts, not when a connection was free for it.
            due = self._due = self._due + 1 / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(
                f"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
                f"x-xero-signature: {signature(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            self.took.append(time.perf_counter() - due)
            if head.startswith(b"HTTP/1.1 200"):
                self.answered.update(numbers)
            else:
                self.refused += 1
        writer.close()


def test_deliveries_a_second(tmp_path: Path) -> None:
    made = deliveries(RATE * SECONDS * 10 // 11)
    receiver = ReceiverProcess(tmp_path / "inbox.db")
    try:
        generator = Generator(receiver.url, made)
        seconds = asyncio.run(generator.run())
    finally:
        receiver.stop()
    with Inbox(tmp_path / "inbox.db") as inbox:
        found = inbox.waiting({}, inbox.last_position(), most=10_000_000)
        stored = [each.event.resource_id for each in found]
    took = sorted(generator.took)
    p50, p99 = (took[int(len(took) * part)] * 1000 for part in (0.5, 0.99))
    show(
        "webhook receiver",
        [
            ("deliveries", f"{len(made):,}, {len(made) / seconds:,.0f} a second"),
            ("answered within", f"{p50:.1f} ms (median), {p99:.1f} ms (99 of 100)"),
            ("events sent, stored", f"{len(generator.answered):,}, {len(stored):,}"),
        ],
    )
    assert generator.refused == 0
    assert len(stored) == len(set(stored)), "something is stored twice"
    assert set(stored) == {event(number)["resourceId"] for number in generator.answered}
    assert len(made) / seconds > 0.95 * RATE
    assert p99 < 100


def main() -> None:
    """Write deliveries for wrk."""
    parser = argparse.ArgumentParser(description="Writes signed deliveries for webhook_load.lua.")
    parser.add_argument("--write", type=Path, required=True)
    parser.add_argument("--number", type=int, default=100_000)
    parser.add_argument("--key", default=KEY)
    options = parser.parse_args()
    with options.write.open("wb") as file:
        for body, _ in deliveries(options.number):
            file.write(signature(body, options.key).encode() + b"\t" + body + b"\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "tap_xero"))
    main()
