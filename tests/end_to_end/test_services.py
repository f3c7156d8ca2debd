"""Kind 21: what systemd and cron run, as documented, is there in the environment they give."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import REPOSITORY, Project
from shown_commands import as_shown
from xero_sandbox.sandbox import Sandbox

SRV = "/srv/xero-to-databricks"
SYSTEMD = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CRON = "/usr/bin:/bin"
UNIT = as_shown(
    "ExecStart=/srv/xero-to-databricks/.venv/bin/tap-xero-webhooks serve --standby "
    '--run "/srv/xero-to-databricks/.venv/bin/meltano run tap-xero-webhooks target-databricks"'
)
CRONTAB = (
    as_shown(
        "0 * * * * cd /srv/xero-to-databricks && "
        "uv run --extra warehouse meltano --environment=prod run documents"
    ),
    as_shown(
        "30 2 * * * cd /srv/xero-to-databricks && "
        "uv run --extra warehouse meltano --environment=prod run reference"
    ),
)


class Command(NamedTuple):
    """A command line of the documentation, as a shell would get it, and what it finds set."""

    line: str
    env: dict[str, str]


def _paragraphs(document: str, root: Path) -> str:
    return (REPOSITORY / document).read_text().replace(SRV, str(root))


def unit(root: Path) -> Command:
    """The service of the webhooks' page, in a project at `root`."""
    text = _paragraphs("tap-xero/WEBHOOKS.md", root)
    (body,) = re.findall(r"\[Service\]\n(.*?)\n\n", text, re.DOTALL)
    settings = re.findall(r"^ *(\w+)=((?:.*\\\n)*.*)$", body, re.MULTILINE)
    env = {"PATH": SYSTEMD}
    env |= dict(value.split("=", 1) for name, value in settings if name == "Environment")
    for file in (value for name, value in settings if name == "EnvironmentFile"):
        lines = Path(file).read_text().splitlines() if Path(file).exists() else ()
        env |= dict(line.split("=", 1) for line in lines)
    return Command(UNIT.removeprefix("ExecStart=").replace(SRV, str(root)), env)


def crontab(root: Path) -> list[Command]:
    """The jobs of the README's crontab."""
    text = _paragraphs("README.md", root)
    env = {"PATH": CRON}
    env |= dict(re.findall(r"^ +(PATH)=(.+)$", text, re.MULTILINE))
    return [Command(line.split(maxsplit=5)[5].replace(SRV, str(root)), env) for line in CRONTAB]


def _in(env: dict[str, str], *command: str) -> list[str]:
    return ["env", "-i", *(f"{name}={value}" for name, value in env.items()), *command]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project with the environment that `uv sync` makes."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.mark.parametrize("service", ["unit", "documents", "reference"])
def test_all_that_a_service_starts_is_on_its_path(place: Path, service: str) -> None:
    jobs = {line.split()[-1]: (line, env) for line, env in crontab(place)}
    line, env = unit(place) if service == "unit" else jobs[service]
    programs = {"meltano", "tap-xero", "target-databricks"}
    programs |= {line.split()[0] if service == "unit" else line.split(" && ")[1].split()[0]}
    for program in sorted(programs):
        done = subprocess.run(
            _in(env, "/bin/sh", "-c", f"command -v {program}"), capture_output=True, check=False
        )
        assert done.returncode == 0, f"{service} does not find {program} on {env['PATH']}"


@pytest.fixture
def served(place: Path, project: Project, xero: Sandbox) -> Project:
    """A project that its `.env` has read from the sandbox and write to a folder."""
    project.read_from(xero)
    own = {name: value for name, value in project.env.items() if "TAP_" in name}
    own |= {
        "HOME": str(place),
        "MELTANO_ENVIRONMENT": "prod",
        "XDG_STATE_HOME": str(project.state),
        "TAP_XERO_WEBHOOK_SIGNING_KEY": xero.webhooks.signing_key,
        "TAP_XERO_WEBHOOK_INBOX_PATH": str(place / "inbox.db"),
        "TARGET_DATABRICKS_LAKEHOUSE_PATH": str(project.lakehouse.parent),
    }
    (place / ".env").write_text("".join(f"{name}={value}\n" for name, value in own.items()))
    return project


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_the_crontab_runs_as_written(served: Project) -> None:
    for line, env in crontab(served.root):
        done = subprocess.run(
            _in({**env, "HOME": str(served.root)}, "/bin/sh", "-c", line),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert {"invoices", "budgets"} <= set(served.tables())


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_the_unit_runs_as_written(served: Project, xero: Sandbox) -> None:
    served.meltano("run", "tap-xero", "target-databricks")
    line, env = unit(served.root)
    arguments = [*shlex.split(line), "--port=0"]
    service = subprocess.Popen(
        _in(env, *arguments), cwd=served.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert service.stdout is not None
        url = json.loads(service.stdout.readline())["url"]
        assert xero.webhooks.subscribe(f"{url}/") == "ok"
        row = served.rows("invoices")[0]
        tenant, invoice = str(row["tenant_id"]), str(row["invoice_id"])
        xero.clock.advance(hours=1)
        xero.books.edit(tenant, "Invoices", invoice, Reference="by the service")
        assert xero.webhooks.settle()
        for _ in range(900):
            references = {r["invoice_id"]: r["reference"] for r in served.rows("invoices")}
            if references[invoice] == "by the service":
                break
            with pytest.raises(subprocess.TimeoutExpired):
                service.wait(0.2)
        assert references[invoice] == "by the service"
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(120) == 0
