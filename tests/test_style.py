"""One command checks everything: the formatter, the linter and the type checker run as tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

CHECKS = {
    "formatted": ["ruff", "format", "--check"],
    "linted": ["ruff", "check"],
    "typed": ["mypy"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS.keys())
def test_the_code_is(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_committed_file_names_a_machine_path_or_a_package_registry() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    hosts = ("pypi" + ".org", "python" + "hosted.org", "repo1" + ".maven.org")
    places = ("/work/" + "main", "/root/" + ".pyenv")
    found = [
        (name, word)
        for name in filter(None, tracked)
        for word in (*hosts, *places)
        if word in (ROOT / name).read_text(encoding="utf-8", errors="replace")
    ]
    assert found == []
