"""Known faults of what is pinned and of what the packages' lower bounds admit, without a network.

    uv run python plugins/tools/audit.py DATABASE

DATABASE is a copy of the advisories in OSV's format: the archive of all of Python's that osv.dev
offers, or a folder of their JSON files. Exit code 1 when something is at fault. With a network, `uv
audit` asks osv.dev itself.

Source: OSV schema, `affected[].ranges` (events of the type ECOSYSTEM) and `affected[].versions`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = (
    "pyproject.toml",
    "tap-xero/pyproject.toml",
    "target-databricks/pyproject.toml",
    "plugins/xero-sandbox/pyproject.toml",
    "plugins/databricks-sandbox/pyproject.toml",
    "plugins/tap-databricks/pyproject.toml",
    "plugins/target-xero/pyproject.toml",
    "plugins/report/pyproject.toml",
)

Use = tuple[str, str, str]
"""A package, one of its versions, and where that may come from."""


def requirements(project: dict[str, Any]) -> Iterator[Requirement]:
    """All that a `pyproject.toml` asks for, its extras and groups included."""
    about = project["project"]
    lists = [
        about.get("dependencies", []),
        *about.get("optional-dependencies", {}).values(),
        *project.get("dependency-groups", {}).values(),
    ]
    for each in (each for listed in lists for each in listed if isinstance(each, str)):
        yield Requirement(each)


def lowest(requirement: Requirement) -> str | None:
    """The lowest version that a requirement admits; None without a lower bound."""
    bounds = [each.version for each in requirement.specifier if each.operator in (">=", "==", "~=")]
    return max(bounds, key=Version) if bounds else None


def uses(root: Path = ROOT) -> Iterator[Use]:
    """What is pinned, and what the lower bounds admit."""
    for name in PROJECTS:
        project = tomllib.loads((root / name).read_text(encoding="utf-8"))
        for requirement in requirements(project):
            if (version := lowest(requirement)) is not None:
                yield canonicalize_name(requirement.name), version, f"lower bound in {name}"
        for pin in project.get("tool", {}).get("uv", {}).get("constraint-dependencies", []):
            requirement = Requirement(pin)
            version = lowest(requirement)
            if version is not None:
                yield canonicalize_name(requirement.name), version, "pinned"


def advisories(database: Path) -> Iterator[dict[str, Any]]:
    """The advisories of an archive or a folder."""
    if database.is_dir():
        texts: Iterable[bytes] = (each.read_bytes() for each in database.rglob("*.json"))
        yield from map(json.loads, texts)
        return
    with zipfile.ZipFile(database) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def concerns(affected: dict[str, Any], version: str) -> bool:
    """Whether an entry of `affected` means a version."""
    if version in affected.get("versions", []):
        return True
    ranges = [each for each in affected.get("ranges", []) if each["type"] == "ECOSYSTEM"]
    return any(_within(each["events"], Version(version)) for each in ranges)


def _within(events: list[dict[str, str]], version: Version) -> bool:
    inside = False
    # An event holds from its version on; `last_affected` only after it.
    steps = [(_version(value), kind) for event in events for kind, value in event.items()]
    for at, kind in sorted(step for step in steps if step[1] != "limit"):
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def faults(used: Iterable[Use], known: Iterable[dict[str, Any]]) -> list[str]:
    """A line for each version that an advisory means, which was not withdrawn."""
    by_name: dict[str, list[Use]] = defaultdict(list)
    for use in used:
        by_name[use[0]].append(use)
    lines = set()
    for advisory in known:
        if "withdrawn" in advisory:
            continue
        for affected in advisory.get("affected", []):
            package = affected.get("package", {})
            if package.get("ecosystem") != "PyPI":
                continue
            for name, version, where in by_name.get(canonicalize_name(package["name"]), []):
                if concerns(affected, version):
                    names = ", ".join([advisory["id"], *sorted(advisory.get("aliases", []))])
                    lines.add(f"{name} {version} ({where}): {names}")
    return sorted(lines)


def main() -> int:
    """Print what is at fault; gives the exit code."""
    parser = argparse.ArgumentParser(description="Looks for known faults in an OSV database.")
    parser.add_argument("database", type=Path)
    lines = faults(uses(), advisories(parser.parse_args().database))
    for line in lines:
        print(line)
    print(f"{len(lines)} known faults.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
