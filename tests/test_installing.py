"""Strangers install the packages into empty environments, and come from the old names.

What they are built from is what lies here; whatever else they need, the index has. Commands of
`README.md` run as they stand: `PIP_FIND_LINKS` and `UV_FIND_LINKS` say where the packages are, and
git is told that `your.git.host` is this repository.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import release
import yaml
from clones import printed, shell
from deltalake import write_deltalake
from published import publish
from shown_commands import as_shown

ROOT = Path(__file__).resolve().parents[1]
URL = "https://git.example.com/books/xero-to-databricks"
FOLDERS = release.folders()
BIN = Path(sys.executable).parent
PIPX = "pipx==1.8.0"
EXTRAS = {"tap-xero": "[sandbox,webhooks]", "target-xero": "[sandbox]"}
EXTRAS |= {"target-databricks": "[warehouse,sandbox]", "tap-databricks": "[warehouse,duckdb]"}
COMMANDS = {
    name: [line.split(" = ")[0] for line in scripts[1].splitlines()]
    for name, scripts in (
        (
            Path(folder).name,
            re.search(
                r"\[project\.scripts\]\n((?:.+\n)+)", (ROOT / folder / "pyproject.toml").read_text()
            ),
        )
        for folder in FOLDERS
    )
}

WITHOUT_HELP = {"xero-job-secret"}
"""What only the tap calls."""


def build(root: Path, out: Path, *folders: str) -> Path:
    for folder in folders:
        release.build(root, folder, URL, out, "--wheel")
    return out


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> Path:
    """The packages of today."""
    return build(ROOT, tmp_path_factory.mktemp("wheels"), *FOLDERS)


@pytest.fixture(scope="module")
def old_wheels(tmp_path_factory) -> Path:
    """Tap and sandbox as they were called once."""
    root = tmp_path_factory.mktemp("old")
    shutil.copy(ROOT / "pyproject.toml", root)
    for folder in ("tap-xero", "plugins/xero-sandbox"):
        shutil.copytree(ROOT / folder, root / folder)
        project = root / folder / "pyproject.toml"
        old = release.numbered(project.read_text(), "0.0.1").replace(f"{release.FAMILY}-", "")
        project.write_text(old)
        package = project.parent / Path(folder).name.replace("-", "_") / "__init__.py"
        package.write_text(package.read_text().replace(f"{release.FAMILY}-", ""))
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    return build(root, root / "wheels", "tap-xero", "plugins/xero-sandbox")


class Machine:
    """A home of its own with nothing in it; what is installed is on its PATH."""

    def __init__(self, home: Path, wheels: Path) -> None:
        self.home = home
        self.venv = home / "venv"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAP_", "TARGET_"))}
        kept.pop("PYTHONPATH", None)
        kept.pop("VIRTUAL_ENV", None)
        self.env = kept | {
            "HOME": str(home),
            "PATH": os.pathsep.join([f"{self.venv / 'bin'}", f"{home / 'bin'}", kept["PATH"]]),
            "PIP_FIND_LINKS": str(wheels),
            "UV_FIND_LINKS": str(wheels),
            "UV_CACHE_DIR": printed("uv", "cache", "dir"),
            "PIP_CACHE_DIR": printed("pip", "cache", "dir"),
            "UV_TOOL_DIR": str(home / "tools"),
            "UV_TOOL_BIN_DIR": str(home / "bin"),
            "PIPX_HOME": str(home / "pipx"),
            "PIPX_BIN_DIR": str(home / "bin"),
            "VIRTUAL_ENV": str(self.venv),
            "UV_NO_CONFIG": "1",
        }
        self.run(f"uv venv --quiet --seed --python {sys.executable} {self.venv}")

    def run(self, command: str, code: int = 0) -> str:
        """Run a line as a shell does and give what it prints."""
        return shell(command, self.home, self.env, code)


@pytest.fixture
def machine(tmp_path, wheels) -> Machine:
    return Machine(tmp_path, wheels)


INSTALL = {
    "pip": 'pip install --quiet "{}"',
    "uv pip": 'uv pip install --quiet "{}"',
    "uv tool": f'uv tool install --quiet --python {sys.executable} "{{}}"',
    "pipx": f'uv tool run {PIPX} install --python {sys.executable} "{{}}"',
}


WITH_SANDBOX = as_shown('pip install "xero-to-databricks-tap-xero[sandbox]"')
FROM_GIT = {
    "uv tool": as_shown(
        'uv tool install "xero-to-databricks-tap-xero[sandbox] @ '
        'git+https://your.git.host/this-repository#subdirectory=tap-xero"'
    ),
    "pip": as_shown(
        'pip install "xero-to-databricks-xero-sandbox @ '
        'git+https://your.git.host/this-repository#subdirectory=plugins/xero-sandbox" '
        '"xero-to-databricks-tap-xero[sandbox] @ '
        'git+https://your.git.host/this-repository#subdirectory=tap-xero"'
    ),
}


BY = pytest.mark.parametrize("by", ["uv ", pytest.param("", marks=pytest.mark.stress)])
"""`uv pip install`, which takes a second, and `pip install`, which takes twenty."""


@BY
def test_the_quick_start_of_the_tap_runs_as_it_stands_and_feeds_the_target(machine, by):
    machine.run(f"{by}{WITH_SANDBOX}")
    machine.run(as_shown("echo '{\"sandbox\": {}}' > config.json"))
    machine.run(as_shown("tap-xero --config config.json > books.jsonl"))
    lines = map(json.loads, (machine.home / "books.jsonl").read_text().splitlines())
    read = [line["stream"] for line in lines if line["type"] == "RECORD"]
    assert read.count("organisations") == 3
    assert read.count("invoices") > 100


@BY
def test_the_quick_start_of_the_target_runs_as_it_stands(machine, by):
    messages = ROOT / "tests" / "target_databricks" / "fixtures" / "invoices.singer"
    tap = machine.home / "bin" / "tap-something"
    tap.parent.mkdir(exist_ok=True)
    tap.write_text(f"#!/bin/sh\ncat {messages}\n")
    tap.chmod(0o755)
    machine.run(f"{by}{as_shown('pip install xero-to-databricks-target-databricks')}")
    machine.run(
        as_shown(
            'echo \'{"lakehouse_path": "output/lakehouse", "default_target_schema": "books"}\''
            " > config.json"
        )
    )
    machine.run(
        as_shown(
            "tap-something --config tap.json | target-databricks --config config.json > state.json"
        )
    )
    assert list((machine.home / "output" / "lakehouse" / "books").glob("*/_delta_log"))


@BY
def test_the_quick_start_of_tap_databricks_runs_as_it_stands(machine, by):
    _write_books(machine.home / "output" / "lakehouse" / "xero")
    machine.run(f"{by}{as_shown('pip install xero-to-databricks-tap-databricks')}")
    machine.run(
        as_shown(
            """echo '{"lakehouse_path": "output/lakehouse", "schemas": ["xero"]}' > config.json"""
        )
    )
    machine.run(as_shown("tap-databricks --config config.json --discover > catalog.json"))
    read = machine.run(as_shown("tap-databricks --config config.json --catalog catalog.json"))
    assert read.count('"RECORD"') == 2


def _write_books(schema: Path) -> None:
    rows = pa.table({"id": [1, 2], "name": ["Acorn", "Birch"]})
    write_deltalake(schema / "customers", rows)


def _project_of(readme: str, root: Path, *plugins: str) -> None:
    """A Meltano project with the plugin of a README's quick start, and others."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(plugins:.*?)```", text, re.DOTALL)
    project = yaml.safe_load(block)
    for plugin in plugins:
        for kind, ours in yaml.safe_load(plugin).items():
            project["plugins"].setdefault(kind, []).extend(ours)
    for extractor in project["plugins"].get("extractors", []):
        if "server_hostname" in extractor.get("config", {}):
            # A folder in the place of a warehouse.
            extractor["config"] = {"lakehouse_path": "source", "schemas": ["sales"]}
    project |= {"default_environment": "dev", "environments": [{"name": "dev"}]}
    (root / "meltano.yml").write_text(yaml.safe_dump(project))


