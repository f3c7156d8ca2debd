"""What operators call, with the real Meltano: is it ready, what will it take, how fresh is it."""

from __future__ import annotations

import json

from conftest import Project

SELECT = '["organisations.*", "accounts.*", "stream_reads.*"]'


def test_the_demo_is_checked_estimated_loaded_and_fresh_by_organisation(project: Project) -> None:
    output = project.meltano("invoke", "target-databricks:health", code=2)
    assert "Nothing was loaded yet" in output
    assert "Ready." in project.meltano("invoke", "target-databricks:check")
    assert "Traceback" not in project.meltano("invoke", "target-databricks:grants")
    output = project.meltano("invoke", "tap-xero:estimate", "--json", "--stream", "accounts")
    estimate = json.loads(output.splitlines()[-1])["estimate"]
    assert [each["calls"] for each in estimate] == [1, 1, 1]
    names = {each["organisation"] for each in estimate}
    wanted = {"TAP_XERO_STREAM_READS": "true", "TAP_XERO__SELECT": SELECT}
    project.meltano("run", "tap-xero", "target-databricks", **wanted)
    output = project.meltano("invoke", "target-databricks:health", "--json")
    told = json.loads(output.splitlines()[-1])
    assert told["status"] == "fresh"
    found = {(each["organisation"], each["stream"], each["status"]) for each in told["streams"]}
    streams = ("organisations", "accounts")
    assert found == {(name, stream, "fresh") for name in names for stream in streams}
    output = project.meltano("invoke", "target-databricks:health", "--hours", "0", code=1)
    assert f"accounts of {min(names)}: stale" in output
