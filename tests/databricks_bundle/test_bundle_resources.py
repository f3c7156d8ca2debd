"""The bundle as it would be deployed, as far as it can be looked at without a workspace."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from databricks.bundles.core import Bundle
from resources import jobs, load_resources

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "plugins" / "databricks-bundle"
CONFIGURATION = yaml.safe_load((BUNDLE / "databricks.yml").read_text(encoding="utf-8"))
SCHEMA = json.loads((BUNDLE / "schemas" / "databricks.yml.json").read_text(encoding="utf-8"))
TOLD = "books@example.com 0a1b2c3d-0000-4000-8000-000000000001"
KINDS = ("jobs", "schemas", "volumes", "secret_scopes", "dashboards")


def defaults(**more: str) -> dict[str, Any]:
    stated = {name: each.get("default") for name, each in CONFIGURATION["variables"].items()}
    return stated | more


@pytest.fixture(scope="module", params=["serverless", "classic"])
def compute(request) -> str:
    return request.param


@pytest.fixture(scope="module", params=["dev", "prod"])
def resources(request, compute) -> dict[str, Any]:
    variables = defaults(compute=compute, principal="an-application-id", notify=TOLD)
    made = load_resources(Bundle(target=request.param, variables=variables))
    assert not made.diagnostics.items
    return {kind: {n: r.as_dict() for n, r in getattr(made, kind).items()} for kind in KINDS}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def tasks(resources: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in resources["jobs"].values():
        yield from job["tasks"]


def test_the_configuration_has_no_member_that_bundles_do_not_have():
    jsonschema.validate(CONFIGURATION, SCHEMA)
    for misspelt in ("artefacts", "variable"):
        with pytest.raises(jsonschema.ValidationError, match=misspelt):
            jsonschema.validate({**CONFIGURATION, misspelt: {}}, SCHEMA)
    broken = copy.deepcopy(CONFIGURATION)
    broken["targets"]["prod"]["mod"] = "production"
    with pytest.raises(jsonschema.ValidationError, match="mod"):
        jsonschema.validate(broken, SCHEMA)


@pytest.mark.parametrize(
    "member",
    [
        {"task_kye": 1},
        {"python_wheel_task": {"package": "x", "entry_point": "y"}},
        {"webhook_notifications": {"on_failrue": [{"id": "x"}]}},
        {"webhook_notifications": {"on_failure": [{"identifier": "x"}]}},
    ],
)
def test_a_misspelt_member_of_a_resource_is_refused(monkeypatch, member):
    def misspelt(*given: str) -> dict[str, Any]:
        return jobs.load("tap-xero-reference") | member

    plan = jobs.Plan("", {}, lambda: [misspelt()], minutes=1)
    monkeypatch.setitem(jobs.PLANS, "nightly", plan)
    with pytest.raises(ValueError, match=r"task_kye|package|on_failrue|identifier"):
        load_resources(Bundle(target="dev", variables=defaults()))


def test_every_variable_that_is_named_is_stated_and_every_stated_one_used(resources):
    named = {
        name
        for text in texts([resources, CONFIGURATION])
        for name in re.findall(r"\$\{var\.(\w+)\}", text)
    }
    read_in_python = {"compute", "notify", "principal"}
    unused_here = {"node_type_id"}  # of classic clusters
    assert named <= set(CONFIGURATION["variables"])
    assert set(CONFIGURATION["variables"]) - named <= read_in_python | unused_here


def test_every_resource_that_another_one_names_is_there(resources):
    for text in texts(resources):
        for kind, name in re.findall(r"\$\{resources\.(\w+)\.(\w+)\.\w+\}", text):
            assert name in resources[kind]


def test_every_file_that_is_named_is_there(resources):
    for dashboard in resources["dashboards"].values():
        assert (BUNDLE / dashboard["file_path"]).is_file()
    for path in CONFIGURATION["sync"]["paths"]:
        assert (BUNDLE / path).is_dir()
    projects = {t["dbt_task"]["project_directory"] for t in tasks(resources) if "dbt_task" in t}
    assert projects
    for path in projects:
        assert (BUNDLE / path / "dbt_project.yml").is_file()


def test_every_wheel_is_built_from_a_package_of_the_project():
    members = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    projects = {
        tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]["name"]
        for member in members["members"]
    }
    built = set()
    for artifact in CONFIGURATION["artifacts"].values():
        (package,) = re.findall(r"--package (\S+)", artifact["build"])
        (source,) = (file["source"] for file in artifact["files"])
        assert source == f"dist/{package.replace('-', '_')}-*.whl"
        built.add(package)
    assert built <= projects
    job = tomllib.loads((BUNDLE / "xero-job" / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[>=]", dependency)[0] for dependency in job["dependencies"]}
    assert needed & projects <= built


def test_every_entry_point_that_a_task_names_is_one_of_the_package(resources):
    job = tomllib.loads((BUNDLE / "xero-job" / "pyproject.toml").read_text())["project"]
    wheels = [task["python_wheel_task"] for task in tasks(resources) if "python_wheel_task" in task]
    assert wheels
    for wheel in wheels:
        assert wheel["package_name"] == job["name"]
        assert wheel["entry_point"] in job["scripts"]


def test_a_load_reads_the_streams_that_meltano_reads(resources):
    (documents,) = (t for t in tasks(resources) if t["task_key"] == "load_documents")
    parameters = documents["python_wheel_task"]["parameters"]
    streams = parameters[parameters.index("--select") + 1].split(",")
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (extractor,) = (
        each for each in project["plugins"]["extractors"] if each["name"] == "tap-xero-documents"
    )
    assert [f"{stream}.*" for stream in streams] == extractor["select"]


def test_a_task_has_what_its_kind_of_compute_needs(resources, compute):
    for job in resources["jobs"].values():
        assert job["max_concurrent_runs"] == 1
        environments = {each["environment_key"] for each in job.get("environments", [])}
        clusters = {each["job_cluster_key"] for each in job.get("job_clusters", [])}
        for task in job["tasks"]:
            if compute == "serverless":
                assert task["environment_key"] in environments
                assert "libraries" not in task
            else:
                assert task["job_cluster_key"] in clusters
                assert task["libraries"]
                assert "environment_key" not in task


def test_the_marts_are_made_by_the_dbt_that_meltano_installs(resources):
    utility = yaml.safe_load((ROOT / "plugins" / "utilities" / "dbt-databricks.yml").read_text())
    for pin in jobs.dependencies()["dbt"]:
        assert pin in utility["pip_url"]
        assert re.fullmatch(r"dbt-\w+==[\d.]+", pin)


def test_who_is_told_hears_of_failed_and_of_late_runs(resources):
    for job in resources["jobs"].values():
        (rule,) = job["health"]["rules"]
        assert 0 < rule["value"] < job["timeout_seconds"]
        for event in ("on_failure", "on_duration_warning_threshold_exceeded"):
            assert job["email_notifications"][event] == ["books@example.com"]
            (destination,) = job["webhook_notifications"][event]
            assert destination == {"id": "0a1b2c3d-0000-4000-8000-000000000001"}


def test_nobody_is_told_of_whom_nothing_is_said():
    for job in load_resources(Bundle(target="dev", variables=defaults())).jobs.values():
        assert not job.as_dict().keys() & {"email_notifications", "webhook_notifications"}


def test_more_destinations_than_a_job_may_have_are_refused():
    with pytest.raises(ValueError, match="notify names 4 notification destinations"):
        jobs.heard("a,b,c,d")


def test_the_principal_may_write_what_somebody_else_has_deployed(resources):
    granted = {
        (kind, name): {p for grant in each["grants"] for p in allowed(grant)}
        for kind in ("schemas", "volumes")
        for name, each in resources[kind].items()
    }
    tables = {"USE_SCHEMA", "SELECT", "MODIFY", "CREATE_TABLE"}
    assert granted["schemas", "xero"] == {*tables, "CREATE_VOLUME"}
    assert granted["schemas", "marts"] == tables
    for volume in ("pipeline", "events"):
        assert granted["volumes", volume] == {"READ_VOLUME", "WRITE_VOLUME"}
    (scope,) = resources["secret_scopes"].values()
    assert [each["level"] for each in scope["permissions"]] == ["WRITE"]


def allowed(grant: dict[str, Any]) -> list[str]:
    """What a grant allows the principal."""
    return grant["privileges"] if grant["principal"] == "${var.principal}" else []


def test_webhooks_are_begun_by_their_own_volume(resources):
    """Not by states and leases, which every run writes; its root is there once it is deployed."""
    job = resources["jobs"]["webhooks"]
    url = job["trigger"]["file_arrival"]["url"].removesuffix("/")
    assert url.endswith("/${resources.volumes.events.name}")
    (task,) = job["tasks"]
    said = task["python_wheel_task"]["parameters"]
    assert said[said.index("--events") + 1] == url
    assert not said[said.index("--volume") + 1].startswith(url)


def test_no_two_targets_make_the_same_scope():
    """It has no prefix in development, and the second deployment would find it there."""
    default = CONFIGURATION["variables"]["secret_scope"]["default"]
    targets = CONFIGURATION["targets"].values()
    names = [each.get("variables", {}).get("secret_scope", default) for each in targets]
    assert len(set(names)) == len(names)
    dev = CONFIGURATION["targets"]["dev"]["variables"]["secret_scope"]
    assert "${workspace.current_user.short_name}" in dev


def test_prod_runs_as_the_principal_and_dev_as_who_deploys():
    for target, run_as in (("dev", False), ("prod", True)):
        variables = defaults(principal="an-application-id")
        made = load_resources(Bundle(target=target, variables=variables))
        for job in made.jobs.values():
            assert ("run_as" in job.as_dict()) is run_as
