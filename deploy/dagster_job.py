"""The jobs and schedules of `meltano.yml` as a code location of Dagster.

`deploy/meltano_jobs.py` has the variables; the hours of the schedules are those of `TZ`.
"""

# No `from __future__ import annotations`: Dagster wants the class of `context`, not its name.
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from dagster import (
    DagsterRunStatus,
    Definitions,
    Failure,
    JobDefinition,
    OpExecutionContext,
    RetryRequested,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    job,
    op,
)

sys.path.append(str(Path(__file__).resolve().parent))

from meltano_jobs import RETRIES, RETRY_AFTER, command, jobs, schedules
from schedules import cron

UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def called(name: str) -> str:
    """A name of Meltano as Dagster takes it."""
    return "xero_" + name.replace("-", "_")


def job_of(name: str) -> JobDefinition:
    """A job of Meltano as one of Dagster, with one step."""

    @op(name=f"meltano_run_{name.replace('-', '_')}")
    def run(context: OpExecutionContext) -> None:
        context.log.info(" ".join(command(name)))
        process = subprocess.Popen(command(name))  # noqa: S603
        try:
            code = process.wait()
        except BaseException:  # somebody stops the run: Dagster interrupts the waiting
            process.terminate()
            process.wait()
            raise
        if code:
            # No retry_policy of the op, which would try again what somebody has stopped.
            raise RetryRequested(RETRIES, RETRY_AFTER.total_seconds()) from Failure(
                f"meltano run {name} ended with exit code {code}; its output says why."
            )

    @job(name=called(name), description=f"meltano run {name}")
    def of_meltano() -> None:
        run()

    return of_meltano


def tick(of_meltano: JobDefinition, context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    """Ask for a run of a job, unless one has not ended."""
    unfinished = RunsFilter(job_name=of_meltano.name, statuses=UNFINISHED)
    for run in context.instance.get_runs(unfinished, limit=1):
        return SkipReason(f"Run {run.run_id} of {of_meltano.name} has not ended.")
    return RunRequest()


JOBS = {name: job_of(name) for name in jobs()}

definitions = Definitions(
    jobs=JOBS.values(),
    schedules=[
        ScheduleDefinition(
            name=called(each["name"]),
            job=JOBS[each["job"]],
            cron_schedule=fields,
            execution_timezone=os.environ.get("TZ") or "UTC",
            execution_fn=partial(tick, JOBS[each["job"]]),
        )
        for each in schedules()
        if (fields := cron(each["interval"]))
    ],
)
