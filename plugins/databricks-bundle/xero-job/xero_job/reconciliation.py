"""The command `xero-job-reconcile`: the project's own reconciliation, with this job as its load.

`plugins/marts/reconcile` reads Xero, makes the marts, compares, reads once more and judges. It runs
here as it does anywhere, in an environment of its own, since dbt's clients are older than the
pipeline's. What a Meltano project would tell it comes from the task and the secret scope.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from databricks.sdk import WorkspaceClient

from xero_job.errors import JobError
from xero_job.load import environment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOT_CHECKABLE = 2
VERDICTS: Mapping[int, str] = {
    1: "the books differ from Xero, or have changed after their close",
    NOT_CHECKABLE: "not all could be checked",
}
"""Source: exit codes of `marts:reconcile`, plugins/marts/README.md."""


class NotInstalledError(JobError):
    """There is no dbt to reconcile with."""


@dataclass(frozen=True)
class Reconciliation:
    """What a task of the bundle asks for.

    Attributes:
        marts: Folder of plugins/marts in the workspace.
        requirements: What dbt's environment has.
        catalog: Catalog of tables and marts.
        schema: Schema of Xero's tables.
        marts_schema: Schema of the marts.
        warehouse: Id of the SQL warehouse.
        scope: Secret scope with the credentials.
        load: Arguments of `xero-job`, for the reads.
    """

    marts: Path
    requirements: tuple[str, ...]
    catalog: str
    schema: str
    marts_schema: str
    warehouse: str
    scope: str
    load: tuple[str, ...]

    def carry_out(self, client: WorkspaceClient, folder: Path) -> int:
        """Reconcile; the exit code of `marts:reconcile`.

        Args:
            client: The workspace.
            folder: A folder of this machine for dbt and what it makes.

        Raises:
            JobError: It could not begin.
        """
        python = installed(folder / "dbt", self.requirements)
        environment = environment_of(client, self.scope)
        command = [str(python), str(self.marts / "reconcile")]
        return subprocess.run(  # noqa: S603
            command,
            check=False,
            env={
                **self._settings(environment, folder),
                **environment,
                "PATH": f"{python.parent}{os.pathsep}{environment.get('PATH', '')}",
            },
        ).returncode

    def _settings(self, environment: Mapping[str, str], folder: Path) -> dict[str, str]:
        """The settings of plugins/utilities/dbt-databricks.yml."""
        return {
            "MARTS_TARGET": "warehouse",
            "MARTS_HOST": environment["DATABRICKS_HOST"].removeprefix("https://"),
            "MARTS_HTTP_PATH": f"/sql/1.0/warehouses/{self.warehouse}",
            "MARTS_CATALOG": self.catalog,
            "MARTS_SCHEMA": self.marts_schema,
            "MARTS_XERO_SCHEMA": self.schema,
            "MARTS_LOAD_COMMAND": shlex.join([sys.executable, "-m", "xero_job.load", *self.load]),
            "MARTS_CLIENT_ID": environment.get("DATABRICKS_CLIENT_ID", ""),
            "DBT_ENV_SECRET_MARTS_CLIENT_SECRET": environment.get("DATABRICKS_CLIENT_SECRET", ""),
            "DBT_ENV_SECRET_MARTS_TOKEN": environment.get("DATABRICKS_TOKEN", ""),
            "DBT_PROJECT_DIR": str(self.marts),
            "DBT_PROFILES_DIR": str(self.marts),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }


def installed(folder: Path, requirements: Sequence[str]) -> Path:
    """An environment with these requirements; its Python.

    Raises:
        NotInstalledError: They cannot be had.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise NotInstalledError(
            f"{' and '.join(requirements)} could not be installed for the reconciliation (see the "
            "lines above): the task needs a package index, which PIP_INDEX_URL names where it is "
            "not the public one."
        )
    return python


def main(arguments: Sequence[str] | None = None) -> int:
    """Reconcile as the arguments say; the exit code."""
    parser = argparse.ArgumentParser(
        prog="xero-job-reconcile",
        description="Compare the books with Xero. What stands behind -- is said to xero-job.",
    )
    for name in ("marts", "catalog", "schema", "marts-schema", "warehouse", "scope"):
        parser.add_argument(f"--{name}", required=True, type=Path if name == "marts" else str)
    parser.add_argument("--requirement", action="append", default=[], dest="requirements")
    parser.add_argument("load", nargs="*")
    values = vars(parser.parse_args(arguments))
    values |= {name: tuple(values[name]) for name in ("requirements", "load")}
    with tempfile.TemporaryDirectory() as folder:
        try:
            return Reconciliation(**values).carry_out(WorkspaceClient(), Path(folder))
        except JobError as error:
            print(error, file=sys.stderr)
    return NOT_CHECKABLE


def task() -> None:
    """The entry point of a task.

    Raises:
        RuntimeError: The books do not agree with Xero, or could not be compared.
    """
    if code := main():
        raise RuntimeError(f"{VERDICTS.get(code, f'it ended with {code}')}; see the lines above.")


if __name__ == "__main__":
    sys.exit(main())
