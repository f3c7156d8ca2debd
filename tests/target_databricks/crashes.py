"""Runs that die at a chosen write."""

from __future__ import annotations

from typing import Any

import pytest
from target_databricks.lakehouse.spool import Spool
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.load import Load
from target_databricks.warehouse.client.connection import Connections
from target_databricks.warehouse.staging.files import VolumeFiles


class Crash(BaseException):
    """Stands for the end of the process."""


FOLDER_WRITES = (
    (LakehouseTable, "_write"),
    (LakehouseTable, "stamp"),
    (LakehouseTable, "remove"),
    (LakehouseTable, "set_properties"),
    (Spool, "_write"),
    (Spool, "done"),
    (Spool, "keep"),
)
WAREHOUSE_WRITES = ((Connections, "run"), (VolumeFiles, "write"), (VolumeFiles, "remove"))


class Dying:
    """Let the process end at the n-th write; tells whether a retirement had begun by then."""

    def __init__(self, writes: tuple[tuple[type, str], ...], call: int, *, after: bool) -> None:
        self.writes, self.call, self.after = writes, call, after

    def __enter__(self) -> list[int]:
        calls, retiring = [], []
        self.patch = pytest.MonkeyPatch()

        def fatal(real: Any, name: str) -> Any:
            def method(this: Any, *args: Any, **kwargs: Any) -> Any:
                calls.append(1)
                if len(calls) > self.call or (len(calls) == self.call and not self.after):
                    raise Crash
                if name in {"stamp", "remove"} or "`_sdc_deleted_at` =" in str(args[:1]):
                    retiring.append(1)
                result = real(this, *args, **kwargs)
                if len(calls) == self.call:
                    raise Crash
                return result

            return method

        real = [(owner, name, getattr(owner, name)) for owner, name in self.writes]
        for owner, name, method in real:
            self.patch.setattr(owner, name, fatal(method, name))
        # A dead process neither writes its ledger nor tidies.
        self.patch.setattr(Load, "close", lambda load, *, failed: load._backend.release())
        return retiring

    def __exit__(self, *_: object) -> None:
        self.patch.undo()
