"""Attack 18 of the trials: no version with a known fault, and hashes of all that is pinned."""

from __future__ import annotations

import json
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import audit
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]

SAFE_FROM = {
    "cryptography": "50.0.0",  # CVE-2026-69247, CVE-2026-39892, CVE-2026-26007
    "duckdb": "1.4.2",  # CVE-2025-64429
    "filelock": "3.20.3",  # CVE-2026-22701, CVE-2025-68146
    "h11": "0.16.0",  # CVE-2025-43859
    "idna": "3.15",  # CVE-2024-3651 and its way around
    "orjson": "3.11.6",  # CVE-2025-67221
    "pyarrow": "23.0.1",  # CVE-2026-25087
    "pygments": "2.20.0",  # CVE-2026-4539
    "pytest": "9.0.3",  # CVE-2025-71176
    "requests": "2.33.0",  # CVE-2026-25645
    "starlette": "1.3.1",  # CVE-2026-48710, CVE-2026-48818, CVE-2026-54282, CVE-2026-54283
    "thrift": "0.24.0",  # CVE-2026-41603, CVE-2026-43868, CVE-2026-48586
    "urllib3": "2.7.0",  # CVE-2026-44431, CVE-2026-44432, CVE-2026-21441
    "virtualenv": "20.36.1",  # CVE-2026-22702
}
"""The first version without the faults that were known in November 2026, by package."""


def test_attack_18_neither_bounds_nor_pins_admit_a_version_with_a_known_fault():
    used = list(audit.uses())
    assert {name for name, _, _ in used} >= SAFE_FROM.keys()
    assert [
        use for use in used if use[0] in SAFE_FROM and Version(use[1]) < Version(SAFE_FROM[use[0]])
    ] == []


@pytest.mark.parametrize("project", audit.PROJECTS)
def test_attack_18_each_dependency_has_a_lower_bound(project):
    asked = audit.requirements(tomllib.loads((ROOT / project).read_text()))
    assert [
        str(each)
        for each in asked
        if not each.name.startswith("xero-to-databricks-") and audit.lowest(each) is None
    ] == []


def test_attack_18_all_that_is_pinned_has_hashes_and_nothing_else_has():
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    pinned = {
        (canonicalize_name(each.name), audit.lowest(each))
        for each in map(Requirement, pins["constraint-dependencies"])
    }
    text = (ROOT / "hashes.txt").read_text()
    assert "://" not in text
    assert "--index" not in text
    entries = text.replace("\\\n", " ").splitlines()
    hashed = set()
    for entry in entries:
        requirement = Requirement(re.split(r"\s+--hash", entry)[0].strip())
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
        hashed.add((canonicalize_name(requirement.name), audit.lowest(requirement)))
    assert hashed == pinned


# The audit without a network ----------------------------------------------------------------

ADVISORY = {
    "id": "PYSEC-1",
    "aliases": ["CVE-1"],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Some.Thing"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "c0ffee"}]},
                {
                    "type": "ECOSYSTEM",
                    "events": [
                        {"introduced": "0"},
                        {"fixed": "1.10"},
                        {"introduced": "2.0"},
                        {"last_affected": "2.3"},
                    ],
                },
            ],
            "versions": ["3.0rc1"],
        }
    ],
}


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        *[(each, True) for each in ("0.1", "1.9", "2.0", "2.3", "3.0rc1", "1.10rc1")],
        *[(each, False) for each in ("1.10", "1.11", "2.3.1", "3.0")],
    ],
)
def test_a_version_is_at_fault_where_an_advisory_says_so(version, faulty):
    lines = audit.faults([("some-thing", version, "pinned")], [ADVISORY])
    assert lines == ([f"some-thing {version} (pinned): PYSEC-1, CVE-1"] if faulty else [])


def test_advisories_that_were_withdrawn_or_are_of_others_count_for_nothing():
    other = json.loads(json.dumps(ADVISORY).replace("PyPI", "npm"))
    used = [("some-thing", "0.1", "pinned"), ("another", "0.1", "pinned")]
    assert audit.faults(used, [{**ADVISORY, "withdrawn": "2026-01-01T00:00:00Z"}, other]) == []


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_the_audit_reads_a_copy_of_the_database(tmp_path, monkeypatch, capsys, kind):
    faulty = json.dumps(ADVISORY).replace("Some.Thing", "FileLock").replace('"2.3"', '"999"')
    if kind == "folder":
        (tmp_path / "deeper").mkdir()
        (tmp_path / "deeper" / "PYSEC-1.json").write_text(faulty)
        database = tmp_path
    else:
        database = tmp_path / "all.zip"
        with zipfile.ZipFile(database, "w") as archive:
            archive.writestr("PYSEC-1.json", faulty)
    monkeypatch.setattr(sys, "argv", ["audit.py", str(database)])
    assert audit.main() == 1
    said = capsys.readouterr().out
    assert "(lower bound in tap-xero/pyproject.toml): PYSEC-1, CVE-1" in said
    assert "(pinned): PYSEC-1, CVE-1" in said
