"""Where a lakehouse and its spool lie, from what the settings say."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlparse

from platformdirs import user_cache_path

SPOOL = "_spool"
"""Folder inside a schema's folder; the underscore hides it from readers of tables."""


def local_path(root: str) -> str | None:
    """The folder a path or file URL names, or None for an object store."""
    parsed = urlparse(root)
    if parsed.scheme == "file":
        return unquote(parsed.path)
    if len(parsed.scheme) <= 1:  # none, or a Windows drive
        return str(Path(root).expanduser().resolve())
    return None


def spool_folder(setting: str | None, schema: str, uri: str, *, local: bool) -> Path:
    """The local folder of a schema's spool.

    Args:
        setting: The setting `spool_path`.
        schema: The schema.
        uri: Where its tables are.
        local: Whether that is a folder of this machine.
    """
    if setting:
        return Path(setting).expanduser() / schema
    if local:
        return Path(uri) / SPOOL
    # A local disk, because staging is about surviving a crash of this very machine.
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    return user_cache_path("target-databricks") / "spool" / name
