"""Containers and CI: what Dockerfile, compose file and workflows call is there and does it.

No image is built here. `deploy/install` and `deploy/start`, all that an image runs, are run in an
empty folder by a user who is not root.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import healthy
import pytest
import scheduler
import yaml
from schedules import IntervalError, due, is_due, schedules_of
from shown_commands import as_shown

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
NOBODY = 65534
THURSDAY = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


def loaded(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


MELTANO = loaded(ROOT / "meltano.yml")
JOBS = {job["name"] for job in MELTANO["jobs"]}

# Schedules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "meant"),
    [
        ("30 2 * * *", True),
        ("31 2 * * *", False),
        ("*/15 * * * *", True),
        ("*/20 * * * *", False),
        ("0-30/10 1,2 * * *", True),
        ("10/5 * * * *", True),
        ("30 2 * * 4", True),
        ("30 2 * * 0", False),
        ("30 2 26 11 *", True),
        ("30 2 1 * 4", True),  # both days are stated: either will do
        ("30 2 1 * *", False),
        ("@hourly", False),
        ("@midnight", False),
        ("@annually", False),
        ("@manual", False),
    ],
)
def test_an_interval_means_a_minute_as_in_a_crontab(interval, meant):
    assert is_due(interval, THURSDAY) is meant


def test_sunday_is_0_and_7():
    sunday = THURSDAY + timedelta(days=3)
    assert is_due("30 2 * * 0", sunday)
    assert is_due("30 2 * * 7", sunday)
    assert is_due("@weekly", sunday.replace(hour=0, minute=0))


@pytest.mark.parametrize(
    "interval", ["hourly", "60 * * * *", "* * * *", "5-1 * * * *", "*/0 * * * *"]
)
def test_an_interval_that_says_no_time_is_named(interval):
    with pytest.raises(IntervalError, match=re.escape(f"'{interval}'")):
        is_due(interval, THURSDAY)


def test_what_fell_due_while_another_job_ran_is_due_now_and_once():
    schedules = [
        {"name": "hourly", "interval": "@hourly"},
        {"name": "nightly", "interval": "30 2 * * *"},
        {"name": "weekly", "interval": "@weekly"},
    ]
    since = THURSDAY.replace(hour=1, minute=59)
    assert [each["name"] for each in due(schedules, since, since + timedelta(hours=3))] == [
        "hourly",
        "nightly",
    ]
    assert list(due(schedules, since, since)) == []


@pytest.fixture
def state(tmp_path, monkeypatch) -> Path:
    beat = tmp_path / "state" / "beat"
    monkeypatch.setattr(healthy, "BEAT", beat)
    monkeypatch.setattr(scheduler, "BEAT", beat)
    return beat


class Night:
    """A clock that goes on when somebody waits, and ends the loop in the morning."""

    def __init__(self, until: datetime) -> None:
        self.now = THURSDAY.replace(hour=0, minute=0)
        self.until = until

    def wait(self, seconds: float) -> None:
        assert 0 < seconds <= 60
        self.now += timedelta(seconds=seconds)
        if self.now >= self.until:
            raise KeyboardInterrupt


def test_a_night_runs_each_job_when_it_is_due_whatever_becomes_of_one(
    state, tmp_path, monkeypatch, capfd
):
    command = tmp_path / "meltano"
    command.write_text('#!/bin/sh\necho "$@" >> ran; test "$2" != reference\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)
    night = Night(until=THURSDAY.replace(hour=4, minute=10))
    schedules = schedules_of(ROOT / "meltano.yml")
    try:
        with pytest.raises(KeyboardInterrupt):
            scheduler.Scheduler(schedules, lambda: night.now, night.wait).run()
    finally:
        signal.signal(signal.SIGTERM, handler)
    ran = (tmp_path / "ran").read_text().splitlines()
    assert ran == ["run documents"] * 2 + ["run reference"] + ["run documents"] * 2
    said = capfd.readouterr().out
    assert "2026-11-26 02:30:00 reference-nightly: failed, exit code 1" in said
    assert "2026-11-26 03:00:00 documents-hourly: done" in said
    assert healthy.scheduler() is None


def test_a_scheduler_that_does_not_start_or_hangs_is_not_healthy(state):
    assert "has not started" in healthy.scheduler()
    state.parent.mkdir()
    state.touch()
    assert healthy.scheduler() is None
    long_ago = time.time() - healthy.SILENT_FOR - 60
    os.utime(state, (long_ago, long_ago))
    assert "silent for 360 s" in healthy.scheduler()


def test_a_receiver_that_does_not_answer_is_not_healthy(monkeypatch):
    monkeypatch.setattr(healthy, "PORT", 9)
    assert "does not answer on port 9" in healthy.receiver()


# Files ----------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, lines joined."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def words_of_start() -> set[str]:
    """What `deploy/start` takes besides commands of Meltano."""
    return set(re.findall(r"^ {4}(\w+)\)", (DEPLOY / "start").read_text(), re.MULTILINE))


def test_the_image_copies_and_runs_one_script_and_one_entry_point_and_is_nobodys_root():
    steps = instructions()
    names = [name for name, _ in steps]
    user = names.index("USER")
    assert steps[user][1] != "root"
    assert [text.split()[0] for name, text in steps[user:] if name == "RUN"] == ["deploy/install"]
    assert names.count("USER") == 1
    assert names.index("COPY") > user
    told = dict(steps)
    assert json.loads(told["ENTRYPOINT"]) == ["deploy/start"]
    assert json.loads(told["CMD"])[0] in words_of_start()
    _, _, check = told["HEALTHCHECK"].partition("CMD ")
    assert json.loads(check) == ["deploy/start", "healthy", "scheduler"]
    assert all(os.access(DEPLOY / script, os.X_OK) for script in ("install", "start"))


def in_the_image() -> list[str]:
    """What the image copies of the top of the repository, as its .dockerignore says."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


