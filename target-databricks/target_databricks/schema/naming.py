"""Names: from what a tap calls things to what a Delta table may call them.

Pure functions. Delta compares column names without regard to case and refuses a handful of
characters, so two properties of one record may want the same column; `unique_names` settles that
the same way on every run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

from target_databricks.limits import IDENTIFIER

_NOT_A_WORD = re.compile(r"\W+", re.ASCII)
_FORBIDDEN = re.compile(r"[ ,;{}()\n\t=\x00-\x1f\x7f./`]+")
_BOUNDARIES = (
    re.compile(r"([a-z0-9])([A-Z])"),  # amountDue, Line2Item
    re.compile(r"([A-Z]+)([A-Z][a-z]+)"),  # UTCDate
)
_PLURAL_ACRONYM = re.compile(r"([A-Z]{2,})s(?![a-z])")  # IDs, URLs


def snake_case(name: str) -> str:
    """Spell a name the way SQL people write it.

    ``UpdatedDateUTC`` becomes ``updated_date_utc``, ``TenantIDs`` becomes ``tenant_ids``. A name
    made of nothing but punctuation becomes ``_``.
    """
    text = _PLURAL_ACRONYM.sub(lambda m: m[1].capitalize() + "s", name)
    for boundary in _BOUNDARIES:
        text = boundary.sub(r"\1_\2", text)
    text = _NOT_A_WORD.sub("_", text).lower()
    # Leading underscores carry meaning (_sdc_…); trailing and repeated ones do not.
    lead = "_" if text.startswith("_") else ""
    body = re.sub(r"_+", "_", text).strip("_")
    return (lead + body)[:IDENTIFIER] or "_"


def keep_name(name: str) -> str:
    """Leave a name alone but for the characters that Delta refuses in a column name."""
    return _FORBIDDEN.sub("_", name)[:IDENTIFIER] or "_"


COLUMN_NAMES: Mapping[str, Callable[[str], str]] = {"snake_case": snake_case, "keep": keep_name}
"""The choices of the ``column_names`` setting."""


def unique_names(
    sources: Iterable[str], spell: Callable[[str], str], reserved: Iterable[str] = ()
) -> dict[str, str]:
    """Give every source name a column of its own.

    The first in order keeps the plain name; a later one that would collide (without regard to
    case) gets a suffix made from its own source name, so that the answer for one property does
    not depend on how many others collide.

    Args:
        sources: Property names.
        spell: How one becomes a column name.
        reserved: Column names that nobody may have.

    Returns:
        Source name to column name, in the order given.
    """
    names: dict[str, str] = {}
    taken = {name.lower() for name in reserved}
    for source in sources:
        plain = name = spell(source)
        seed = source.encode("utf-8", "surrogatepass")
        while name.lower() in taken:
            digest = hashlib.sha256(seed).hexdigest()
            name = f"{plain[: IDENTIFIER - 7]}_{digest[:6]}"
            seed = digest.encode()
        names[source] = name
        taken.add(name.lower())
    return names


def table_name(stream: str) -> str:
    """The table of a stream, e.g. ``public-OrderLines`` becomes ``public_order_lines``."""
    return snake_case(stream)
