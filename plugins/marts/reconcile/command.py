"""The order of a reconciliation: read, compare, again where something differs, judge, keep, show.

Exit codes: 0 when all agrees or is explained, 1 when something differs, 2 when something could not
be checked.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from reconcile import judgement, table
from reconcile.reading import bill_of, read, reports, settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconcile.history import Tables
    from reconcile.judgement import Row


class NotCheckableError(Exception):
    """Nothing could be compared."""


@dataclass(frozen=True)
class Reconciliation:
    """A run of the command.

    Attributes:
        tables: Where checks come from and their history goes to.
        load: Command that reads Xero into the tables.
        reports: Xero's reports to compare with, as the tap's setting names them.
        models: What dbt makes at first; all models when empty.
        now: When the run began.
    """

    tables: Tables
    load: tuple[str, ...]
    reports: Mapping[str, Any]
    models: str
    now: datetime

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Reconciliation:
        """As the settings of the Meltano plugin say."""
        get = environment.get
        cash = get("MARTS_CASH_BASIS", "").lower() in ("true", "1")
        return cls(
            _tables(environment),
            _load(environment),
            reports(int(get("MARTS_MONTHS") or 12), cash=cash),
            get("MARTS_RECONCILED_MODELS") or "",
            datetime.now(UTC),
        )

    def run(self) -> int:
        """Reconcile and print what comes of it; the exit code.

        Raises:
            NotCheckableError: Nothing could be compared, and no organisation is known to say so of.
        """
        try:
            rows = self._judged()
        except NotCheckableError as error:
            rows = judgement.unchecked(self.tables.organisations(), self.reports, str(error))
            if not rows:
                raise
        if not rows:
            raise NotCheckableError(
                "The marts know no organisation. Are xero_schema and schema those that tap and "
                "target load, and has a load ended well? Its table _sdc_loads says so."
            )
        run_id = str(uuid4())
        self.tables.append([{**row, "run_id": run_id, "checked_at": self.now} for row in rows])
        print(table.shown(rows))
        print(table.summary(rows))
        return judgement.exit_code(rows)

    def _judged(self) -> list[Row]:
        """The comparison; where something differs, that of a second read."""
        rows = self._compared(self.models)
        if not judgement.needs_second_read(rows):
            return rows
        print("Something differs; reading once more before it is judged.", file=sys.stderr)
        ids = judgement.streams_miscounted(rows)
        return judgement.judged(rows, self._compared("+reconciliation", ids))

    def _compared(self, models: str, ids: Mapping[str, Sequence[str]] | None = None) -> list[Row]:
        """Read Xero and compare; with the ids of what was not as many rows as Xero counts."""
        code, printed = read(self.load, settings(self.reports, ids or {}))
        if not printed:
            raise NotCheckableError(
                f"`{' '.join(self.load)}` ended with {code} and does not say what it has "
                "read (see its log above). Mend the load, then reconcile."
            )
        self._model(models)
        bill = bill_of(printed, self.tables.organisations())
        for failure in bill.failures:
            print(f"Not read: {failure}.")
        return judgement.checked(self.tables.checks(), bill, self.reports)

    def _model(self, models: str) -> None:
        command = ["dbt", "run", *(["--select", models] if models else [])]
        done = subprocess.run(command, check=False, stdout=sys.stderr)  # noqa: S603
        if done.returncode:
            raise NotCheckableError(
                f"`{' '.join(command)}` ended with {done.returncode} (see its log above), so the "
                "marts and the comparison are those of an earlier run."
            )


def _load(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command that reads Xero: Meltano, or where there is none what runs in its place."""
    if command := environment.get("MARTS_LOAD_COMMAND"):
        return tuple(shlex.split(command))
    blocks = environment.get("MARTS_LOAD") or "tap-xero target-databricks"
    return ("meltano", "run", *blocks.split())


def _tables(environment: Mapping[str, str]) -> Tables:
    """Those of the engine that the marts are made by; each has an environment of its own."""
    schema = environment.get("MARTS_XERO_SCHEMA") or "xero"
    if environment.get("MARTS_TARGET") != "warehouse":
        from reconcile.folder import Folder

        return Folder(environment["MARTS_DATABASE"], environment["MARTS_LAKEHOUSE"], schema)
    from reconcile.warehouse import Warehouse, connection

    return Warehouse(
        connection(environment),
        environment.get("MARTS_CATALOG") or "main",
        schema,
        environment.get("MARTS_SCHEMA") or "marts",
    )


def main() -> int:
    """Run it as the environment says; the exit code."""
    try:
        return Reconciliation.of(os.environ).run()
    except NotCheckableError as error:
        print(error, file=sys.stderr)
        return judgement.NOT_CHECKABLE
