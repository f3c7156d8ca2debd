"""A release: one number for all packages, CHANGELOG and tag, and what an index gets, in `dist`.

    just release 0.2.0 https://git.example.com/books/xero-to-databricks

numbers the packages and the bounds between them, closes *Unreleased* of `CHANGELOG.md`, builds
wheel and sdist of each package, commits and tags `v0.2.0`. An index shows a README without the
repository around it, so in what is built its links lead to the tag at that address, which is the
packages' home page too. With `--publish` it uploads what it built by `uv publish`, whose own
variables say where to and as whom.

Source: Python Packaging User Guide, `pyproject.toml` and core metadata; uv, `uv build`.
"""

from __future__ import annotations

import argparse
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[2]
FAMILY = "xero-to-databricks"
"""What the names of all packages begin with; a folder's name follows."""
UNRELEASED = "## Unreleased\n"

_VERSION = re.compile(r'^version = "(.+)"$', re.MULTILINE)
_PIN = re.compile(rf'("{FAMILY}-[^"=]+==)[^"]+"')
_SOURCES = re.compile(r"^\[tool\.uv\.sources\]\n(?:.+\n)*\n?", re.MULTILINE)
_LINK = re.compile(r"(\]\()(?!#|\w+:)([^)\s#]+)")
_RELEASED = re.compile(r"^## (\d\S*)", re.MULTILINE)


class ReleaseError(Exception):
    """The release cannot be made; the message says what to do."""


# What is written ------------------------------------------------------------------------------


def folders(root: Path = ROOT) -> list[str]:
    """The packages, by folder."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return sorted(project["tool"]["uv"]["workspace"]["members"])


def version_of(project: str) -> str:
    """The version that a `pyproject.toml` states."""
    found = _VERSION.search(project)
    return found[1] if found else ""


def numbered(project: str, version: str) -> str:
    """A `pyproject.toml` of another version, which wants the other packages in that version too."""
    return _PIN.sub(rf'\g<1>{version}"', _VERSION.sub(f'version = "{version}"', project, count=1))


def last_released(changelog: str) -> str:
    """The newest version that the changelog has a section of."""
    found = _RELEASED.search(changelog)
    return found[1] if found else ""


def closed(changelog: str, version: str, day: date) -> str:
    """The changelog with what was *Unreleased* under a version.

    Raises:
        ReleaseError: Nothing was.
    """
    before, heading, after = changelog.partition(UNRELEASED)
    if not heading or after.lstrip().startswith("## ") or not after.strip():
        raise ReleaseError(
            f"CHANGELOG.md has nothing under '{UNRELEASED.strip()}': say there what changed."
        )
    return f"{before}{UNRELEASED}\n## {version} ({day:%Y-%m-%d})\n{after}"


def files_at(url: str, version: str) -> str:
    """Where the files of a version are, in the address that GitHub, GitLab and Gitea understand."""
    return f"{url.rstrip('/')}/blob/v{version}"


def absolute(readme: str, folder: str, files: str) -> str:
    """A README whose links to other files of the repository lead to `files`."""

    def link(found: re.Match[str]) -> str:
        return f"{found[1]}{files}/{posixpath.normpath(posixpath.join(folder, found[2]))}"

    return _LINK.sub(link, readme)


def published(project: str, folder: str, url: str) -> str:
    """A package's `pyproject.toml` as it is built: with addresses, and of no workspace."""
    files = files_at(url, version_of(project))
    return (
        f"{_SOURCES.sub('', project).rstrip()}\n\n[project.urls]\n"
        f'Homepage = "{url}"\n'
        f'Documentation = "{files}/{folder}/README.md"\n'
        f'Changelog = "{files}/CHANGELOG.md"\n'
    )


# What is done ---------------------------------------------------------------------------------


def run(*command: str, root: Path) -> str:
    """Run a command in the repository and give what it printed."""
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def check(root: Path, version: str) -> None:
    """See that a release can be made.

    Raises:
        ReleaseError: It cannot.
    """
    current = version_of((root / "pyproject.toml").read_text(encoding="utf-8"))
    try:
        if Version(version) <= Version(current):
            raise ReleaseError(f"{version} is not newer than {current}, which pyproject.toml has.")
    except InvalidVersion as error:
        raise ReleaseError(f"{error}. A version is like 0.2.0.") from error
    if run("git", "status", "--porcelain", "--untracked-files=no", root=root).strip():
        raise ReleaseError("Files are changed and not committed: commit them or put them aside.")


def number(root: Path, version: str, day: date) -> None:
    """Write the version wherever one stands."""
    changelog = root / "CHANGELOG.md"
    text = closed(changelog.read_text(encoding="utf-8"), version, day)
    for folder in (".", *folders(root)):
        path = root / folder / "pyproject.toml"
        path.write_text(numbered(path.read_text(encoding="utf-8"), version), encoding="utf-8")
    changelog.write_text(text, encoding="utf-8")


def build(root: Path, folder: str, url: str, out: Path, *formats: str) -> None:
    """Build a package from a copy of its tracked files, with the pinned build backend.

    Args:
        root: The repository.
        folder: The package's.
        url: Address of the repository.
        out: Where to put what is built.
        formats: `--wheel`, `--sdist`; both without any.
    """
    pins = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    with tempfile.TemporaryDirectory() as made:
        copy = Path(made, Path(folder).name)
        for name in run("git", "ls-files", "-z", "--", folder, root=root).rstrip("\0").split("\0"):
            path = copy / Path(name).relative_to(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, path)
        project, readme = copy / "pyproject.toml", copy / "README.md"
        stated = project.read_text(encoding="utf-8")
        text = readme.read_text(encoding="utf-8")
        readme.write_text(absolute(text, folder, files_at(url, version_of(stated))), "utf-8")
        project.write_text(published(stated, folder, url), encoding="utf-8")
        constraints = Path(made, "constraints.txt")
        constraints.write_text("\n".join(pins["build-constraint-dependencies"]), encoding="utf-8")
        constrained = ("--build-constraints", str(constraints))
        run("uv", "build", *formats, *constrained, "--out-dir", str(out), str(copy), root=root)


def release(root: Path, version: str, url: str, day: date) -> list[Path]:
    """Make the release; gives what was built."""
    check(root, version)
    number(root, version, day)
    out = root / "dist" / version
    for folder in folders(root):
        build(root, folder, url, out)
    run("git", "commit", "--quiet", "--all", f"--message=Release {version}", root=root)
    run("git", "tag", f"v{version}", root=root)
    return sorted(path for path in out.iterdir() if path.suffix in {".whl", ".gz"})


def main() -> None:
    """Make the release that the command line asks for."""
    parser = argparse.ArgumentParser(description="Make a release of all packages.")
    parser.add_argument("version")
    parser.add_argument("url", help="address of the repository, as a browser opens it")
    parser.add_argument("--publish", action="store_true", help="upload it: `uv publish`")
    asked = parser.parse_args()
    try:
        built = release(ROOT, asked.version, asked.url, datetime.now(UTC).date())
        if asked.publish:
            run("uv", "publish", *map(str, built), root=ROOT)
    except ReleaseError as error:
        sys.exit(f"No release: {error}")
    for path in built:
        print(path.relative_to(ROOT))
    print(f"git push origin HEAD v{asked.version}   # the links lead to this tag")


if __name__ == "__main__":
    main()
