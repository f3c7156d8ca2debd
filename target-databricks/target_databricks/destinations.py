"""Which destination the settings describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from target_databricks.errors import ConfigurationError


def destination_of(config: Mapping[str, Any]) -> str:
    """Which destination the settings describe: "folder" or "warehouse".

    Raises:
        ConfigurationError: Both, neither, or half a warehouse.
    """
    if config.get("sandbox") is not None:
        return "warehouse"
    warehouse = [name for name in ("server_hostname", "http_path") if config.get(name)]
    if config.get("lakehouse_path"):
        if warehouse:
            raise ConfigurationError(
                f"The settings 'lakehouse_path' and '{warehouse[0]}' are both set. Keep "
                "'lakehouse_path' to load into a lakehouse folder, or 'server_hostname' and "
                "'http_path' to load into a SQL warehouse."
            )
        return "folder"
    if not warehouse:
        raise ConfigurationError(
            "It is not said where to load to. Set 'lakehouse_path' to a folder or an object-store "
            "URL for the Delta tables (TARGET_DATABRICKS_LAKEHOUSE_PATH), or 'server_hostname' "
            "and 'http_path' to a SQL warehouse (TARGET_DATABRICKS_SERVER_HOSTNAME, "
            "TARGET_DATABRICKS_HTTP_PATH)."
        )
    if len(warehouse) == 1:
        other = "http_path" if warehouse == ["server_hostname"] else "server_hostname"
        raise ConfigurationError(
            f"The setting '{other}' is missing: a SQL warehouse is found by 'server_hostname' and "
            "'http_path', both in its connection details."
        )
    return "warehouse"
