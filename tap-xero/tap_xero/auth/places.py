"""Where tokens are kept, and whether the settings lead to any.

Told before the rest of the tap is loaded, so nothing is imported here that takes long.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_xero.auth.stored_tokens import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

IDENTITY_URL = "https://identity.xero.com"
"""Xero's token service."""


def state_folder() -> Path:
    """Where programs of this user keep what must outlive a run, outside any project."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home())
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "tap-xero"


def store_path(config: Mapping[str, Any]) -> Path:
    """The file of the store: as set, else one for each app in the user's state folder."""
    if path := config.get("credential_store"):
        return Path(path).expanduser()
    app = fingerprint(f"{config.get('client_id')} at {config.get('identity_url')}")
    return state_folder() / f"credentials-{app}.json"


def missing_credentials(config: Mapping[str, Any]) -> list[str]:
    """What the settings lack to sign in, one sentence each; nothing is opened or asked."""
    if config.get("sandbox") is not None or config.get("access_token_command"):
        return []
    where = "take it from your app at developer.xero.com"
    instead = "or set sandbox to run without an account"
    if not config.get("client_id"):
        return [f"Setting client_id is missing: {where}, {instead}."]
    if (
        config.get("client_secret")
        or config.get("refresh_token")
        or config.get("credential_store_command")
        or store_path(config).exists()
    ):
        return []
    return [
        (
            f"Setting client_secret is missing: {where}, {instead}; or run tap-xero-login for an "
            "app of the PKCE kind, which has none."
        )
    ]
