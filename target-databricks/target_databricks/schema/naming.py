"""Names: from what a tap calls things to what a Delta table may call them.

Pure functions. Delta compares column names without regard to case and refuses a handful of
characters, so two properties of one record may want the same column; `unique_names` settles that
the same way on every run.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from target_databricks.limits import IDENTIFIER, TABLE_BYTES

SPELLING = "target-databricks.names"
"""Property of tables whose columns were never named by an earlier version."""
UNICODE = "unicode"
"""Its value: letters of any script are letters."""

_NOT_A_WORD = re.compile(r"\W+", re.ASCII)
_FORBIDDEN = re.compile(r"[ ,;{}()\n\t=\x00-\x1f\x7f./`\ud800-\udfff]+")
_NO_SCHEMA = re.compile(r"[ ./\\\x00-\x1f\x7f\ud800-\udfff]").search
_BOUNDARIES = (
    re.compile(r"([a-z0-9])([A-Z])"),  # amountDue, Line2Item
    re.compile(r"([A-Z]+)([A-Z][a-z]+)"),  # UTCDate
)
_PLURAL_ACRONYM = re.compile(r"([A-Z]{2,})s(?![a-z])")  # IDs, URLs
_OF_WORDS = frozenset("LMN")
"""Categories of Unicode: letters, the marks that many scripts put on them, numbers."""
_TAIL = 6
"""Digits of a hash that keep apart names which would be one."""


def snake_case(name: str) -> str:
    """Spell a name the way SQL people write it.

    ``UpdatedDateUTC`` becomes ``updated_date_utc``, ``TenantIDs`` becomes ``tenant_ids``, ``Größe``
    becomes ``größe``. A name made of nothing but punctuation becomes ``_``.
    """
    return _words(name)[:IDENTIFIER] or "_"


def _words(name: str) -> str:
    text = name if name.isascii() else unicodedata.normalize("NFC", name)
    for boundary in _BOUNDARIES:
        text = boundary.sub(r"\1_\2", _PLURAL_ACRONYM.sub(lambda m: m[1].capitalize() + "s", text))
    if text.isascii():
        text = _NOT_A_WORD.sub("_", text)
    else:
        text = "".join(c if unicodedata.category(c)[0] in _OF_WORDS else "_" for c in text)
    return _joined(unicodedata.normalize("NFC", text.lower()))


def _joined(text: str) -> str:
    """The text without what means nothing: trailing and repeated underscores."""
    # Leading underscores carry meaning (_sdc_…).
    lead = "_" if text.startswith("_") else ""
    return lead + re.sub(r"_+", "_", text).strip("_")


def ascii_snake_case(name: str) -> str:
    """The spelling of earlier versions, to which only the letters of ASCII were letters."""
    text = _PLURAL_ACRONYM.sub(lambda m: m[1].capitalize() + "s", name)
    for boundary in _BOUNDARIES:
        text = boundary.sub(r"\1_\2", text)
    return _joined(_NOT_A_WORD.sub("_", text).lower())[:IDENTIFIER] or "_"


def keep_name(name: str) -> str:
    """Leave a name alone but for the characters that Delta refuses in a column name."""
    return _FORBIDDEN.sub("_", name)[:IDENTIFIER] or "_"


FORMER_SPELLINGS: Mapping[Callable[[str], str], Callable[[str], str]] = {
    snake_case: ascii_snake_case
}
"""How earlier versions spelled what a function spells now."""

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
    taken = {folded(name) for name in reserved}
    for source in sources:
        plain = name = spell(source)
        seed = source
        while folded(name) in taken:
            name = suffixed(plain, seed)
            seed = digest_of(seed)
        names[source] = name
        taken.add(folded(name))
    return names


def suffixed(plain: str, source: str) -> str:
    """The column of a source whose plain name another one has."""
    return f"{plain[: IDENTIFIER - _TAIL - 1]}_{digest_of(source)[:_TAIL]}"


def digest_of(text: str) -> str:
    """SHA-256 of a text, which may be no Unicode, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def folded(name: str) -> str:
    """What names have in common that SQL takes for one: it compares letters, upper and lower."""
    if name.isascii():
        return name.lower()
    upper = (c.upper() if len(c.upper()) == 1 else c for c in name)
    return "".join(upper).lower()


def table_name(stream: str) -> str:
    """The table of a stream, e.g. ``public-OrderLines`` becomes ``public_order_lines``."""
    name = _words(stream) or "_"
    if len(name.encode()) <= TABLE_BYTES:
        return name
    # Cut to a length that files can have, too, and unique all the same.
    start = name.encode()[: TABLE_BYTES - _TAIL - 1].decode(errors="ignore")
    return f"{start}_{digest_of(stream)[:_TAIL]}"


def schema_name(stated: str, exists: Callable[[str], bool]) -> str:
    """The schema that somebody has named in the settings: as it is, if a schema can be called so.

    Args:
        stated: The name.
        exists: Whether there is such a schema. Earlier versions spelled all names in their own way
            (`FinanceRaw` as `finance_raw`); what they have made goes on being used.
    """
    former = ascii_snake_case(stated)
    if _NO_SCHEMA(stated):
        return former
    return former if former != stated and exists(former) and not exists(stated) else stated
