"""A repository of its own with the files of this one, as strangers find it on a host of git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = "https://your.git.host/this-repository"
"""What the documents call it."""


def publish(root: Path, *, tests: bool = False) -> dict[str, str]:
    """Commit the packages, as they are here, to a repository in an empty or missing folder.

    Args:
        root: The folder.
        tests: Whether the tests are there, too.

    Returns:
        Variables that lead git from `HOST` there.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and (tests or not name.startswith("tests/")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    git(root, "init", "--quiet")
    git(root, "config", "user.name", "A tester")
    git(root, "config", "user.email", "tester@example.com")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=All")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{root.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": HOST,
    }


def git(root: Path, *arguments: str) -> str:
    """Run git there and give what it printed."""
    return subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    ).stdout
