"""One command checks everything: formatter, linter, type checker and schemas run as tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

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


def _errors(project: dict[str, Any]) -> list[str]:
    """What Meltano's own schema says against a meltano.yml."""
    schema = resources.files("meltano") / "schemas" / "meltano.schema.json"
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(project)]


def test_meltano_yml_follows_meltanos_schema() -> None:
    assert _errors(yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "path",
    [
        path.relative_to(ROOT)
        for kind in ("extractors", "loaders")
        for path in sorted((ROOT / "plugins" / kind).iterdir())
    ],
    ids=str,
)
def test_a_definition_follows_meltanos_schema(path: Path) -> None:
    kind, path = path.parent.name, ROOT / path
    definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    # The Hub has these two of the SDK's capabilities and dialects of loaders; the schema is behind.
    definition["capabilities"] = [
        each
        for each in definition["capabilities"]
        if each not in {"target-schema", "validate-records"}
    ]
    definition.pop("dialect", None)
    assert _errors({"version": 1, "plugins": {kind: [definition]}}) == []


def test_every_package_declares_the_pythons_that_are_tried() -> None:
    justfile = (ROOT / "justfile").read_text(encoding="utf-8")
    (lowest, highest) = re.search(r'lowest="3\.(\d+)" highest="3\.(\d+)"', justfile).groups()
    declared = f">=3.{lowest},<3.{int(highest) + 1}"
    for path in (
        ROOT / "pyproject.toml",
        *ROOT.glob("*/pyproject.toml"),
        *ROOT.glob("plugins/*/pyproject.toml"),
    ):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        assert project["requires-python"] == declared, path
