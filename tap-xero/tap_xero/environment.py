"""Settings that are left empty are not set; those of variables are taken up as the SDK does.

It ends in a traceback at a number or a map that is empty, takes an empty choice for "no" and an
empty list for one of an empty text, and quotes a value that it cannot read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError

from tap_xero.blanks import without_blanks

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["settings_of_environment", "without_blanks"]

_KINDS: Mapping[str, str] = {"integer": "a whole number", "object": "a JSON object"}


def settings_of_environment(properties: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Settings that are stated in variables, of the types that they have.

    A variable without a value is a setting without one: it is left out.

    Args:
        properties: JSON Schema of each setting.
        prefix: What the variables' names begin with.

    Raises:
        ConfigValidationError: A value is not of the setting's type.
    """
    parse_environment_config({}, prefix)  # Takes up a .env file.
    config: dict[str, Any] = {}
    for name, schema in properties.items():
        variable = prefix + name.upper()
        if not os.environ.get(variable, "").strip():
            continue
        try:
            config |= parse_environment_config({"properties": {name: schema}}, prefix)
        except ValueError:
            # Neither the value nor what the parser quotes of it: it may be a secret.
            kind = next(kind for kind in schema["type"] if kind != "null")
            message = (
                f"Setting {name}: the variable {variable} does not hold "
                f"{_KINDS.get(kind, f'JSON of the type {kind}')}. Correct it, or leave it empty."
            )
            raise ConfigValidationError(message, errors=[message]) from None
    return config
