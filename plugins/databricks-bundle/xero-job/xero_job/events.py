"""Deliveries of Xero's webhooks that somebody has put into a volume, one file each.

A workspace has no public address that Xero could call. A gateway or a cloud function that has one
answers Xero and writes what came into a volume, where a job waits for files: a JSON object with the
`body` as it came, as text, and the header `x-xero-signature` as `signature`. The signature is
looked at here, so whoever may write into the volume can make nothing up.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from databricks.sdk.errors import NotFound
from tap_xero.webhooks.events import Event, NotUnderstoodError, parse
from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.signature import SigningKeys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from databricks.sdk.mixins.files import FilesExt

logger = logging.getLogger("xero-job")

AT_ONCE = 1000
"""Files of one run; the rest is for the next one."""


def take(files: FilesExt, folder: str, inbox: Path, signing_keys: str) -> list[str]:
    """Put what the files say into an inbox.

    Args:
        files: The Files API.
        folder: Where the deliveries are.
        inbox: File of the inbox, which is made.
        signing_keys: The keys of the app's webhook, as the tap takes them.

    Returns:
        Paths of the files, to be removed when their records are loaded.
    """
    keys = SigningKeys.parse(signing_keys)
    paths = [str(entry.path) for entry in _entries(files, folder)][:AT_ONCE]
    with Inbox(inbox) as box:
        for path in paths:
            found = _events(files, path, keys)
            if found is None:
                logger.warning("%s is no delivery that Xero has signed; it is left out.", path)
                continue
            box.add(found)
    return paths


def remove(files: FilesExt, paths: Sequence[str]) -> None:
    """Remove files whose records are loaded."""
    for path in paths:
        with suppress(NotFound):
            files.delete(path)


def _entries(files: FilesExt, folder: str) -> list[Any]:
    try:
        entries = list(files.list_directory_contents(folder))
    except NotFound:
        return []
    return sorted((e for e in entries if not e.is_directory), key=lambda e: str(e.path))


def _events(files: FilesExt, path: str, keys: SigningKeys) -> tuple[Event, ...] | None:
    """What a file says has changed; None when it does not come from Xero."""
    contents = files.download(path).contents
    if contents is None:
        return None
    with contents:
        text = contents.read()
    try:
        delivery = json.loads(text)
        body, signature = delivery["body"].encode(), delivery["signature"].encode()
        return parse(body).events if keys.signed(body, [signature]) else None
    except (ValueError, KeyError, TypeError, AttributeError, NotUnderstoodError):
        return None
