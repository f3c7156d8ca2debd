"""The zoo: `.singer` files as real taps write them, and beside each the tables they must become.

A golden file holds column types and rows, without the metadata that differs between runs. To make
one anew, delete it and run this test: it writes the file and fails, so that somebody looks at it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.singer"))
FLEETING = {"_sdc_job_id", "_sdc_received_at", "_sdc_batched_at", "_sdc_sequence"}
FLEETING |= {"_sdc_sync_started_at", "_sdc_record_hash"}


def picture(place):
    """All tables as plain JSON."""
    tables = {}
    for name in sorted(place.tables()):
        types = {c: t for c, t in place.types(name).items() if c not in FLEETING}
        rows = [{c: row[c] for c in types} for row in place.arrow(name).to_pylist()]
        tables[name] = {"types": types, "rows": sorted(rows, key=repr)}
    return json.loads(json.dumps(tables, default=str))


@pytest.mark.rule("table shape")
@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_a_singer_file_becomes_the_tables_of_its_golden_file(place, path):
    place.run_text(path.read_bytes())
    golden, found = path.with_suffix(".json"), picture(place)
    if not golden.exists():
        golden.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        pytest.fail(f"{golden.name} is new: read it, and commit it if it is right")
    assert found == json.loads(golden.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_invariant_2_a_singer_file_loaded_twice_changes_no_data(place, path):
    place.run_text(path.read_bytes())
    files = {t: place.files(t) for t in place.tables()}
    place.run_text(path.read_bytes())
    assert {t: place.files(t) for t in place.tables()} == files


def test_there_is_a_zoo():
    assert len(FIXTURES) >= 6
