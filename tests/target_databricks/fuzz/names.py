"""Which columns may be a property's: those of its letters.

How a name is spelled is the target's business. Here a column may be a property's when both have the
same letters and digits in the same order, whatever the case; the column may be cut, and have a
suffix that keeps it apart from another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from unicodedata import normalize

_SUFFIX = re.compile(r"_[0-9a-f]{6}$")
_CUT = 180


@lru_cache(maxsize=4096)
def letters(name: str) -> str:
    """The letters and digits of a name, in any script, without their case."""
    return "".join(c for c in normalize("NFC", name.casefold()) if c.isalnum())


def may_be(column: str, name: str) -> bool:
    """Whether a column or table may be that of a property or stream."""
    return _may_be(column, letters(name))


def _may_be(column: str, wanted: str) -> bool:
    whole, bare, cut = _spellings(column)
    return wanted in (whole, bare) or (cut and wanted.startswith((whole, bare)))


@lru_cache(maxsize=4096)
def _spellings(column: str) -> tuple[str, str, bool]:
    """The letters of a column, those without its suffix, and whether it may be cut."""
    bare = _SUFFIX.sub("", column)
    return letters(column), letters(bare), len(bare) > _CUT


def candidates(name: str, columns: Iterable[str]) -> list[str]:
    """The columns that may be a property's, the likeliest first."""
    wanted = letters(name)
    return sorted((c for c in columns if _may_be(c, wanted)), key=lambda c: (c != name, len(c)))


def assigned(options: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Give as many names as possible one of their options, no option twice."""
    owners: dict[str, str] = {}

    def place(name: str, tried: set[str]) -> bool:
        for option in options[name]:
            if option not in tried:
                tried.add(option)
                if option not in owners or place(owners[option], tried):
                    owners[option] = name
                    return True
        return False

    for name in options:
        place(name, set())
    return {name: option for option, name in owners.items()}
