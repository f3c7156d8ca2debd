"""One attempt at a delivery, judged by Xero's rules for the receiving end.

Source: Xero, Configuring your server (5 seconds; 200 with an empty body and no cookies).
"""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

from xero_sandbox.webhooks.announcements import SIGNATURE, signature_of

ANSWER_WITHIN = 5.0
"""Seconds in which a delivery must be answered."""


def post(url: str, body: bytes, key: str) -> tuple[int, str]:
    """Send a body, signed with a key.

    Returns:
        The status that came, 0 when none did; and what Xero would hold against the answer, empty
        when nothing.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN)
    started = time.monotonic()
    try:
        connection.request(
            "POST",
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            body,
            {"Content-Type": "application/json", SIGNATURE: signature_of(body, key)},
        )
        response = connection.getresponse()
        answered = response.read(1)
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    if time.monotonic() - started > ANSWER_WITHIN:
        return response.status, "took longer than 5 seconds"
    if response.status == http.client.OK and answered:
        return response.status, "answered with a body"
    if response.getheader("Set-Cookie") is not None:
        return response.status, "set a cookie"
    return response.status, ""
