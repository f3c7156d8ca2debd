"""`target-databricks-staged`: what is set aside because its tables refuse it.

    target-databricks-staged list --config config.json
    target-databricks-staged retry <file> … --config config.json
    target-databricks-staged drop <file> … --config config.json
    meltano invoke target-databricks:staged list

list shows each file, its table, how it stands and why, and what else is staged. retry puts files
back: the next run tries them again, before anything else. drop goes on without them: their rows are
gone, the same rows are passed over when the tap sends them again, and the state goes on; retry
undoes that, too, for what the tap sends from then on. Instead of files, --all means all of them,
dropped ones aside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from target_databricks.commands.common import command, config_option, settings, show_error
from target_databricks.destinations import destination_of
from target_databricks.errors import ConfigurationError, errors_as_lines
from target_databricks.lakehouse.folder import LakehouseFolder
from target_databricks.loading.appending import KEPT_DAYS
from target_databricks.loading.backend import Backend, Staging
from target_databricks.loading.quarantine import DROPPED, TRIES, WAITING, Entry, Quarantine
from target_databricks.loading.staged_file import APPLIED, SEEN, STAGED, table_of, table_of_keys

JOB = "target-databricks-staged"
"""Who holds a table's lease while a decision is written down."""


@command(__doc__)
@click.argument("action", type=click.Choice(["list", "retry", "drop"]))
@click.argument("files", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all files that are set aside")
@config_option
def main(sources: tuple[str, ...], action: str, files: tuple[str, ...], everything: bool) -> None:
    """Show what is set aside, put it back, or go on without it."""
    with errors_as_lines(show_error):
        backend = backend_of(settings(sources))
        if action == "list":
            report(backend, click.echo)
        else:
            decide(backend, action, files, everything=everything, say=click.echo)


def backend_of(config: Mapping[str, Any]) -> Backend:
    """The place that the settings describe; nothing is started or opened."""
    if destination_of(config) == "folder":
        return LakehouseFolder(config, job_id=JOB)
    from target_databricks.warehouse.warehouse import SqlWarehouse

    return SqlWarehouse(config, job_id=JOB, plugin_version="")


def report(backend: Backend, say: Callable[[str], None]) -> None:
    """Show what is set aside.

    Args:
        backend: The place.
        say: Takes each line.
    """
    if not backend.staging.keeps:
        say("With 'staging: inline' nothing is kept: the tap sends again what was not loaded.")
        return
    entries = list(Quarantine(backend.staging).read())
    if not entries:
        say(f"Nothing is set aside in {backend.schema}.")
    for entry in entries:
        say(_shown(entry))
    for line in _left(backend.staging, {entry.name for entry in entries}):
        say(line)


def _left(staging: Staging[Any], aside: Collection[str]) -> Iterator[str]:
    """What runs have left that needs no decision, by table."""
    stems = {
        suffix: [name.removesuffix(suffix) for name in staging.files(suffix)]
        for suffix in (STAGED, APPLIED, SEEN)
    }
    applied = {*aside, *stems[APPLIED]}
    stems[STAGED] = [name for name in stems[STAGED] if name not in applied]
    for suffix, sentence in _LEFT.items():
        table_in = table_of_keys if suffix == SEEN else table_of
        for table, count in sorted(Counter(map(table_in, stems[suffix])).items()):
            yield sentence.format(table=table, count=f"{count:,}")


_LEFT = {
    STAGED: "{table}: batches that are not in it yet: {count}. The next run that loads this "
    "schema, whatever its streams, applies them before anything else.",
    APPLIED: "{table}: batches that are in it, and that no state covers: {count}. They tell their "
    f"rows from new ones if the tap sends them again, and go after {KEPT_DAYS} days without it.",
    SEEN: "{table}: notes on keys of a version that was not activated: {count}. They go with the "
    "next version.",
}
"""What to say of staged files by their suffix."""


def _shown(entry: Entry) -> str:
    tries = f", try {entry.tries} of {TRIES}" if entry.status == WAITING else ""
    rows = f", {entry.count:,} rows" if entry.count else ""
    since = f", since {entry.since}" if entry.since else ""
    stream = f", stream {entry.stream}" if entry.stream else ""
    return (
        f"{entry.name}: {entry.status}{tries}\n"
        f"  table {entry.table}{stream}{rows}{since}\n  {entry.reason}"
    )


def decide(
    backend: Backend,
    action: str,
    files: Collection[str],
    *,
    everything: bool,
    say: Callable[[str], None],
) -> None:
    """Put files back, or go on without them.

    Args:
        backend: The place.
        action: `retry` or `drop`.
        files: Their names, as `list` shows them.
        everything: Whether all are meant that are not dropped.
        say: Takes each line.

    Raises:
        ConfigurationError: A name is none of what is set aside; then nothing is done.
        BusyError: A run is loading the schema, or the table.
    """
    quarantine = Quarantine(backend.staging)
    with exclusive(backend):
        there = {entry.name: entry for entry in quarantine.read()}
        names = [n for n, e in there.items() if e.status != DROPPED] if everything else files
        if not names and not everything:
            raise ConfigurationError("Name the files that are meant, or say --all.")
        if unknown := [name for name in names if name not in there]:
            raise ConfigurationError(
                f"{', '.join(unknown)} is not set aside in {backend.schema}; "
                "`target-databricks-staged list` shows what is."
            )
        for name in names:
            entry = there[name]
            with backend.staging.lease(entry.table):
                if action == "drop":
                    quarantine.drop(entry)
                    say(f"{name}: dropped. The same rows are passed over from now on.")
                else:
                    say(f"{name}: {_HOW[quarantine.retry(entry)]}")


_HOW = {
    True: "put back. The next run tries it first.",
    False: "forgotten. It is tried when the tap sends it again.",
}
"""What comes of a retry, by whether there is a file to try."""


def exclusive(backend: Backend) -> AbstractContextManager[object]:
    """Keep runs out of a folder; of a warehouse the leases of the tables do that."""
    return backend.exclusive() if isinstance(backend, LakehouseFolder) else nullcontext()
