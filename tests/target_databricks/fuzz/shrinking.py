"""Shrinking a failing case to what it takes to fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Self

from fuzz.cases import Case
from fuzz.messages import understood


def shrunk(case: Case, fails: Callable[[Case], bool]) -> Case:
    """The case less everything that it takes not to fail any more.

    Args:
        case: A case.
        fails: Whether a case still fails in the same way.
    """
    dying = _dying(case)

    def really(smaller: Case) -> bool:
        return _is_sound(smaller) and _dying(smaller) <= dying and fails(smaller)

    for number in reversed(range(len(case.runs))):
        case = _first(
            really, case, [replace(case, runs=case.runs[:number] + case.runs[number + 1 :])]
        )
    changed = True
    while changed:
        size = _size(case)
        for smaller in (_with_less_lines, _with_less_members, _with_less_settings):
            case = smaller(case, really)
        changed = _size(case) < size
    return case


def _dying(case: Case) -> int:
    """How many runs end at a line that is no message."""
    return sum(understood(run).dies is not None for run in case.runs)


def _is_sound(case: Case) -> bool:
    """Whether a case still says what the model relies on: one serial, one record."""
    records: dict[int, Any] = {}
    for run in case.runs:
        for stream in understood(run).streams.values():
            for sent in (*stream.records, *stream.odd):
                if records.setdefault(sent.serial, sent.record) != sent.record:
                    return False
                if sent.properties.get("serial") != {"type": "integer"}:
                    return False
                if not all(sent.properties[key] for key in sent.keys):
                    return False
    return True


def _size(case: Case) -> int:
    return sum(len(str(run.settings)) + sum(map(len, run.lines)) for run in case.runs)


def _first(fails: Any, case: Case, smaller: list[Case]) -> Case:
    return next((each for each in smaller if fails(each)), case)


def _put(case: Case, number: int, **changes: Any) -> Case:
    runs = list(case.runs)
    runs[number] = replace(runs[number], **changes)
    return replace(case, runs=runs)


def _with_less_lines(case: Case, fails: Any) -> Case:
    for number in range(len(case.runs)):
        step = max(1, len(case.runs[number].lines) // 2)
        while step:
            start = 0
            while start < len(case.runs[number].lines):
                lines = case.runs[number].lines
                fewer = _put(case, number, lines=lines[:start] + lines[start + step :])
                if fails(fewer):
                    case = fewer
                else:
                    start += step
            step //= 2
    return case


def _with_less_settings(case: Case, fails: Any) -> Case:
    for number in range(len(case.runs)):
        for name in list(case.runs[number].settings):
            settings = {k: v for k, v in case.runs[number].settings.items() if k != name}
            case = _first(fails, case, [_put(case, number, settings=settings)])
        if case.runs[number].killed:
            case = _first(fails, case, [_put(case, number, killed=None)])
    return case


def _with_less_members(case: Case, fails: Any) -> Case:
    """Leave out members of records and properties of schemas."""
    for number in range(len(case.runs)):
        for i in range(len(case.runs[number].lines)):
            for shorter in _shorter(case.runs[number].lines[i]):
                lines = list(case.runs[number].lines)
                lines[i] = shorter
                smaller = _put(case, number, lines=lines)
                if len(shorter) < len(case.runs[number].lines[i]) and fails(smaller):
                    case = smaller
                    break
    return case


def _shorter(line: bytes) -> Iterator[bytes]:
    try:
        message = json.loads(line, parse_int=_Text, parse_float=_Text, parse_constant=_Text)
    except ValueError:
        return
    if not isinstance(message, dict):
        return
    yield from (_written(each) for each in _less(message))


class _Text(int):
    """A number that is written as it was read."""

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, 0)
        made.text = text
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]


def _less(value: Any) -> Iterator[Any]:
    """The value with one thing less, in all ways."""
    if isinstance(value, dict):
        for name in value:
            yield {k: v for k, v in value.items() if k != name}
        for name, below in value.items():
            for less in _less(below):
                yield {**value, name: less}
    elif isinstance(value, list):
        for i in range(len(value)):
            yield value[:i] + value[i + 1 :]
        for i, below in enumerate(value):
            for less in _less(below):
                yield [*value[:i], less, *value[i + 1 :]]
    elif isinstance(value, str) and len(value) > 40:
        yield value[: len(value) // 2]


def _written(value: Any) -> bytes:
    if isinstance(value, dict):
        parts = [json.dumps(k).encode() + b": " + _written(v) for k, v in value.items()]
        return b"{" + b", ".join(parts) + b"}"
    if isinstance(value, list):
        return b"[" + b", ".join(map(_written, value)) + b"]"
    return repr(value).encode() if isinstance(value, _Text) else json.dumps(value).encode()


def shown(case: Case) -> str:
    """A case as somebody can read it and run it again."""
    out = [f"seed {case.seed}"]
    for number, run in enumerate(case.runs, 1):
        killed = f", killed at {run.killed}" if run.killed else ""
        out.append(f"run {number}: {json.dumps(run.settings)}{killed}")
        out += [f"  {line.decode('utf-8', 'replace')[:2000]}" for line in run.lines]
        out += [f"  {name}: {data[:200]!r}" for name, data in run.files.items()]
    return "\n".join(out)
