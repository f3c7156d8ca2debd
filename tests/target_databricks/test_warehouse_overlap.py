"""Two runs at once in one schema, from any moment of the first: none fails, no row is wrong."""

from __future__ import annotations

import io
import random
import threading
import time
from collections import Counter

import pytest
from target_databricks.target import TargetDatabricks

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "v": TEXT}},
    "x-child-table": {"name": "lines"},
}
AT = {"type": "string", "format": "date-time"}


class Story:
    """What rounds of two runs send, and what must be in the tables after them.

    Attributes:
        docs: Text of each document, by its id; a document has one line that says the same.
        logs: How often each row without a key was sent.
    """

    def __init__(self, singer):
        self._singer = singer
        self.docs, self.logs, self.others = {}, Counter(), {}
        self._minute = 0

    def run(self, tag, ids, *, others=False):
        """The messages of a run, whose rows are later than those of the run before."""
        self._minute += 1
        at = f"2026-01-01T{self._minute // 60:02}:{self._minute % 60:02}:00Z"
        if others:
            self.others |= dict.fromkeys(ids, tag)
            schema = self._singer.schema("others", {"id": INTEGER, "v": TEXT})
            records = ({"id": i, "v": tag} for i in ids)
            return [schema, *self._singer.records("others", *records)]
        self.docs |= dict.fromkeys(ids, tag)
        self.logs[tag] += 2
        properties = {"id": INTEGER, "v": TEXT, "at": AT, "lines": LINES}
        records = [{"id": i, "v": tag, "at": at, "lines": [{"n": i, "v": tag}]} for i in ids]
        return [
            self._singer.schema("docs", properties, bookmarks=["at"]),
            *self._singer.records("docs", *records),
            self._singer.schema("logs", {"x": TEXT}, []),
            *self._singer.records("logs", {"x": tag}, {"x": tag}),
        ]


def load(warehouse, text, errors):
    config = {**warehouse.config(), "batch_size_rows": 2}
    try:
        TargetDatabricks(config=config, validate_config=True).listen(io.BytesIO(text))
    except BaseException as error:  # noqa: BLE001 - shown by the test
        errors.append(error)


def at_once(warehouse, first, second, offset):
    """Load two texts: the second begins when so many statements of the first have been sent."""
    errors = []
    before = len(warehouse.sandbox.log.statements)
    one = threading.Thread(target=load, args=(warehouse, first, errors))
    other = threading.Thread(target=load, args=(warehouse, second, errors))
    one.start()
    while one.is_alive() and len(warehouse.sandbox.log.statements) < before + offset:
        time.sleep(0.002)
    other.start()
    one.join()
    other.join()
    assert errors == []


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.stress)])
def test_invariant_3_two_runs_at_any_offset_lose_and_double_nothing(warehouse, singer, rounds):
    chance, story = random.Random(rounds), Story(singer)
    for number in range(rounds):
        ids = chance.sample(range(6), 3)
        first = story.run(f"{number}a", ids)
        second = story.run(f"{number}b", chance.sample(range(6), 3), others=number % 3 == 1)
        texts = singer.text(first), singer.text(second)
        at_once(warehouse, *texts, offset=chance.randint(0, 25))
    docs = warehouse.rows("docs", "id", "v")
    assert docs == [{"id": i, "v": v} for i, v in sorted(story.docs.items())]
    assert warehouse.rows("lines", "n", "v", by="n") == [
        {"n": i, "v": v} for i, v in sorted(story.docs.items())
    ]
    assert Counter(warehouse.rows("logs", "x", by="x")) == story.logs
    others = warehouse.rows("others", "id", "v")
    assert others == [{"id": i, "v": v} for i, v in sorted(story.others.items())]
    assert warehouse.staged() == []
