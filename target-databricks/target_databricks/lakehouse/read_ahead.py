"""Reading a table while it is being written, on a thread of its own.

delta-rs runs reads and writes on one runtime and refuses to start a read from inside a write. A
rewrite is just that, the table's own rows streamed through a change, so the reading half gets a
thread, and a short queue between the two keeps memory flat.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

WAITING = 2
"""Items read ahead."""
_GLANCE_SECONDS = 0.1
"""How soon a reader notices that nobody wants its items any more."""


def pumped(read: Callable[[], Iterable[T]]) -> Iterator[T]:
    """Iterate in this thread over what another thread reads.

    Args:
        read: Called once, on the other thread; what it raises is raised here.
    """
    items: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(WAITING)
    unwanted = threading.Event()

    def offer(item: T | None, error: BaseException | None) -> bool:
        while not unwanted.is_set():
            try:
                items.put((item, error), timeout=_GLANCE_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        end: BaseException = StopIteration()
        try:
            for item in read():
                if not offer(item, None):
                    return
        except BaseException as error:  # noqa: BLE001 - carried to the thread that iterates
            end = error
        offer(None, end)

    thread = threading.Thread(target=work, name="pump", daemon=True)
    thread.start()
    try:
        while True:
            item, error = items.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        unwanted.set()
        thread.join()
