"""What is loaded before the first row comes: while the tap starts, or while a standby waits."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.abc import MetaPathFinder
from typing import Any

import pyarrow as pa

from target_databricks.destinations import destination_of
from target_databricks.errors import ConfigurationError
from target_databricks.sandbox import start_early

_CLIENTS = (
    "target_databricks.warehouse.warehouse",
    "databricks.sdk",
    "databricks.sdk.core",
    "databricks.sdk.credentials_provider",
    "databricks.sdk.errors",
    "databricks.sql",
    "databricks.sql.backend.types",
)
"""What a load into a warehouse imports where it first needs it."""


def prepare(config: Mapping[str, Any]) -> None:
    """Have at hand what the destination of the settings needs, without waiting for it."""
    try:
        destination = destination_of(config)
        start_early(config)
    except ConfigurationError:
        return  # Whoever asks for the destination is told.
    if destination == "warehouse":
        _in_background(_load_warehouse)
    else:
        leave_pandas_out()


def leave_pandas_out() -> None:
    """Have pyarrow do without pandas, which nothing of a load into a folder needs.

    pyarrow looks for pandas once, by importing it, at the first array that is made of a list, which
    takes two seconds where it is installed. What it found it remembers; who asks for pandas by
    name later, as `to_pandas` does, gets it all the same.

    Source: pyarrow, `pandas-shim.pxi`.
    """
    missing = _WithoutPandas()
    sys.meta_path.insert(0, missing)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(missing)


class _WithoutPandas(MetaPathFinder):
    """Finds no pandas; one that is loaded already is never looked for."""

    def find_spec(self, fullname: str, *_: object) -> None:
        """Refuse pandas, and leave all else to others."""
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


def _load_warehouse() -> None:
    """Import the warehouse's clients, and pandas, which pyarrow would look for otherwise."""
    for name in _CLIENTS:
        importlib.import_module(name)
    pa.array([])


def _in_background(task: Callable[[], None]) -> None:
    def run() -> None:
        # The target says what is missing, once it needs it.
        with suppress(ImportError):
            task()

    threading.Thread(target=run, name="load-ahead", daemon=True).start()
