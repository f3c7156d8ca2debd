"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASES = (
    "tap-xero/tap_xero",
    "target-databricks/target_databricks",
    "plugins/xero-sandbox",
    "plugins/databricks-sandbox",
    "plugins/tap-databricks/tap_databricks",
    "plugins/target-xero/target_xero",
    "plugins/report/xero_report",
    "plugins/tools",
    "tests",
    ".",
)
MADE = ("build/", "output/")
"""What only a run makes."""

OURS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs/pages").glob("*.md"))
"""Pages of the site."""

METHOD = re.compile(r"`([A-Z]\w*[a-z]\w*)\.(\w+)(?:\([^`]*\))?`")
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|yml|toml))`")


def test_a_document_names_files_and_folders():
    for document in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"):
        assert PATH.findall((ROOT / document).read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", *OURS])
def test_a_file_or_folder_that_a_document_names_is_there(document):
    named = set(PATH.findall((ROOT / document).read_text(encoding="utf-8")))
    lost = [path for path in named if not is_there(path) and not path.startswith(MADE)]
    assert not lost


def is_there(path: str) -> bool:
    """Whether a path leads somewhere from one of the bases, or a bare name is that of a file."""
    if "/" in path:
        return any((ROOT / base / path).exists() for base in BASES)
    return (
        any(next((ROOT / base).rglob(path), None) for base in BASES[:-1]) or (ROOT / path).exists()
    )


def test_every_folder_of_both_packages_is_in_the_picture():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for package in BASES[:2]:
        folders = {p.parent.name for p in (ROOT / package).glob("*/__init__.py")}
        assert folders
        assert {each for each in folders if f"{each}/" not in text} <= {"commands"}


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_a_method_that_a_document_names_is_there(document):
    named = METHOD.findall((ROOT / document).read_text(encoding="utf-8"))
    sources = "".join(
        path.read_text(encoding="utf-8")
        for base in BASES[:8]
        for path in (ROOT / base).rglob("*.py")
    )
    lost = [
        f"{owner}.{name}"
        for owner, name in named
        if f"class {owner}" not in sources or f"def {name}(" not in sources
    ]
    assert not lost


@pytest.mark.parametrize("number", range(1, 17))
def test_an_invariant_of_the_design_is_found_by_its_number(number):
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert any(f"def test_invariant_{number}_" in text for text in sources)


CALL = re.compile(
    r"(?:^(?: {4,}|(?=meltano))|`)"
    r"(meltano (?:--\S+ )?(?:run|invoke|config|schedule|state|select) [\w<-][^`\n]*)",
    re.MULTILINE,
)
ELSEWHERE = {
    "README.md": {"meltano run tap-xero target-databricks"},
    "plugins/tap-databricks/README.md": {
        "meltano select --list tap-databricks",
        "meltano run tap-databricks target-jsonl",
    },
    "plugins/target-xero/README.md": {"meltano invoke tap-databricks"},
    "target-databricks/README.md": {"meltano run tap-something target-databricks"},
}
"""Calls in somebody else's project, who has a Meltano of their own; one is a setting's default."""


DOCUMENTS = [
    *("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"),
    *sorted(
        str(path.relative_to(ROOT))
        for folder in ("docs", "plugins", "tap-xero", "target-databricks")
        for path in (ROOT / folder).rglob("*.md")
    ),
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_calls_meltano_by_uv_run(document):
    calls = set(CALL.findall((ROOT / document).read_text(encoding="utf-8")))
    assert calls == ELSEWHERE.get(document, set())


def test_a_call_of_the_environment_prod_has_the_warehouses_clients_with_it():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    calls = re.findall(r"uv run ([^`]{0,40}?)meltano --environment=prod", text)
    assert len(calls) == text.count("meltano --environment=prod")
    assert set(calls) == {"--extra warehouse "}
