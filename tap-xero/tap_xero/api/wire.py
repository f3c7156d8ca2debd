"""JSON in and out, with every digit as Xero wrote it.

Two ways to read a response. The fast one keeps a number with a point or an exponent as
the characters it came in (`msgspec.Raw`), so that writing it is copying it. The other
reads it as `Decimal`, for code that computes with it, such as stream maps.
"""

from __future__ import annotations

import codecs
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)"
)
_HALVES = {b"d8", b"d9", b"da", b"db", b"dc", b"dd", b"de", b"df"}

_verbatim = msgspec.json.Decoder(float_hook=msgspec.Raw)
_decimal = msgspec.json.Decoder(float_hook=Decimal)
_unread = msgspec.json.Decoder(msgspec.Raw)
_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="number")


def decode(body: bytes, *, verbatim: bool) -> Any:
    """Parse a response.

    Args:
        body: JSON text.
        verbatim: Keep numbers that are not integers as their characters; else `Decimal`.

    Raises:
        msgspec.DecodeError: It is not JSON.
    """
    return (_verbatim if verbatim else _decimal).decode(body)


def mended(body: bytes) -> bytes:
    """JSON text without what no parser reads: a byte order mark, bytes and halves of no character.

    They become U+FFFD, as a browser shows them.
    """
    text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").encode()
    return _ESCAPE.sub(lambda found: rb"\ufffd" if _is_half(found[0]) else found[0], text)


def _is_half(escape: bytes) -> bool:
    """Whether an escape is one half of a character outside the basic plane, without the other."""
    return len(escape) == 6 and escape[2:4].lower() in _HALVES


def check(body: bytes) -> None:
    """Look through a response without making anything of it: a twentieth of the work.

    Raises:
        msgspec.DecodeError: It is not JSON.
    """
    _unread.decode(body)


def readable(content: bytes) -> bytes:
    """An answer, mended where that makes JSON of it.

    Raises:
        msgspec.DecodeError: It does not.
    """
    try:
        check(content)
    except msgspec.DecodeError:
        content = mended(content)
        check(content)
    return content


def encode(value: Any) -> bytes:
    """JSON text of a value as `decode` returns it."""
    return _encoder.encode(value)


def number(value: Any, *, verbatim: bool) -> Any:
    """The number in a string that Xero quoted; anything else as it is."""
    if type(value) is not str or not _NUMBER.fullmatch(value):
        return value
    return msgspec.Raw(value.encode()) if verbatim else Decimal(value)


def boolean(value: Any) -> Any:
    """The boolean in a string that Xero quoted; anything else as it is."""
    if type(value) is not str:
        return value
    return {"true": True, "false": False}.get(value.lower(), value)


def verbatim(text: bytes) -> Any:
    """JSON text that is copied when it is encoded, for what was encoded already."""
    return msgspec.Raw(text)


def record_lines(
    stream: str,
    records: Iterable[Any],
    time_extracted: str,
    version: int | None = None,
) -> bytes:
    """RECORD messages, one a line, of many records of one stream at once.

    Args:
        stream: Name of the stream.
        records: As the transform leaves them, or `verbatim`.
        time_extracted: When Xero answered, ISO 8601.
        version: Version of the table, when versions are activated.

    Returns:
        Lines ready to be written to stdout.
    """
    head = b'{"type":"RECORD","stream":' + encode(stream) + b',"record":'
    tail = b',"time_extracted":' + encode(time_extracted)
    if version is not None:
        tail += b',"version":' + encode(version)
    tail += b"}\n"
    between = tail + head
    body = between.join(map(_encoder.encode, records))
    return head + body + tail if body else b""
