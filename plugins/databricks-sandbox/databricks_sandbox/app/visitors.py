"""Who may make control calls: programs of this machine, and no page that a browser shows.

A page of anybody's can have the browser send requests to 127.0.0.1, which it says by `Origin`, or
have its own name lead there (DNS rebinding), which `Host` tells. Sources: Fetch standard, 3.2
(`Origin`); RFC 9110, 7.2 (`Host`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def refusal(headers: Mapping[str, str]) -> str | None:
    """Why a control request is not carried out; None when it is.

    Args:
        headers: Those of the request, by their names in small letters.
    """
    host = headers.get("host", "")
    if _name(host) not in _LOOPBACK:
        return "Control requests are for this machine: send them to 127.0.0.1 or localhost."
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        return "Control requests are not for pages of other origins: send them without a browser."
    return None


def _name(host: str) -> str:
    """The host of a Host header, without its port; empty when there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
