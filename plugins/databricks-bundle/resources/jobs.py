"""The jobs, in one table: when each begins and what its tasks are.

Which streams a load reads, and which dbt makes the marts, are read where Meltano reads them.
Serverless jobs have environments, classic ones a cluster and libraries; all else is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from databricks.bundles.jobs import Job, JobDict

from resources.places import EVENTS, VOLUME

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks.bundles.core import Bundle

ROOT = Path(__file__).resolve().parents[3]
WHEELS = "dist/*.whl"
ZONE = "UTC"

Task = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A job.

    Attributes:
        description: What it does, for people.
        start: `schedule` or `trigger` of the job.
        tasks: Its tasks, each with the key of the environment it runs in.
        minutes: How long a run may take; after half of it who is told of failures is warned.
    """

    description: str
    start: dict[str, Any]
    tasks: Callable[[], list[Task]]
    minutes: int


def _nightly(cron: str) -> dict[str, Any]:
    return {"schedule": {"quartz_cron_expression": cron, "timezone_id": ZONE}}


def parameters(job: str, *more: str) -> list[str]:
    """What `xero-job` is told.

    Args:
        job: Names the state.
        more: Further parameters.
    """
    return [
        *("--job", job),
        *("--scope", "${var.secret_scope}"),
        *("--volume", VOLUME),
        *("--catalog", "${var.catalog}"),
        *("--schema", "${resources.schemas.xero.name}"),
        *("--warehouse", "${var.warehouse_id}"),
        *("--run", "{{job.run_id}}"),
        *("--tap", "${var.tap}"),
        *("--target", "${var.target}"),
        *more,
    ]


def wheel(key: str, entry_point: str, *said: str) -> Task:
    """A task that runs a command of our wheels."""
    return {
        "task_key": key,
        "python_wheel_task": {
            "package_name": "xero-to-databricks-xero-job",
            "entry_point": entry_point,
            "parameters": list(said),
        },
        "environment_key": "pipeline",
    }


def load(extractor: str, *more: str) -> Task:
    """A task that reads streams of an extractor of meltano.yml.

    Args:
        extractor: Its name there; the part behind `tap-xero-` names the state.
        more: Further parameters of `xero-job`.
    """
    name = extractor.removeprefix("tap-xero-")
    streams = ("--select", ",".join(selected(extractor)))
    return {
        **wheel(f"load_{name}", "xero-job", *parameters(name, *streams, *more)),
        # What a load has not finished the next one does.
        "max_retries": 1,
        "min_retry_interval_millis": 60_000,
    }


def reconcile() -> Task:
    """A task that compares the books with Xero; it fails where they differ."""
    return wheel(
        "reconcile",
        "xero-job-reconcile",
        *("--marts", "${workspace.file_path}/marts"),
        *("--catalog", "${var.catalog}"),
        *("--schema", "${resources.schemas.xero.name}"),
        *("--marts-schema", "${resources.schemas.marts.name}"),
        *("--warehouse", "${var.warehouse_id}"),
        *("--scope", "${var.secret_scope}"),
        *(part for pin in dependencies()["dbt"] for part in ("--requirement", pin)),
        "--",
        *parameters("reconciliation"),
    )


def models(key: str, select: str = "", **more: Any) -> Task:
    """A task that makes marts.

    Args:
        key: Name of the task.
        select: Which, as dbt selects them; all, with their tests, when empty.
        more: Further members of the task.
    """
    variables = '{"xero_schema": "${resources.schemas.xero.name}"}'
    what = f"run --select {select}" if select else "build"
    return {
        "task_key": key,
        "dbt_task": {
            "project_directory": "../marts",
            "commands": [f"dbt {what} --vars '{variables}'"],
            "warehouse_id": "${var.warehouse_id}",
            "catalog": "${var.catalog}",
            "schema": "${resources.schemas.marts.name}",
        },
        "environment_key": "dbt",
        **more,
    }


def after(key: str, run_if: str = "ALL_DONE") -> dict[str, Any]:
    """Members of a task that follows another; by default also when that one has failed in part."""
    return {"depends_on": [{"task_key": key}], "run_if": run_if}


PLANS = {
    "documents": Plan(
        "Invoices, payments and all that changes by the hour, then the marts.",
        _nightly("0 5 * * * ?"),
        lambda: [load("tap-xero-documents"), models("marts", **after("load_documents"))],
        minutes=120,
    ),
    "nightly": Plan(
        "What is set up once, then whether the books agree with Xero: it fails where they do not.",
        _nightly("0 30 2 * * ?"),
        lambda: [load("tap-xero-reference"), reconcile() | after("load_reference")],
        minutes=240,
    ),
    "webhooks": Plan(
        "Fetches what deliveries of Xero's webhooks in the volume say has changed.",
        {
            "trigger": {
                "file_arrival": {
                    "url": f"{EVENTS}/",
                    "min_time_between_triggers_seconds": 60,
                }
            }
        },
        lambda: [load("tap-xero-webhooks", "--events", EVENTS)],
        minutes=60,
    ),
}


