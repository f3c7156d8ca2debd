"""The stories of plugins/target-xero, told by the real Meltano in a project of their own."""

from __future__ import annotations

import pytest
import requests
from conftest import Project
from deltalake import DeltaTable
from write_back_demo import STORIES, Demo


@pytest.mark.stress
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("story", STORIES)
def test_a_story_ends_in_xero_and_in_the_tables(tmp_path, system_database, story):
    project = Project(tmp_path, system_database)
    demo = Demo(project.root, tmp_path / "demo")
    stream, _ = STORIES[story]
    with demo.running():
        demo.tell(story)
        wanted = demo.rows("xero_writeback", stream)
        entries = demo.rows("xero_writeback", "xero_writes")
        log = requests.get(f"{demo.xero['url']}/sandbox/calls", timeout=60).json()
    statuses = [each["status"] for each in entries]
    assert {name: statuses.count(name) for name in set(statuses)} == dict.fromkeys(
        ("planned", "sent", "applied"), len(wanted)
    )
    soiling = story == "emails"
    writes = [each for each in log if each["method"] in ("PUT", "POST")]
    writes = [each for each in writes if each["tenant_id"]]
    assert len(writes) - soiling == len({each["idempotency_key"] for each in entries} - {None})
    table = DeltaTable(str(demo.lakehouse / "xero" / stream)).to_pyarrow_table().to_pylist()
    owned = set(wanted[0]) - {"reason"}
    rows = [{name: row[name] for name in owned} for row in table]
    assert all({name: each[name] for name in owned} in rows for each in wanted)
