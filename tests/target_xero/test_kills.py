"""The installed command, killed: nothing twice, nothing lost."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from way_back import LOG_OF_PLAN, Way, access, messages
from xero_sandbox.sandbox import Sandbox

COMMAND = str(Path(sys.executable).with_name("target-xero"))


@pytest.fixture
def start(tmp_path):
    """Start the command with what is desired."""

    def start(way, wanted):
        (tmp_path / "config.json").write_text(
            json.dumps(
                {
                    **access(way.xero),
                    "lakehouse_path": str(way.folder),
                    "streams": list(wanted),
                    "max_changes": "1000",
                }
            )
        )
        (tmp_path / "desired.singer").write_text(messages(wanted))
        return subprocess.Popen(
            [COMMAND, f"--config={tmp_path}/config.json", f"--input={tmp_path}/desired.singer"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("points", [1, pytest.param(30, marks=pytest.mark.stress)])
def test_invariant_16_a_process_killed_at_random_points_writes_all_once(
    tmp_path, catalog, loaded_once, start, points
):
    chance = random.Random(points)
    with Sandbox(organisations=2, invoices=20, latency=0.03) as xero:
        way = Way(xero, shutil.copytree(loaded_once, tmp_path / "lakehouse"), catalog)
        contacts = DeltaTable(str(way.folder / "xero" / "contacts")).to_pyarrow_table()
        edited = contacts.filter(pc.field("tenant_id") == way.one)["contact_id"][0].as_py()
        for point in range(points):
            wanted = desired(way, point, edited)
            dying = start(way, wanted)
            for line in dying.stderr:
                if LOG_OF_PLAN in line:
                    break
            # From the plan on: four calls, and a commit before and after each.
            time.sleep(chance.uniform(0, 0.4))
            if point % 3 == 1 and dying.poll() is None:
                second = start(way, wanted)
                assert second.wait(60) in (0, 1)
            dying.kill()
            dying.wait()
            again = start(way, wanted)
            said = again.stderr.read()
            assert again.wait(60) == 0, said
        for point in range(points):
            assert_once(way, point)
        assert set(way.statuses()) == {"applied"}


def desired(way, point, contact):
    named = [
        {"tenant_id": way.one, "contact_number": f"K-{point}-{n}", "name": f"Firm {point} {n}"}
        for n in range(3)
    ]
    coded = [
        {"tenant_id": way.one, "code": f"K{point}{n}", "name": f"Soft {point} {n}", "type": "SALES"}
        for n in range(2)
    ]
    edit = {"tenant_id": way.one, "contact_id": contact, "first_name": f"Ada {point}"}
    return {"accounts": coded, "contacts": [*named, edit]}


def assert_once(way, point):
    for resource, name, values in (
        ("Contacts", "ContactNumber", [f"K-{point}-{n}" for n in range(3)]),
        ("Accounts", "Code", [f"K{point}{n}" for n in range(2)]),
    ):
        has = [each.get(name) for each in way.documents(resource)]
        assert [has.count(value) for value in values] == [1] * len(values)
