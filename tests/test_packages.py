"""The packages as an index has them: names, versions, what is in a wheel, links, a release."""

from __future__ import annotations

import importlib
import re
import subprocess
import tarfile
import tomllib
import zipfile
from datetime import date
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
import release
from packaging.requirements import Requirement
from published import git, publish
from release import ReleaseError

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = release.folders()
URL = "https://git.example.com/books/xero-to-databricks"
VERSION = "0.99.0"
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMANDS = {"report": "xero-report"}
"""Commands that are called otherwise than their folder, whose name would be everybody's."""
OLD = "|".join(Path(folder).name for folder in FOLDERS)


def command_of(folder: str) -> str:
    name = Path(folder).name
    return COMMANDS.get(name, name)


def project(folder: str) -> dict[str, object]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_package_is_called_as_its_folder_with_the_projects_name_before_it(folder):
    name = Path(folder).name
    about = project(folder)["project"]
    assert about["name"] == f"{release.FAMILY}-{name}"
    command = command_of(folder)
    assert command in about["scripts"], "the command has no prefix"
    package = importlib.import_module(command.replace("-", "_"))
    assert getattr(package, "PACKAGE", about["name"]) == about["name"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_readme_names_a_package_with_its_extras(folder):
    about = project(folder)["project"]
    extras = ", ".join(f"`{extra}`" for extra in about.get("optional-dependencies", ()))
    row = f"| `{about['name']}` | {extras} | `{command_of(folder)}`".replace("|  |", "| |")
    assert row in (ROOT / "README.md").read_text(encoding="utf-8")


def test_all_packages_have_the_version_that_the_changelog_has_last():
    texts = [
        (ROOT / folder / "pyproject.toml").read_text(encoding="utf-8") for folder in (".", *FOLDERS)
    ]
    released = release.last_released((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert {release.version_of(text) for text in texts} == {released}
    assert [release.numbered(text, released) for text in texts] == texts, "bounds between packages"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_package_brings_the_licence(folder):
    assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def tracked(*arguments: str) -> list[str]:
    """Files of the repository, as `git ls-files` lists them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return sorted(set(filter(None, listed.stdout.split("\0"))))


def documents() -> list[Path]:
    return [ROOT / name for name in tracked("*.md")]


def test_a_link_of_a_document_leads_to_a_file():
    links = [
        (path.relative_to(ROOT), target)
        for path in documents()
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if ":" not in target and not target.startswith("#")
    ]
    assert links
    assert [
        (str(path), target)
        for path, target in links
        if not (ROOT / path.parent / target.partition("#")[0]).exists()
    ] == []


def test_nothing_says_to_install_a_name_that_is_anothers():
    """`tap-xero` on public indexes is somebody else's; the others are nobody's."""
    said = re.compile(
        rf"""(?:pip|pipx|tool)\ install\ (?:-\S+\ )*["']?(?:{OLD})\b   # as a requirement
        |pip_url:\ ["']?(?:{OLD})\b
        |(?<![\w/-])(?:{OLD})\[(?:sandbox|webhooks|keyring|warehouse|duckdb)[\],]""",
        re.VERBOSE,
    )
    names = set(tracked()) - {"CHANGELOG.md", "justfile"}
    found = [
        (name, match[0])
        for name in sorted(names)
        for match in said.finditer((ROOT / name).read_text(encoding="utf-8", errors="replace"))
        if ROOT / name != Path(__file__)
    ]
    assert found == []


# What is built --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A repository of its own with the files of this one, changed ones as they are."""
    root = tmp_path_factory.mktemp("released")
    publish(root)
    return root


@pytest.fixture(scope="module")
def built(repository) -> dict[str, Path]:
    """What a release builds, by name of the file without the version."""
    made = release.release(repository, VERSION, URL, date(2026, 12, 1))
    return {path.name.replace(f"-{VERSION}", ""): path for path in made}


def file_name(folder: str) -> str:
    return f"{release.FAMILY}-{Path(folder).name}".replace("-", "_")


def wheel(built: dict[str, Path], folder: str) -> tuple[Message, list[str]]:
    """Metadata and names of the files of a package's wheel."""
    with zipfile.ZipFile(built[f"{file_name(folder)}-py3-none-any.whl"]) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(metadata)), names


def test_a_release_numbers_and_tags_and_leaves_nothing_changed(repository, built):
    assert len(built) == 2 * len(FOLDERS)
    assert git(repository, "tag").split() == [f"v{VERSION}"]
    assert git(repository, "status", "--porcelain") == ""
    changelog = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert release.last_released(changelog) == VERSION
    assert f"## Unreleased\n\n## {VERSION} (2026-12-01)\n" in changelog


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_wheel_says_whose_it_is_and_what_it_runs_on(built, folder):
    metadata, names = wheel(built, folder)
    assert metadata["Name"] == f"{release.FAMILY}-{Path(folder).name}"
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Author"] == "the xero-to-databricks project"
    assert {"Python :: 3.11", "Python :: 3.14"} <= {
        each.removeprefix("Programming Language :: ") for each in metadata.get_all("Classifier")
    }
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL"))
    assert urls["Homepage"] == URL
    assert urls["Documentation"] == f"{URL}/blob/v{VERSION}/{folder}/README.md"
    package = command_of(folder).replace("-", "_")
    info = f"{file_name(folder)}-{VERSION}.dist-info/"
    assert f"{info}licenses/LICENSE" in names
    assert f"{package}/py.typed" in names
    assert {name.split("/")[0] + "/" for name in names} == {f"{package}/", info}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_readme_on_an_index_has_no_link_that_leads_nowhere(repository, built, folder):
    metadata, _ = wheel(built, folder)
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = metadata.get_payload()
    assert text.startswith(f"# {Path(folder).name}")
    here = f"{URL}/blob/v{VERSION}/"
    for target in LINK.findall(text):
        assert target.startswith(("https://", "#")), target
        if target.startswith(here):
            assert (repository / target.removeprefix(here).partition("#")[0]).exists(), target


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_wheel_needs_of_the_others_has_their_name_and_its_version(built, folder):
    metadata, _ = wheel(built, folder)
    ours = [
        each
        for each in map(Requirement, metadata.get_all("Requires-Dist"))
        if re.search(OLD, each.name)
    ]
    assert {each.name for each in ours} <= {project(each)["project"]["name"] for each in FOLDERS}
    assert {str(each.specifier) for each in ours} <= {f"=={VERSION}"}
    with tarfile.open(built[f"{file_name(folder)}.tar.gz"]) as archive:
        (stated,) = (m for m in archive.getnames() if m.endswith("/pyproject.toml"))
        text = archive.extractfile(stated).read().decode()
    assert "workspace = true" not in text, "uv would look for the others beside it"


def test_a_release_is_refused_that_would_be_wrong(repository, built):
    with pytest.raises(ReleaseError, match="not newer"):
        release.check(repository, VERSION)
    with pytest.raises(ReleaseError, match="A version is like"):
        release.check(repository, "next")
    with pytest.raises(ReleaseError, match="nothing under"):
        release.number(repository, "1.0.0", date(2026, 12, 2))
    (repository / "README.md").write_text("changed")
    with pytest.raises(ReleaseError, match="not committed"):
        release.check(repository, "1.0.0")
    git(repository, "checkout", "--quiet", "README.md")


def test_links_in_a_page_and_elsewhere_stay_as_they_are():
    text = "[a](#here) [b](https://x.org/y) [c](../tap-xero/README.md#settings) ![d](e.png)"
    assert release.absolute(text, "plugins/marts", "F") == (
        "[a](#here) [b](https://x.org/y) [c](F/plugins/tap-xero/README.md#settings) "
        "![d](F/plugins/marts/e.png)"
    )
