"""The command `xero-job`: one load, from the secret scope to the tables.

Exit codes: those of tap and target; 1 when the run could not begin or had to stop.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from tap_xero.catalog import catalog as discovered

from xero_job import events, pipe
from xero_job.errors import JobError
from xero_job.lease import DEAD_AFTER_SECONDS, Lease
from xero_job.scope import SETTINGS, SIGNING_KEY, TOKENS, Scope
from xero_job.state import StateLog
from xero_job.volume import NumberedFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLUGINS = {
    "tap-xero": "from tap_xero.tap import TapXero as plugin",
    "target-databricks": "from target_databricks.target import TargetDatabricks as plugin",
}


@dataclass(frozen=True)
class Load:
    """What a task of the bundle asks for.

    Attributes:
        job: Name of the pipeline; each has a state of its own.
        select: Streams to read; all that the tap selects by default when empty.
        scope: Secret scope with the credentials.
        volume: Path of the volume that keeps leases and states.
        events: Folder of a volume with deliveries of Xero's webhooks; empty for a plain read.
        catalog: Catalog of the tables.
        schema: Schema of the tables.
        warehouse: Id of the SQL warehouse.
        tap: Further settings of tap-xero, which no secret is among.
        target: Further settings of target-databricks.
        run: Id of the job's run, which rows and ledger name.
        dead_after: Seconds without a sign of life after which another run counts as killed.
    """

    job: str
    select: tuple[str, ...]
    scope: str
    volume: str
    events: str
    catalog: str
    schema: str
    warehouse: str
    tap: dict[str, Any]
    target: dict[str, Any]
    run: str
    dead_after: float

    def carry_out(self, client: WorkspaceClient, folder: Path) -> int:
        """Read Xero and load it; the exit code.

        Args:
            client: The workspace.
            folder: A folder of this machine for the files of this run.

        Raises:
            JobError: The run could not begin, or had to stop.
            DatabricksError: The workspace refused a call.
        """
        environment = environment_of(client, self.scope, [SIGNING_KEY] if self.events else [])
        # Rows and ledger name the run by it (README of target-databricks).
        environment["MELTANO_RUN_ID"] = self.run
        leases = NumberedFiles(client.files, f"{self.volume}/lease")
        with Lease(leases, self.run, self.dead_after) as lease:
            log = StateLog(NumberedFiles(client.files, f"{self.volume}/state/{self.job}"))
            taken = []
            if self.events:
                key = environment[SETTINGS[SIGNING_KEY]]
                taken = events.take(client.files, self.events, folder / "inbox.db", key)
            ending = pipe.run(
                [*_python("tap-xero"), *self._tap_files(log.latest(), environment, folder)],
                [*_python("target-databricks"), *self._target_files(client, folder)],
                environment,
                log.add,
                lease.require,
            )
            if not ending.code:
                events.remove(client.files, taken)
        return ending.code

    def _tap_files(
        self, state: dict[str, Any] | None, environment: Mapping[str, str], folder: Path
    ) -> list[str]:
        store = f'"{sys.executable}" -m xero_job.scope "{self.scope}" {TOKENS}'
        settings = {"credential_store_command": store, **self.tap}
        if self.events:
            settings |= {"webhook_only": True, "webhook_inbox_path": str(folder / "inbox.db")}
        options = _written("tap", {"config": settings}, folder)
        files = {} if state is None else {"state": state}
        if self.select:
            files["catalog"] = self._catalog(settings, options, environment)
        return [*options, *_written("tap", files, folder)]

    def _catalog(
        self, settings: dict[str, Any], options: Sequence[str], environment: Mapping[str, str]
    ) -> dict[str, Any]:
        """What the tap has, with the streams of this job selected."""
        variables = {name for name in environment if name.startswith("TAP_XERO_")}
        # Where credentials are all that variables state, no process is needed to know.
        made = discovered(settings) if variables <= set(SETTINGS.values()) else None
        if made is None:
            discover = [*_python("tap-xero"), *options, "--discover"]
            done = subprocess.run(discover, env=environment, stdout=subprocess.PIPE, check=True)  # noqa: S603
            made = done.stdout
        catalog: dict[str, Any] = json.loads(made)
        for entry in catalog["streams"]:
            (about,) = (each for each in entry["metadata"] if not each["breadcrumb"])
            about["metadata"]["selected"] = entry["tap_stream_id"] in self.select
        return catalog

    def _target_files(self, client: WorkspaceClient, folder: Path) -> list[str]:
        settings = {
            "server_hostname": client.config.host,
            "http_path": f"/sql/1.0/warehouses/{self.warehouse}",
            "catalog": self.catalog,
            "default_target_schema": self.schema,
            **self.target,
        }
        return _written("target", {"config": settings}, folder)


def environment_of(
    client: WorkspaceClient, scope: str, required: Sequence[str] = ()
) -> dict[str, str]:
    """The environment of this process with the credentials of a scope, for processes of a run.

    Args:
        client: The workspace.
        scope: Name of the scope.
        required: Keys that this run needs beside those that every run does.

    Raises:
        MissingSecretError: One is missing that the run cannot do without.
    """
    environment = os.environ | Scope(client, scope).environment(required)
    environment["DATABRICKS_HOST"] = client.config.host or ""
    if "DATABRICKS_CLIENT_SECRET" in environment:
        environment.pop("DATABRICKS_TOKEN", None)
    else:
        # A job's own identity lives in its first process only; its token is handed on.
        token = client.config.authenticate()["Authorization"].removeprefix("Bearer ")
        environment["DATABRICKS_TOKEN"] = token
    return environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the load that the arguments name; the exit code."""
    load = _parsed(arguments)
    client = WorkspaceClient()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return load.carry_out(client, Path(folder))
        except JobError as error:
            print(error, file=sys.stderr)
        except DatabricksError as error:
            print(f"The workspace refused a call of job '{load.job}': {error}", file=sys.stderr)
    return 1


def task() -> None:
    """The entry point of a task: it must raise to fail, whatever it returns is not looked at.

    Raises:
        RuntimeError: The load failed; its log says why.
    """
    if code := main():
        raise RuntimeError(f"The load ended with {code}; the lines above say why.")


def _parsed(arguments: Sequence[str] | None) -> Load:
    parser = argparse.ArgumentParser(prog="xero-job", description="One load of Xero's books.")
    for name in ("job", "scope", "volume", "catalog", "schema", "warehouse", "run"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--select", default="")
    parser.add_argument("--events", default="")
    parser.add_argument("--dead-after", type=float, default=DEAD_AFTER_SECONDS)
    for name in ("tap", "target"):
        parser.add_argument(f"--{name}", type=json.loads, default={})
    values = vars(parser.parse_args(arguments))
    return Load(**{**values, "select": tuple(filter(None, values["select"].split(",")))})


def _python(name: str) -> list[str]:
    """A plugin's command in this environment, whether or not its scripts are on the path."""
    return [sys.executable, "-c", f"{PLUGINS[name]}; plugin.cli()"]


def _written(of: str, files: dict[str, Any], folder: Path) -> list[str]:
    """Options that name files with these contents."""
    options = ["--config=ENV"] if "config" in files else []
    for name, content in files.items():
        path = folder / f"{of}-{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        options += [f"--{name}", str(path)]
    return options


if __name__ == "__main__":
    sys.exit(main())
