"""In Airflow's environment: run a DAG of the dags folder by `dag.test()`.

run_airflow.py DAG_ID RESULT: writes to RESULT, as JSON, what became of it and what there is.
"""

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

dag_id, result = sys.argv[1:]
bag = DagBag()
dag = bag.dags[dag_id]
run = dag.test()
(task,) = run.get_task_instances()
told = {
    "success": run.state == task.state == "success",
    "tries": task.try_number,
    "schedules": {each.dag_id: each.schedule for each in bag.dags.values()},
    "rules": {
        "at_once": dag.max_active_runs,
        "catchup": dag.catchup,
        "errors": bag.import_errors,
    },
}
Path(result).write_text(json.dumps(told))
