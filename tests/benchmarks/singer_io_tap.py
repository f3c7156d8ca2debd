"""Runs singer-io's tap-xero, installed elsewhere, against the sandbox at `XERO_URL`.

It has its URLs written into the code, so they are replaced here; nothing else is.
"""

from __future__ import annotations

import os
from typing import Any

import requests
import tap_xero
from tap_xero import client

URL = os.environ["XERO_URL"]
_post = requests.Session.post


def _post_to_the_sandbox(session: requests.Session, url: str, **options: Any) -> requests.Response:
    return _post(session, url.replace("https://identity.xero.com", URL), **options)


requests.Session.post = _post_to_the_sandbox
client.BASE_URL = f"{URL}/api.xro/2.0"
tap_xero.main()
