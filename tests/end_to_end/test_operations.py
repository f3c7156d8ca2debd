"""What operators call, with the real Meltano: is it ready, what will it take, how fresh is it."""

from __future__ import annotations

import json

from conftest import Project
from shown_commands import as_shown

HEALTH = as_shown("uv run meltano invoke target-databricks:health")
CHECK = as_shown("uv run --extra warehouse meltano invoke target-databricks:check")
GRANTS = as_shown("uv run --extra warehouse meltano invoke target-databricks:grants")
ESTIMATE = as_shown("uv run meltano invoke tap-xero:estimate")
SELECT = '["organisations.*", "accounts.*", "stream_reads.*"]'


def test_the_demo_is_checked_estimated_loaded_and_fresh_by_organisation(project: Project) -> None:
    output = project.run(HEALTH, code=2)
    assert "Nothing was loaded yet" in output
    assert "Ready." in project.run(CHECK)
    assert "Traceback" not in project.run(GRANTS)
    output = project.run(f"{ESTIMATE} --json --stream accounts")
    estimate = json.loads(output.splitlines()[-1])["estimate"]
    assert [each["calls"] for each in estimate] == [1, 1, 1]
    names = {each["organisation"] for each in estimate}
    wanted = {"TAP_XERO_STREAM_READS": "true", "TAP_XERO__SELECT": SELECT}
    project.meltano("run", "tap-xero", "target-databricks", **wanted)
    output = project.run(f"{HEALTH} --json")
    told = json.loads(output.splitlines()[-1])
    assert told["status"] == "fresh"
    found = {(each["organisation"], each["stream"], each["status"]) for each in told["streams"]}
    streams = ("organisations", "accounts")
    assert found == {(name, stream, "fresh") for name in names for stream in streams}
    output = project.run(f"{HEALTH} --hours 0", code=1)
    assert f"accounts of {min(names)}: stale" in output