@pytest.fixture
def with_meltano(machine) -> Machine:
    """The same machine with Meltano on its PATH."""
    (machine.home / "bin").mkdir()
    (machine.home / "bin" / "meltano").symlink_to(BIN / "meltano")
    machine.env |= {"MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "NO_COLOR": "1"}
    return machine


@pytest.mark.stress
def test_the_target_is_installed_and_runs_in_somebody_elses_meltano_project(with_meltano):
    messages = ROOT / "tests" / "target_databricks" / "fixtures" / "invoices.singer"
    tap = f"name: tap-something, namespace: tap_something, executable: {with_meltano.home}/tap"
    (with_meltano.home / "tap").write_text(f"#!/bin/sh\ncat {messages}\n")
    (with_meltano.home / "tap").chmod(0o755)
    _project_of("target-databricks/README.md", with_meltano.home, f"extractors: [{{{tap}}}]")
    with_meltano.run(as_shown("meltano install"))
    with_meltano.run(as_shown("meltano run tap-something target-databricks"))
    assert list((with_meltano.home / "output" / "lakehouse" / "books").glob("*/_delta_log"))


@pytest.mark.stress
def test_the_other_tap_is_installed_and_runs_in_somebody_elses_meltano_project(with_meltano):
    _write_books(with_meltano.home / "source" / "sales")
    (with_meltano.home / "jsonl").mkdir()
    target = (
        "name: target-jsonl, namespace: target_jsonl, pip_url: target-jsonl==0.1.4, "
        "settings: [{name: destination_path}], config: {destination_path: jsonl}"
    )
    _project_of("plugins/tap-databricks/README.md", with_meltano.home, f"loaders: [{{{target}}}]")
    with_meltano.run(as_shown("meltano install"))
    assert "customers.name" in with_meltano.run(as_shown("meltano select --list tap-databricks"))
    with_meltano.run(as_shown("meltano run tap-databricks target-jsonl"))
    (lines,) = (with_meltano.home / "jsonl").iterdir()
    assert len(lines.read_text().splitlines()) == 2


@pytest.mark.stress
@pytest.mark.parametrize(
    "command",
    [
        as_shown("pip install xero-to-databricks-tap-xero"),
        as_shown('pip install "xero-to-databricks-target-databricks[warehouse]"'),
    ],
)
def test_what_a_document_installs_runs(machine, command):
    machine.run(command)
    name = re.search(r"databricks-([a-z-]+)", command)[1]
    assert _version() in machine.run(f"{name} --version")


@pytest.mark.stress
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("tool", ["pip", "uv tool", "pipx"])
def test_a_package_is_installed_into_an_empty_environment_and_runs(machine, tool, folder):
    name = Path(folder).name
    machine.run(INSTALL[tool].format(f"{release.FAMILY}-{name}{EXTRAS.get(name, '')}"))
    for command in set(COMMANDS[name]) - WITHOUT_HELP:
        assert "usage: " in machine.run(f"{command} --help").lower()
    if name.startswith(("tap", "target")):
        assert _version() in machine.run(f"{name} --version")


@pytest.mark.stress
@pytest.mark.parametrize("tool", FROM_GIT)
def test_the_readmes_commands_install_from_git_as_they_stand(machine, tmp_path_factory, tool):
    machine.env |= publish(tmp_path_factory.mktemp("published"))
    for variable in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        del machine.env[variable]
    machine.run(FROM_GIT[tool])
    machine.run('echo \'{"sandbox": {"invoices": 5}}\' > config.json')
    assert '"RECORD"' in machine.run("tap-xero --config config.json")


def _version() -> str:
    return release.version_of((ROOT / "pyproject.toml").read_text())


@pytest.mark.stress
@pytest.mark.parametrize("tool", ["pip", "uv pip"])
def test_a_new_name_on_top_of_the_old_one_works_and_the_readme_says_how_to_be_rid_of_that(
    machine, wheels, old_wheels, tool
):
    machine.env["PIP_FIND_LINKS"] = machine.env["UV_FIND_LINKS"] = str(old_wheels)
    machine.run(f"{tool} install --quiet {old_wheels}/tap_xero-*.whl {old_wheels}/xero_sandbox-*")
    machine.env["PIP_FIND_LINKS"] = machine.env["UV_FIND_LINKS"] = str(wheels)
    machine.run(INSTALL[tool].format("xero-to-databricks-tap-xero[sandbox]"))
    assert _version() in machine.run("tap-xero --version")
    machine.run('echo \'{"sandbox": {"invoices": 5}}\' > config.json')
    said = machine.run("tap-xero --config config.json")
    assert '"RECORD"' in said
    assert "tap-xero 0.0.1 is installed beside xero-to-databricks-tap-xero" in said
    if tool == "pip":
        machine.run(re.search(r"'(pip uninstall [^']+)'", said)[1])
        assert "is installed beside" not in machine.run("tap-xero --config config.json")
    both = as_shown(
        "pip uninstall --yes "
        "tap-xero xero-sandbox xero-to-databricks-tap-xero xero-to-databricks-xero-sandbox"
    )
    for line in (both, WITH_SANDBOX):
        machine.run(line if tool == "pip" else f"uv {line}".replace("--yes ", ""))
    assert '"RECORD"' in machine.run("tap-xero --config config.json")
    installed = {line.split()[0] for line in machine.run("pip list").splitlines()}
    assert "xero-to-databricks-tap-xero" in installed
    assert not {"tap-xero", "xero-sandbox"} & installed


@pytest.mark.stress
def test_in_this_project_uv_changes_over_and_reinstalls_what_an_old_name_took_along(
    tmp_path_factory, machine
):
    root = tmp_path_factory.mktemp("project")
    publish(root)
    for folder in (".", *FOLDERS):
        path = root / folder / "pyproject.toml"
        path.write_text(path.read_text().replace(f"{release.FAMILY}-", ""))
    for variable in ("UV_NO_CONFIG", "UV_FIND_LINKS", "VIRTUAL_ENV"):
        del machine.env[variable]
    machine.home = root
    machine.run("uv sync --quiet")
    machine.run("git checkout --quiet .")
    machine.run('echo \'{"lakehouse_path": "lake"}\' > config.json')
    load = "echo | uv run --quiet target-databricks --config config.json"
    assert "target-databricks 0.1.0 is installed beside" in machine.run(f"{load} || true")
    machine.run("uv sync --quiet")
    assert "Failed to spawn" in machine.run("uv run --quiet tap-xero --version", code=2)
    machine.run(f"{as_shown('uv sync --reinstall')} --quiet")
    assert _version() in machine.run("uv run --quiet tap-xero --version")
    assert "is installed beside" not in machine.run(f"{load} || true")


@pytest.mark.stress
@pytest.mark.parametrize("tool", ["uv tool", "pipx"])
def test_a_tool_says_that_the_commands_of_the_old_name_are_there(machine, old_wheels, tool):
    wheel, sandbox = (next(old_wheels.glob(f"{name}-*")) for name in ("tap_xero", "xero_sandbox"))
    machine.env["PIP_FIND_LINKS"] += f" {old_wheels}"
    machine.env["UV_FIND_LINKS"] += f",{old_wheels}"
    machine.run(INSTALL[tool].format(f"{wheel}"))
    assert sandbox.exists()
    new = INSTALL[tool].format("xero-to-databricks-tap-xero").replace("--quiet ", "")
    said = machine.run(new, code=2 if tool == "uv tool" else 0)
    assert ("already exist" if tool == "uv tool" else "Not modifying") in said
    assert "0.0.1" in machine.run("tap-xero --version")
    pipx = machine.home / "bin" / "pipx"
    pipx.write_text(f'#!/bin/sh\nexec uv tool run {PIPX} "$@"\n')
    pipx.chmod(0o755)
    uninstall = {
        "uv tool": as_shown("uv tool uninstall tap-xero"),
        "pipx": as_shown("pipx uninstall tap-xero"),
    }
    machine.run(uninstall[tool])
    machine.run(new if tool == "uv tool" else new.replace(" install ", " reinstall ", 1))
    assert _version() in machine.run("tap-xero --version")