def test_the_image_has_the_packages_and_no_secret():
    kept = in_the_image()
    assert all((ROOT / name).exists() for name in kept)
    members = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    assert {member.split("/")[0] for member in members["members"]} <= set(kept)
    assert {"meltano.yml", "pyproject.toml", "README.md", "deploy"} <= set(kept)
    assert not {".env", ".git", "tests", ".meltano", "output"} & set(kept)


def test_the_compose_file_runs_what_is_there():
    compose = loaded(DEPLOY / "compose.yml")
    services = compose["services"]
    assert set(services) == {"receiver", "scheduler"}
    for name, service in services.items():
        assert service["command"] == [name]
        assert name in words_of_start()
        assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).exists()
        for volume in service["volumes"]:
            assert volume.split(":")[0] in compose["volumes"]
            assert volume.split(":")[1] in dict(instructions())["VOLUME"]
    check = services["receiver"]["healthcheck"]["test"]
    assert check == ["CMD", "deploy/start", "healthy", "receiver"]
    assert services["receiver"]["ports"] == [f"127.0.0.1:{healthy.PORT}:{healthy.PORT}"]


def steps_of(workflow: Path) -> list[str]:
    jobs = loaded(workflow)["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def test_ci_of_the_project_runs_what_ci_runs():
    (command,) = steps_of(ROOT / ".github" / "workflows" / "ci.yml")
    assert command == "bash .ci/run"
    assert (ROOT / ".ci" / "run").exists()


CALL = re.compile(
    r"uv run(?: --extra (?P<extra>\w+))?(?: --with '[^']+')? "
    r"meltano --environment=(?P<environment>\w+) run (?P<job>[\w-]+)"
)


def test_scheduled_runs_on_github_call_jobs_environments_and_extras_that_are_there():
    path = DEPLOY / "github-actions.yml"
    install, *commands = steps_of(path)
    assert install == "pip install uv"
    assert commands
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for command in commands:
        call = CALL.fullmatch(command)
        assert call, command
        assert call["job"] in JOBS
        assert call["environment"] in {each["name"] for each in MELTANO["environments"]}
        assert call["extra"] in project["project"]["optional-dependencies"]


def test_scheduled_runs_on_github_set_settings_that_are_there_and_each_at_its_time():
    path = DEPLOY / "github-actions.yml"
    (job,) = loaded(path)["jobs"].values()
    definitions = {
        prefix: {setting["name"] for setting in loaded(ROOT / "plugins" / file)["settings"]}
        for prefix, file in (
            ("TAP_XERO_", "extractors/tap-xero.yml"),
            ("TARGET_DATABRICKS_", "loaders/target-databricks.yml"),
        )
    }
    for name, value in job["env"].items():
        assert value == f"${{{{ secrets.{name} }}}}"
        (known,) = (
            *(
                setting
                for prefix, settings in definitions.items()
                for setting in settings
                if name == f"{prefix}{setting.upper()}"
            ),
            *(["MELTANO_STATE_BACKEND_URI"] if name == "MELTANO_STATE_BACKEND_URI" else []),
        )
        assert known
    crons = {each["cron"] for each in loaded(path)[True]["schedule"]}
    asked = {
        found for step in job["steps"] for found in re.findall(r"'([^']+)'", step.get("if", ""))
    }
    assert asked < crons
    assert not any(is_due(cron, THURSDAY) for cron in crons), "not at the full or half hour"


# Both scripts, run ----------------------------------------------------------------------------


@pytest.mark.stress
@pytest.mark.timeout(900)
def test_somebody_who_is_not_root_installs_and_runs_it_in_an_empty_folder(tmp_path_factory):
    """What the image does, without the image: copy, `deploy/install`, `deploy/start`."""
    home = Path(f"/tmp/nobody-{os.getpid()}")
    home.mkdir(mode=0o755)
    try:
        place = home / "pipeline"
        place.mkdir()
        for name in in_the_image():
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, place / name)
        tools = home / "bin"
        tools.mkdir()
        shutil.copy(_uv(), tools / "uv")
        user: dict[str, Any] = {}
        if os.getuid() == 0:
            user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            for path in (home, *home.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        env = {
            "HOME": str(home),
            "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
            "XDG_STATE_HOME": str(home / "state"),
            "UV_PYTHON_PREFERENCE": "only-system",
            **{
                k: v
                for k, v in os.environ.items()
                if k.startswith(("UV_INDEX", "UV_DEFAULT", "SSL_"))
            },
        }

        def run(*command: str, code: int = 0) -> str:
            done = subprocess.run(
                command,
                cwd=home,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                **user,
            )
            assert done.returncode == code, done.stdout
            return done.stdout

        def shown(command: str) -> list[str]:
            return f"{place}/{command}".split()

        start = as_shown("deploy/start")
        healthy_scheduler = shown(as_shown("deploy/start healthy scheduler"))
        run(*shown(as_shown("deploy/install [PLUGIN …]").replace(" [PLUGIN …]", "")))
        run(*shown(as_shown("deploy/start run documents")))
        assert list((place / "output/lakehouse/xero/invoices/_delta_log").iterdir())
        assert "has not started" in run(*healthy_scheduler, code=1)
        process = subprocess.Popen(
            shown(start), cwd=home, env=env, stdout=subprocess.PIPE, text=True, **user
        )
        try:
            assert process.stdout.readline().startswith("documents-hourly, @hourly: meltano run")
            deadline = time.monotonic() + 30
            while not (home / "state" / "xero-scheduler").exists():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            run(*healthy_scheduler)
        finally:
            process.terminate()
            assert process.wait(30) == 128 + signal.SIGTERM

        env["TAP_XERO_WEBHOOK_SIGNING_KEY"] = "a key"
        process = subprocess.Popen(
            shown(as_shown("deploy/start receiver")),
            cwd=home,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            **user,
        )
        try:
            assert json.loads(process.stdout.readline())["url"].endswith(
                f":{healthy.PORT}/webhooks"
            )
            run(f"{place}/deploy/start", "healthy", "receiver")
        finally:
            process.terminate()
            process.wait(90)
    finally:
        shutil.rmtree(home)


def _uv() -> str:
    from uv import find_uv_bin

    return find_uv_bin()
