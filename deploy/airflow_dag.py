"""The schedules of `meltano.yml` as DAGs of Airflow 3: a link to this file in the dags folder.

The project lies, installed by `deploy/install`, where DAGs are parsed and where tasks run; a copy
of this file has the place from `XERO_PROJECT`. `deploy/meltano_jobs.py` has the other variables.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, timezone

PROJECT = Path(os.environ.get("XERO_PROJECT") or Path(__file__).resolve().parents[1])
if not (PROJECT / "deploy" / "meltano_jobs.py").is_file():
    raise FileNotFoundError(
        f"{PROJECT} has no deploy/meltano_jobs.py: set XERO_PROJECT to the folder of the project "
        "xero-to-databricks, or link to its deploy/airflow_dag.py instead of copying that."
    )
sys.path.append(str(PROJECT / "deploy"))

from meltano_jobs import RETRIES, RETRY_AFTER, command, schedules  # noqa: E402
from schedules import cron  # noqa: E402

for each in schedules():
    with DAG(
        dag_id=f"xero-{each['name']}",
        description=f"meltano run {each['job']}",
        schedule=cron(each["interval"]),
        # Without a zone: the fields mean Airflow's default_timezone.
        start_date=timezone.datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": RETRIES, "retry_delay": RETRY_AFTER},
        tags=["xero"],
    ):
        # Whoever stops the task has BashOperator hand SIGTERM on to Meltano, tap and target.
        BashOperator(
            task_id=each["job"],
            bash_command=f"exec {shlex.join(command(each['job']))}",
            skip_on_exit_code=None,
            do_xcom_push=False,
        )
