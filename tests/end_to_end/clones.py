"""A clone of this repository on a machine that has Python, pip and git, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from published import HOST, publish
from shown_commands import as_shown

BIN = Path(sys.executable).parent
OWN = ("TAP_", "TARGET_", "MELTANO_", "MARTS_", "DBT_", "REPORT_", "PYTEST_", "UV_PROJECT")


def shell(command: str, folder: Path, env: dict[str, str], code: int = 0, stdin: str = "") -> str:
    """Run a line as a shell does, in a folder, and give what it prints."""
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=env,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{command}\n{done.stdout}"
    return done.stdout


class Clone:
    """A home of its own with the clone in it; all commands run in `root`.

    Args:
        home: An empty folder.
        tests: Whether the clone has the tests.
    """

    def __init__(self, home: Path, *, tests: bool = False) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "GOLDEN", "UPDATE_SNAPSHOTS"):
            kept.pop(name, None)
        elsewhere = [path for path in kept["PATH"].split(os.pathsep) if Path(path) != BIN]
        self.root = home
        self.env = kept | {
            "HOME": str(home),
            "PATH": os.pathsep.join([f"{home}/python/bin", f"{home}/bin", *elsewhere]),
            "UV_CACHE_DIR": printed(str(BIN / "uv"), "cache", "dir"),
            "PIP_CACHE_DIR": printed("pip", "cache", "dir"),
            "UV_PYTHON": sys.executable,
            "NO_COLOR": "1",
        }
        self.run(f"{BIN}/uv venv --quiet --seed {home}/python")
        self.env |= publish(home / "published", tests=tests)
        there = as_shown(
            "git clone https://your.git.host/this-repository "
            "&& cd this-repository/plugins/databricks-bundle"
        )
        assert HOST in there
        self.run(there)
        self.root = home / "this-repository"

    def run(self, command: str, code: int = 0, stdin: str = "", **env: str) -> str:
        """Run a line as a shell does and give what it prints."""
        return shell(command, self.root, self.env | env, code, stdin)

    def left(self) -> list[str]:
        """Processes that are still there and were started in the clone."""
        return [
            (process / "cmdline").read_text().replace("\0", " ")
            for process in Path("/proc").iterdir()
            if process.name.isdigit()
            and (place := _place(process)) is not None
            and place.is_relative_to(self.root)
        ]


def _place(process: Path) -> Path | None:
    try:
        return (process / "cwd").resolve(strict=True)
    except OSError:
        return None


def printed(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
