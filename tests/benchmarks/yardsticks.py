"""Tap and target as a commit had them, beside those of today."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("tap-xero", "target-databricks", "plugins/xero-sandbox")
TODAY = "today"


class Version:
    """A commit's packages, run in this environment; its tap reads its own Xero sandbox.

    Args:
        commit: The commit, or `TODAY`.
        folder: Where its sources are unpacked to.
    """

    def __init__(self, commit: str, folder: Path) -> None:
        self.name = commit
        self.env: dict[str, str] = {}
        if commit == TODAY:
            return
        git = ["git", "-C", str(REPOSITORY), "archive", commit, *PACKAGES]
        archive = subprocess.run(git, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as sources:
            sources.extractall(folder, filter="data")
        for name in PACKAGES:
            # By its name of then, which versions of then ask for.
            about = folder / name / f"{Path(name).name.replace('-', '_')}-0.1.0.dist-info"
            about.mkdir()
            lines = ("Metadata-Version: 2.1", f"Name: {Path(name).name}", "Version: 0.1.0", "")
            (about / "METADATA").write_text("\n".join(lines), encoding="utf-8")
        # Before the editable packages of this environment, which come behind it.
        self.env = {"PYTHONPATH": os.pathsep.join(str(folder / name) for name in PACKAGES)}

    @staticmethod
    def command(package: str, plugin: str, config: Path, *more: object) -> list[Any]:
        """How to run a plug-in: `tap_xero.tap`, `TapXero`, its settings, arguments."""
        run = f"from {package} import {plugin}; {plugin}.cli()"
        return [sys.executable, "-c", run, "--config", config, *more]

    def read(self, config: Path, state: Path | None = None) -> bytes:
        """What the tap writes.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        more = ("--state", state) if state else ()
        done = subprocess.run(
            self.command("tap_xero.tap", "TapXero", config, *more),
            env={**os.environ, **self.env},
            capture_output=True,
            check=True,
        )
        return done.stdout

    def load(self, config: Path) -> list[Any]:
        """The command that loads."""
        return self.command("target_databricks.target", "TargetDatabricks", config)
