"""Settings that variables of the environment state, taken up as the Meltano SDK does.

It ends in a traceback at a number that is empty, takes an empty choice for "no", and quotes a value
that it cannot read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from singer_sdk.configuration._dict_config import parse_environment_config

from target_databricks.errors import ConfigurationError


def settings_of_environment(
    properties: Mapping[str, Any], prefix: str, empty: Collection[str] = ()
) -> dict[str, Any]:
    """Settings that are stated in variables, of the types that they have.

    A variable without a value is a setting without one: it is left out.

    Args:
        properties: JSON Schema of each setting.
        prefix: What the variables' names begin with.
        empty: Settings whose empty text is a choice, and is kept.

    Raises:
        ConfigurationError: A value is not of the setting's type.
    """
    parse_environment_config({}, prefix)  # Takes up a .env file.
    config: dict[str, Any] = {}
    for name, schema in properties.items():
        variable = prefix + name.upper()
        if not (name in empty or os.environ.get(variable, "").strip()):
            continue
        try:
            config |= parse_environment_config({"properties": {name: schema}}, prefix)
        except ValueError as error:
            # Neither the value nor what the parser quotes of it: it may be a secret.
            kind = next(kind for kind in schema["type"] if kind != "null")
            raise ConfigurationError(
                f"The variable {variable}, for the setting '{name}', does not hold "
                f"{_KINDS.get(kind, f'JSON of the type {kind}')}. Correct it, or leave it empty."
            ) from error
    return config


_KINDS: Mapping[str, str] = {"integer": "a whole number", "object": "a JSON object"}