MOST_DESTINATIONS = 3
"""Source: Databricks REST API reference, Jobs, `webhook_notifications`."""


def heard(notify: str) -> dict[str, Any]:
    """Members of a job that tell somebody of failed runs and of late ones.

    Args:
        notify: Addresses, and ids of notification destinations (Slack, Teams, PagerDuty, any
            webhook), with spaces or commas between them; only addresses have an @.

    Raises:
        ValueError: There are more destinations than a job may have.
    """
    whom = notify.replace(",", " ").split()
    addresses = [each for each in whom if "@" in each]
    destinations = [{"id": each} for each in whom if "@" not in each]
    if len(destinations) > MOST_DESTINATIONS:
        raise ValueError(
            f"The variable notify names {len(destinations)} notification destinations, and a job "
            f"tells at most {MOST_DESTINATIONS}: leave some out, or let one of them pass it on."
        )
    events = ("on_failure", "on_duration_warning_threshold_exceeded")
    kinds = {"email_notifications": addresses, "webhook_notifications": destinations}
    return {kind: dict.fromkeys(events, those) for kind, those in kinds.items() if those}


def of(bundle: Bundle) -> dict[str, Job]:
    """The jobs of a target, by name."""
    finish = _classic if bundle.variables.get("compute") == "classic" else _serverless
    return {name: _checked(finish(_job(name, plan, bundle))) for name, plan in PLANS.items()}


def _checked(job: dict[str, Any]) -> Job:
    """The job as Databricks' package knows jobs; a member that they do not have is an error."""
    return Job.from_dict(cast("JobDict", job))


def _job(name: str, plan: Plan, bundle: Bundle) -> dict[str, Any]:
    job = {
        "name": f"xero: {name}",
        "description": plan.description,
        **plan.start,
        "tasks": plan.tasks(),
        "max_concurrent_runs": 1,
        "queue": {"enabled": True},
        "timeout_seconds": plan.minutes * 60,
        "health": {
            "rules": [
                {
                    "metric": "RUN_DURATION_SECONDS",
                    "op": "GREATER_THAN",
                    "value": plan.minutes * 60 // 2,
                }
            ]
        },
        # Who cancels a run knows of it.
        "notification_settings": {"no_alert_for_canceled_runs": True},
        "permissions": [{"level": "CAN_VIEW", "group_name": "${var.readers}"}],
        "tags": {"product": "xero-to-databricks"},
    }
    if bundle.target == "prod" and bundle.variables.get("principal"):
        job["run_as"] = {"service_principal_name": "${var.principal}"}
    return job | heard(str(bundle.variables.get("notify") or ""))


def _serverless(job: dict[str, Any]) -> dict[str, Any]:
    keys = {task["environment_key"] for task in job["tasks"]}
    return {
        **job,
        "environments": [
            {
                "environment_key": key,
                "spec": {"environment_version": "4", "dependencies": dependencies()[key]},
            }
            for key in sorted(keys)
        ],
    }


def _classic(job: dict[str, Any]) -> dict[str, Any]:
    """One machine; tap, target and dbt do their work in the SQL warehouse and on the driver."""

    def installed(dependency: str) -> dict[str, Any]:
        local = dependency.startswith("dist/")
        return {"whl": dependency} if local else {"pypi": {"package": dependency}}

    tasks = [
        {
            **{name: value for name, value in task.items() if name != "environment_key"},
            "job_cluster_key": "driver",
            "libraries": [installed(each) for each in dependencies()[task["environment_key"]]],
        }
        for task in job["tasks"]
    ]
    cluster = {
        "spark_version": "16.4.x-scala2.12",
        "node_type_id": "${var.node_type_id}",
        "num_workers": 0,
        "data_security_mode": "SINGLE_USER",
        "spark_conf": {
            "spark.databricks.cluster.profile": "singleNode",
            "spark.master": "local[*]",
        },
        "custom_tags": {"ResourceClass": "SingleNode"},
    }
    clusters = [{"job_cluster_key": "driver", "new_cluster": cluster}]
    return {**job, "tasks": tasks, "job_clusters": clusters}


def dependencies() -> dict[str, list[str]]:
    """What each environment has: our wheels; the dbt that Meltano installs, without its options."""
    utility = ROOT / "plugins" / "utilities" / "dbt-databricks.yml"
    pins = yaml.safe_load(utility.read_text(encoding="utf-8"))["pip_url"].split()
    return {"pipeline": [WHEELS], "dbt": [pin for pin in pins if not pin.startswith("--")]}


def selected(extractor: str) -> list[str]:
    """The streams that meltano.yml selects for an extractor."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (found,) = (each for each in project["plugins"]["extractors"] if each["name"] == extractor)
    return [pattern.removesuffix(".*") for pattern in found["select"]]
