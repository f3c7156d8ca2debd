"""The settings, as one table; those of the way to Xero are the tap's own.

`--about`, the README and Meltano's definition are generated from the table.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from tap_xero.environment import settings_of_environment, without_blanks
from tap_xero.settings import SETTINGS as TAP

from target_xero.planning import POLICIES, SKIP
from target_xero.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARED = (
    *("client_id", "client_secret", "refresh_token", "credential_store", "credential_store_key"),
    *("credential_store_command", "access_token_command", "scopes", "api_url", "identity_url"),
    *("daily_call_reserve", "sandbox"),
)
"""Settings of the way to Xero, which the tap has too."""

TAP_PREFIX = "TAP_XERO_"

_OWN: dict[str, Any] = th.PropertiesList(
    th.Property(
        "streams",
        th.ArrayType(th.StringType),
        default=[],
        title="Streams",
        description=(
            f"Streams that may be written, none by default: {', '.join(sorted(RESOURCES))}. Of the "
            "others it is shown what would be written."
        ),
    ),
    th.Property(
        "conflict",
        th.StringType,
        default=SKIP,
        allowed_values=list(POLICIES),
        title="Conflict",
        description=(
            "What becomes of a record of which a field was changed in Xero since the load: skip "
            "leaves all of it alone until somebody decides, xero leaves that field alone for good, "
            "databricks overwrites it."
        ),
    ),
    th.Property(
        "max_changes",
        th.StringType,
        default="100",
        title="Most changes",
        description=(
            "Writes of a stream in one run, of all organisations together, above which nothing at "
            "all is written: a number, or a share of the stream's rows as loaded, such as 10%."
        ),
    ),
    th.Property(
        "lakehouse_path",
        th.StringType,
        title="Lakehouse",
        description=(
            "The lakehouse_path of target-databricks: where the tables are that say what was "
            "loaded, and where the ledger goes. A record may bring its values as loaded itself "
            "instead, in a member _loaded."
        ),
    ),
    th.Property(
        "lakehouse_schema",
        th.StringType,
        default="xero",
        title="Schema as loaded",
        description="The default_target_schema of target-databricks.",
    ),
    th.Property(
        "storage_options",
        th.ObjectType(additional_properties=th.StringType),
        secret=True,
        title="Storage options",
        description="Options of the object store that the lakehouse is in, as delta-rs names them.",
    ),
    th.Property(
        "ledger_path",
        th.StringType,
        title="Ledger",
        description=(
            "Folder or URL of the Delta table that says what was written. By default "
            "xero_writeback/xero_writes in the lakehouse."
        ),
    ),
    th.Property(
        "desired_state_command",
        th.StringType,
        default="meltano invoke tap-databricks",
        title="Command for the desired state",
        description=(
            "Command that prints the desired state as Singer messages, for `target-xero-plan`."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        default="target-xero",
        title="User agent",
        description="How the target introduces itself to Xero.",
    ),
).to_dict()


def _without_default(name: str) -> dict[str, Any]:
    """A setting of the tap; its default stands where neither plugin has it set."""
    shared = dict(TAP["properties"][name])
    shared.pop("default", None)
    variable = TAP_PREFIX + name.upper()
    default = TAP["properties"][name].get("default")
    shared["description"] = (
        f"{shared['description'].rstrip('.')}. By default that of tap-xero, in the variable "
        f"{variable}{f', else {default}' if default else ''}."
    )
    return shared


SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": {**_OWN["properties"], **{name: _without_default(name) for name in SHARED}},
}

_SHARE = re.compile(r"\d+(\.\d+)?%|\d+")


def with_tap_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, those of the way to Xero completed by what the tap's variables say."""
    tap = {name: TAP["properties"][name] for name in SHARED}
    defaults = {name: schema["default"] for name, schema in tap.items() if "default" in schema}
    variables = {TAP_PREFIX + name.upper() for name in SHARED}
    stated = {} if variables.isdisjoint(os.environ) else settings_of_environment(tap, TAP_PREFIX)
    own = without_blanks(config, SETTINGS["properties"])
    if own.keys() & {"client_id", "sandbox", "access_token_command"}:
        # Whoever names another app means none of the tap's credentials.
        stated = {name: stated[name] for name in ("api_url", "identity_url") if name in stated}
    return {**defaults, **stated, **own}


def problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with settings whose types are right, one sentence each."""
    unknown = sorted(set(config.get("streams") or ()) - RESOURCES.keys())
    errors = [
        f"Setting streams: {name} cannot be written; these can: {', '.join(sorted(RESOURCES))}."
        for name in unknown
    ]
    if not _SHARE.fullmatch(str(config.get("max_changes") or "").strip()):
        errors.append("Setting max_changes: a number, or a share such as 10%.")
    if not config.get("ledger_path") and not config.get("lakehouse_path"):
        errors.append(
            "Setting lakehouse_path is missing: name that of target-databricks, or set ledger_path "
            "where records bring their values as loaded themselves."
        )
    if not config.keys() & {"client_id", "sandbox", "access_token_command"}:
        errors.append(
            "Setting client_id is missing: that of tap-xero will do (TAP_XERO_CLIENT_ID); or set "
            "sandbox to run without an account."
        )
    return errors
