"""How often a stream is read, and how often it is read whole: durations by name of stream.

`{"contacts": "24h", "tracking_*": "12h", "*": "1h"}`: the name itself comes first, then the
longest pattern that matches, so the order of the settings does not matter. What is due is
decided by when it was last read, which the state remembers.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tap_xero.models.dates import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_EARLY = 0.1
"""Part of its time by which a stream may be read too early: schedules are not exact, and one
that runs every hour must find what is due every hour."""


def duration(text: Any) -> timedelta:
    """A duration: `30m`, `24h`, `7d`, `2w`.

    Raises:
        ValueError: It is none.
    """
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration such as 30m, 24h, 7d or 2w")
    try:
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        raise ValueError(f"{text!r} is too long") from None


def problems(setting: str, rules: Mapping[str, Any], streams: Collection[str]) -> list[str]:
    """What is wrong with the rules of a setting, one sentence each."""
    errors = []
    for pattern, text in rules.items():
        if not any(fnmatchcase(stream, pattern) for stream in streams):
            errors.append(f"Setting {setting}: {pattern} is no stream: see tap-xero --discover.")
        try:
            duration(text)
        except ValueError as error:
            errors.append(f"Setting {setting}: {pattern}: {error}.")
    return errors


def rule(rules: Mapping[str, Any] | None, stream: str) -> timedelta | None:
    """The duration that holds for a stream; None when there is none."""
    matching = [pattern for pattern in rules or {} if fnmatchcase(stream, pattern)]
    if not matching:
        return None
    best = max(matching, key=lambda pattern: (pattern == stream, len(pattern), pattern))
    return duration((rules or {})[best])


def is_due(every: timedelta | None, last: Any, now: datetime) -> bool:
    """Whether something that is done every so often is to be done now.

    Args:
        every: How often; None for always.
        last: When it was last begun, as the state remembers.
        now: The time.
    """
    if every is None or not isinstance(last, str):
        return True
    try:
        elapsed = now - parse_instant(last)
    except ValueError:
        return True
    # A time in the future is one of a clock that was wrong.
    return elapsed < timedelta(0) or elapsed >= every * (1 - _EARLY)


def stamp(now: datetime) -> str:
    """A moment as the state remembers it."""
    return format_instant(now)
