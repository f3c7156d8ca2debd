"""A column of a Delta table becomes NOT NULL, which Delta alone allows for new columns only.

The commit that Databricks makes of it: the table's metadata anew, with the one field changed.
"""

from __future__ import annotations

import json
from pathlib import Path


def forbid_nulls(folder: Path, column: str) -> None:
    """Commit that a top-level column takes no nulls; whoever calls has seen that it has none.

    Args:
        folder: the table's, with `_delta_log`.
        column: its name, as the table spells it.
    """
    commits = sorted((folder / "_delta_log").glob("*.json"))
    metadata = next(
        action["metaData"]
        for path in reversed(commits)
        for action in map(json.loads, path.read_text().splitlines())
        if "metaData" in action
    )
    schema = json.loads(metadata["schemaString"])
    for field in schema["fields"]:
        if field["name"] == column:
            field["nullable"] = False
    metadata["schemaString"] = json.dumps(schema)
    version = int(commits[-1].stem) + 1
    actions = [{"commitInfo": {"operation": "CHANGE COLUMN"}}, {"metaData": metadata}]
    with commits[-1].with_name(f"{version:020}.json").open("x") as file:
        file.writelines(f"{json.dumps(action)}\n" for action in actions)
