"""What a process is told beside its settings: variables, and Meltano's id of the run.

Source: Meltano SDK, `parse_environment_config`; Meltano 4.4, `ProjectDirsService.job`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from singer_sdk.configuration._dict_config import parse_environment_config

from target_databricks.errors import ConfigurationError

RUN_ID = "MELTANO_RUN_ID"
"""Variable that Meltano takes for the `--run-id` of `meltano run`; it sets none for its plugins."""


def settings_of_environment(properties: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Settings that are stated in variables, of the types that they have.

    A variable without a value is a setting without one: a text is empty, anything else is not set.

    Args:
        properties: JSON Schema of each setting.
        prefix: What the variables' names begin with.

    Raises:
        ConfigurationError: A value is not of the setting's type.
    """
    parse_environment_config({}, prefix)  # Takes up a .env file.
    config: dict[str, Any] = {}
    for name, schema in properties.items():
        variable = prefix + name.upper()
        is_text = "string" in schema["type"]
        if not (is_text or os.environ.get(variable, "").strip()):
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


def run_id(arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    """The id of this run: Meltano's own where Meltano started it, or a new one.

    Meltano keeps the files it gives its plugins in `<…>/run/elt/<state id>/<run id>`. A command
    that belongs to no run (`meltano invoke`, a run without an environment) has no such folder.

    Args:
        arguments: Arguments of the command line, of which `--config` counts.
        variables: The environment.
    """
    for path in map(Path, _configs(arguments)):
        folder = path.absolute().parent
        if folder.parent.parent.name == "elt" and _is_uuid(folder.name):
            return folder.name
    return variables.get(RUN_ID) or str(uuid.uuid4())


def _configs(arguments: Sequence[str]) -> list[str]:
    option = "--config"
    after = [b for a, b in pairwise(arguments) if a == option]
    return after + [a.partition("=")[2] for a in arguments if a.startswith(f"{option}=")]


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
