"""Where a lakehouse and its spool lie, from what the settings say."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

from platformdirs import user_cache_path

from target_databricks.errors import ConfigurationError

SPOOL = "_spool"
"""Folder inside a schema's folder; the underscore hides it from readers of tables."""
_UNUSABLE = re.compile(r"[\[\]^|\x00-\x1f]|%[0-9A-Fa-f]{2}")
"""What delta-rs 1.6 cannot have in a path: it takes it for a URL's."""


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


def make_folder(path: str) -> None:
    """Make sure that a schema's folder is there.

    Raises:
        ConfigurationError: It cannot be used.
    """
    if unusable := _UNUSABLE.search(path):
        raise ConfigurationError(
            f"The folder of the setting 'lakehouse_path' would be {path}, and delta-rs reads no "
            f"path with '{unusable[0]}' in it. Choose another one."
        )
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The folder of the setting 'lakehouse_path' cannot be used: {error}. Choose another "
            "one or grant write access."
        ) from error
