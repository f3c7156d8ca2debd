"""What is wrong with settings, said without saying a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

_MAY_HOLD_SECRETS = frozenset({"batch_config", "stream_map_config"})
"""Settings of the SDK that it does not call secret, though they take credentials."""


def problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with settings, a line each.

    Args:
        config: The settings.
        schema: The table of settings.
    """
    return [_problem(e, schema) for e in DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(config)]


def _problem(error: Any, schema: Mapping[str, Any]) -> str:
    path = [str(step) for step in error.absolute_path]
    stated = schema["properties"].get(path[0], {}) if path else {"secret": True}
    if not stated.get("secret") and path[0] not in _MAY_HOLD_SECRETS:
        return f"The setting '{'.'.join(path)}': {error.message}"
    # What stands there may be the secret itself, whatever it was meant to be.
    wanted = error.validator_value
    expected = wanted if isinstance(wanted, str) else " or ".join(map(str, wanted))
    of = f"The setting '{path[0]}'" if path else "Settings"
    return f"{of} must be: {expected}. What is there is not shown, because it may be secret."
