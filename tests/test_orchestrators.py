"""Airflow and Dagster run the jobs of `meltano.yml`: what `docs/pages/schedules.md` says of them.

Each is installed into an environment of its own, exactly as `tests/orchestrators` pins it, and runs
the demo in a copy of the project that has been installed as the document says, by its own commands.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import meltano_jobs
import psutil
import pytest
import yaml
from deltalake import DeltaTable
from published import publish
from schedules import cron
from shown_commands import as_shown
from uv import find_uv_bin
from xero_sandbox.stories.organisation import Organisation

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(sys.executable).parent
PINS = ROOT / "tests" / "orchestrators"
MELTANO = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
FIRST = Organisation("Harakeke Trading Limited", 0, 1, 400).tenant_id
NOBODY = "00000000-0000-0000-0000-000000000001"
KEPT = ("HOME", "LANG", "UV_", "SSL_", "PIP_", "HTTP", "http")
"""Variables that a run takes from here, by how they begin."""

pytestmark = pytest.mark.timeout(900)

# What needs neither of them -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["airflow_dag.py", "dagster_job.py"])
def test_a_file_for_an_orchestrator_compiles(name):
    path = ROOT / "deploy" / name
    compile(path.read_text(encoding="utf-8"), str(path), "exec")


def test_what_they_run_are_the_jobs_and_schedules_of_meltano_yml():
    assert meltano_jobs.jobs() == [each["name"] for each in MELTANO["jobs"]]
    assert meltano_jobs.schedules() == MELTANO["schedules"]
    assert {each["job"] for each in meltano_jobs.schedules()} <= set(meltano_jobs.jobs())
    start, *arguments = meltano_jobs.command("documents")
    assert os.access(start, os.X_OK)
    assert arguments == [f"--environment={meltano_jobs.ENVIRONMENT}", "run", "documents"]


@pytest.mark.parametrize(
    ("interval", "fields"),
    [("@hourly", "0 * * * *"), ("5 4 * * 7", "5 4 * * 7"), ("@once", None), ("@manual", None)],
)
def test_an_interval_is_told_as_fields_of_a_crontab(interval, fields):
    assert cron(interval) == fields


def test_pins_are_exact_and_name_no_place():
    for name in ("airflow", "dagster"):
        lines = (PINS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; [^:/]+)?", line) for line in lines)
        assert any(re.match(rf"(apache-)?{name}==", line) for line in lines)


# Both of them, run --------------------------------------------------------------------------


@dataclass(frozen=True)
class Orchestrator:
    """One of them in its environment, with an installed project.

    Attributes:
        home: A folder for all that it writes.
        project: A copy of this repository.
        env: Variables of all its processes.
    """

    name: str
    home: Path
    project: Path
    env: dict[str, str]

    def start(self, command: str, **env: str) -> subprocess.Popen[str]:
        """Start a line as a shell in the project does; the log goes to the home."""
        with (self.home / "log").open("w") as log:
            return subprocess.Popen(
                ["bash", "-ec", command],
                cwd=self.project,
                env=self.env | env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def log(self) -> str:
        return (self.home / "log").read_text()

    def run(self, command: str, code: int = 0, **env: str) -> str:
        """Run a line to its end and give what it printed."""
        assert self.start(command, **env).wait(timeout=600) == code, self.log()
        return self.log()

    def of(self, job: str) -> str:
        """The command that runs a job in process and tells what became of it."""
        script = PINS / f"run_{self.name}.py"
        return f"exec python {script} {self.called(job)} {self.home / 'told.json'}"

    def called(self, job: str) -> str:
        """What a job is called there: in Airflow by its schedule."""
        if self.name == "dagster":
            return self.named(job)
        return self.named(next(each["name"] for each in MELTANO["schedules"] if each["job"] == job))

    def named(self, name: str) -> str:
        """A name of `meltano.yml` as it is there."""
        return f"xero_{name.replace('-', '_')}" if self.name == "dagster" else f"xero-{name}"

    def told(self) -> dict[str, Any]:
        return json.loads((self.home / "told.json").read_text())

    def apart(self, folder: Path) -> Orchestrator:
        """The same with a state of Meltano and a lakehouse that nobody has used."""
        place = {
            "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
            "TARGET_DATABRICKS_LAKEHOUSE_PATH": str(folder / "lakehouse"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        return replace(self, env=self.env | place)

    def left(self) -> list[psutil.Process]:
        """Processes whose variables say that they come from here."""
        return [
            process
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get("XERO_TEST") == str(self.home)
        ]


COMMANDS = (
    as_shown("deploy/install"),
    as_shown('ln -s "$PWD/deploy/airflow_dag.py" "$AIRFLOW_HOME/dags/xero.py"'),
    as_shown("MELTANO_ENVIRONMENT=demo airflow dags test xero-documents-hourly"),
    as_shown(
        "MELTANO_ENVIRONMENT=demo "
        "dagster job execute --python-file deploy/dagster_job.py --job xero_documents"
    ),
    as_shown("uv run meltano schedule add models-hourly --job models --interval '20 * * * *'"),
)
"""What the document shows of both."""


def trial(name: str) -> str:
    """The command of the document that runs a job on the demo."""
    (line,) = (line for line in COMMANDS if f"demo {name} " in line)
    return line


@pytest.fixture(scope="module", params=["airflow", "dagster"])
def orchestrator(request, tmp_path_factory) -> Iterator[Orchestrator]:
    """Installed, with the project beside it, by the commands of the document."""
    name = request.param
    home = tmp_path_factory.mktemp(name)
    project = home / "project"
    publish(project)
    venv = home / "venv"
    (home / "bin").mkdir()
    (home / "bin" / "uv").symlink_to(find_uv_bin())
    path = [each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != HERE]
    env = {key: value for key, value in os.environ.items() if key.startswith(KEPT)}
    env |= {
        "PATH": os.pathsep.join([f"{venv}/bin", f"{home}/bin", *path]),
        "TMPDIR": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XERO_TEST": str(home),
        "XERO_RETRY_MINUTES": "0",
    }
    both = Orchestrator(name, home, project, env)
    both.run(f"uv venv --quiet --python {sys.executable} {venv}")
    both.run(f"uv pip install --quiet --no-config --python {venv} --requirement {PINS / name}.txt")
    own = SETUPS[name](home)
    ready = replace(both, env=env | own)
    if name == "airflow":
        ready.run("airflow db migrate")
    (other,) = SETUPS.keys() - {name}
    for command in COMMANDS:
        if other not in command and command != trial(name):
            ready.run(command)
    yield ready
    for process in ready.left():  # of tests that have failed
        process.kill()


def _airflow(home: Path) -> dict[str, str]:
    (home / "airflow" / "dags").mkdir(parents=True)
    return {"AIRFLOW_HOME": str(home / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


def _dagster(home: Path) -> dict[str, str]:
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return {"DAGSTER_HOME": str(home / "dagster")}


SETUPS = {"airflow": _airflow, "dagster": _dagster}
"""Makes the folders that each wants, and gives the variables that say where they are."""


def organisations(table: Path) -> set[str]:
    """Of which organisations a table has rows."""
    rows = DeltaTable(str(table)).to_pyarrow_table(columns=["tenant_id"])
    return set(rows["tenant_id"].to_pylist())


@pytest.mark.stress
def test_each_schedule_is_there_and_a_job_of_the_demo_loads_its_tables(orchestrator):
    orchestrator.run(orchestrator.of("reference"), MELTANO_ENVIRONMENT="demo")
    told = orchestrator.told()
    assert (told["success"], told["tries"]) == (True, 1)
    assert told["schedules"] == {
        **{
            orchestrator.named(each["name"]): cron(each["interval"])
            for each in MELTANO["schedules"]
        },
        orchestrator.named("models-hourly"): "20 * * * *",
    }
    for name in ("organisations", "currencies", "tax_rates", "users", "budgets"):
        assert len(organisations(orchestrator.project / "output/lakehouse/xero" / name)) == 3
    assert told["rules"] == RULES[orchestrator.name]
    assert orchestrator.left() == []


RULES: dict[str, dict[str, Any]] = {
    "airflow": {"at_once": 1, "catchup": False, "errors": {}},
    "dagster": {
        "jobs": [f"xero_{each['name'].replace('-', '_')}" for each in MELTANO["jobs"]],
        "tick": "1 asked for",
        "tick_beside_another": "Run … of xero_reference has not ended.",
    },
}
"""What there is besides, as `tests/orchestrators` tell it."""


@pytest.mark.stress
def test_the_documents_trial_runs_as_it_stands_and_fails_where_meltano_does(orchestrator, tmp_path):
    orchestrator.run(trial(orchestrator.name))
    assert len(organisations(orchestrator.project / "output/lakehouse/xero/invoices")) == 3
    other = orchestrator.apart(tmp_path)
    nobody = {"TAP_XERO_TENANT_IDS": json.dumps([NOBODY]), "XERO_RETRIES": "0"}
    other.run(trial(orchestrator.name), code=1, **nobody)
    assert orchestrator.left() == []


@pytest.mark.stress
def test_a_run_that_lacks_one_organisation_is_tried_again_and_fails_with_the_others_loaded(
    orchestrator, tmp_path
):
    other = orchestrator.apart(tmp_path)
    tenants = json.dumps([FIRST, NOBODY])
    log = other.run(other.of("documents"), MELTANO_ENVIRONMENT="demo", TAP_XERO_TENANT_IDS=tenants)
    told = other.told()
    assert (told["success"], told["tries"]) == (False, 2)
    assert organisations(tmp_path / "lakehouse/xero/invoices") == {FIRST}
    assert log.count(f"Not read to the end: organisation {NOBODY}, which is not connected.") == 2
    assert orchestrator.left() == []


@pytest.mark.stress
def test_whoever_stops_a_run_stops_meltano_and_nothing_goes_on(orchestrator, tmp_path):
    other = orchestrator.apart(tmp_path)
    how = {
        "airflow": (signal.SIGTERM, {"XERO_RETRIES": "0"}),
        "dagster": (signal.SIGINT, {"XERO_RETRY_MINUTES": "60"}),
    }
    number, env = how[orchestrator.name]
    process = other.start(other.of("documents"), MELTANO_ENVIRONMENT="demo", **env)
    deadline = time.monotonic() + 120
    while "Reading from" not in other.log():
        assert process.poll() is None, other.log()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(timeout=90) == 0, other.log()
    assert "Stopped. The next run goes on from the page this one reached." in other.log()
    told = other.told()
    assert (told["success"], told["tries"]) == (False, 1)
    assert orchestrator.left() == []


@pytest.mark.stress
@pytest.mark.parametrize("orchestrator", ["airflow"], indirect=True)
def test_a_copy_of_the_dags_asks_where_the_project_is(orchestrator, tmp_path):
    command = f"cp deploy/airflow_dag.py {tmp_path} && python {tmp_path}/airflow_dag.py"
    assert "set XERO_PROJECT to the folder of the project" in orchestrator.run(command, code=1)
    orchestrator.run(command, XERO_PROJECT=str(orchestrator.project))
