"""Meltano's own id of the run that this process belongs to.

Meltano 4.4 hands its plugins no variable with the id. `meltano el` keeps the files that it gives a
plugin in `<…>/run/elt/<state id>/<run id>`; `meltano run` keeps them in `<…>/run/<plugin>`, but it
says where its database is, whose table `runs` has a row for each pair of tap and target at work.

Source: Meltano 4.4, `ProjectDirsService.job`, `generate_state_id`, `Job`.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

RUN_ID = "MELTANO_RUN_ID"
"""Variable that `meltano run` takes for its option `--run-id`; it sets none."""
SQLITE = "sqlite:///"
SECONDS = 5.0
"""How long to wait for a database that Meltano is writing to."""
HEARTBEAT = timedelta(minutes=5)
"""How long a run counts as alive after its last heartbeat, by Meltano's own rule."""
_RUNNING = (
    "SELECT job_name, run_id FROM runs "
    "WHERE state = 'RUNNING' AND last_heartbeat_at > ? ORDER BY started_at"
)


def run_id(arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    """The id of this run: Meltano's where Meltano started it, or a new one.

    Args:
        arguments: Arguments of the command line, of which `--config` counts.
        variables: The environment.
    """
    return (
        _of_folder(arguments)
        or _of_database(variables)
        or variables.get(RUN_ID)
        or str(uuid.uuid4())
    )


def _of_folder(arguments: Sequence[str]) -> str | None:
    option = "--config"
    paths = [value for name, value in pairwise(arguments) if name == option]
    paths += [a.partition("=")[2] for a in arguments if a.startswith(f"{option}=")]
    for path in paths:
        folder = Path(path).absolute().parent
        if folder.parent.parent.name == "elt" and (found := _uuid(folder.name)):
            return found
    return None


def _of_database(variables: Mapping[str, str]) -> str | None:
    """The run at work for this pair of plugins; None where that is not certain.

    The same pair may run several times at once under different suffixes of the state id, which
    plugins are not told.
    """
    uri = variables.get("MELTANO_DATABASE_URI", "")
    names = ("MELTANO_ENVIRONMENT", "MELTANO_EXTRACTOR_NAME", "MELTANO_LOADER_NAME")
    environment, extractor, loader = (variables.get(name, "") for name in names)
    if not (uri.startswith(SQLITE) and environment and extractor and loader):
        return None
    state_id = f"{environment}:{extractor}-to-{loader}"
    since = datetime.now(UTC).replace(tzinfo=None) - HEARTBEAT
    path = Path(uri.removeprefix(SQLITE).partition("?")[0])
    try:
        source = f"file:{quote(str(path))}?mode=ro"
        with closing(sqlite3.connect(source, uri=True, timeout=SECONDS)) as database:
            rows = database.execute(_RUNNING, [since.isoformat(" ")]).fetchall()
    except sqlite3.Error:
        return None
    runs = [(job, run) for job, run in rows if f"{job}:".startswith(f"{state_id}:")]
    # One that was killed a moment ago still counts as running; the last one is at work.
    return _uuid(runs[-1][1]) if len({job for job, _ in runs}) == 1 else None


def _uuid(text: str) -> str | None:
    """A UUID as Meltano's log writes it, or None."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
