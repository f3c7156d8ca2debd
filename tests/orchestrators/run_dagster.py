"""In Dagster's environment and the project: run a job of `deploy/dagster_job.py` in process.

run_dagster.py JOB RESULT: writes to RESULT, as JSON, what became of it and what there is.
"""

import importlib
import json
import sys
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, build_schedule_context

name, result = sys.argv[1:]
sys.path.insert(0, "deploy")
definitions = importlib.import_module("dagster_job").definitions
instance = DagsterInstance.get()
job = definitions.get_job_def(name)
schedule = next(each for each in definitions.schedules if each.job_name == name)


def tick() -> str:
    """What the schedule does now."""
    ticked = schedule.evaluate_tick(build_schedule_context(instance=instance))
    return ticked.skip_message or f"{len(ticked.run_requests)} asked for"


ran = job.execute_in_process(instance=instance, raise_on_error=False)
tries = [each for each in ran.all_events if each.event_type == DagsterEventType.STEP_RESTARTED]
alone = tick()
other = instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
beside = tick().replace(other.run_id, "…")
instance.delete_run(other.run_id)
told = {
    "success": ran.success,
    "tries": 1 + len(tries),
    "schedules": {each.name: each.cron_schedule for each in definitions.schedules},
    "rules": {
        "jobs": [each.name for each in definitions.jobs],
        "tick": alone,
        "tick_beside_another": beside,
    },
}
Path(result).write_text(json.dumps(told))
