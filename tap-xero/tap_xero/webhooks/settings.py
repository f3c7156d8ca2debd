"""The settings that webhooks add to the tap, and where the inbox is by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_xero.auth.places import store_path

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = (
    th.Property(
        "webhook_signing_key",
        th.StringType,
        secret=True,
        title="Webhook signing key",
        description=(
            "Signing key of the webhook, from your app at developer.xero.com. Two, separated by a "
            "comma, while one replaces the other."
        ),
    ),
    th.Property(
        "webhook_inbox_path",
        th.StringType,
        title="Webhook inbox",
        description=(
            "File of the inbox in which `tap-xero-webhooks serve` keeps events. When it is set, "
            "the tap fetches the records that changed before it reads anything else. By default "
            "a file beside the credential store, which is read only with webhook_only."
        ),
    ),
    th.Property(
        "webhook_only",
        th.BooleanType,
        default=False,
        title="Webhooks only",
        description="Fetch what the inbox says has changed, and read nothing else.",
    ),
    th.Property(
        "webhook_retention_days",
        th.IntegerType(minimum=0),
        default=7,
        title="Webhook retention",
        description="Days after which the inbox forgets an event that the target has confirmed.",
    ),
    th.Property(
        "webhook_standby",
        th.StringType,
        title="Webhook standby",
        description=(
            "Set by `tap-xero-webhooks serve --standby` for the runs that it starts ahead of "
            "time: the name of the run, which begins when the inbox says so."
        ),
    ),
)


def inbox_path(config: Mapping[str, Any]) -> Path:
    """The file of the inbox: as set, else beside the credential store of the app."""
    if path := config.get("webhook_inbox_path"):
        return Path(path).expanduser()
    return store_path(config).with_suffix(".webhooks")
