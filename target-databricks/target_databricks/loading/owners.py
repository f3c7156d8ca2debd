"""Which stream loads which table: no two load one, and none what is ours or Delta's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from target_databricks.errors import ConfigurationError
from target_databricks.lakehouse.places import SPOOL
from target_databricks.loading.ledger import TABLE as LEDGER
from target_databricks.schema.evolution import tables_of, under_former_names
from target_databricks.schema.naming import folded
from target_databricks.schema.plan import StreamPlan

VERSIONS = "_sdc_versions"
"""Table of a warehouse that says which version of each table is activated."""

RESERVED_TABLES = {
    LEDGER: "the ledger of loads",
    VERSIONS: "the table of activated versions",
    SPOOL: "the folder of staged batches",
    "_delta_log": "the log of a Delta table",
}
"""Names that no stream's table may have, because something of ours or of Delta's has them."""


class TableOwners:
    """The streams of one run, and arrays of them, by the table that each is loaded into."""

    def __init__(self) -> None:
        self._owners = dict(RESERVED_TABLES)

    def claim(self, plan: StreamPlan, exists: Callable[..., bool]) -> StreamPlan:
        """Give a stream its tables: those that it has from an earlier version, or its own.

        A table that was made since is another stream's, whatever an earlier version would have
        called that of this one.

        Args:
            plan: The stream.
            exists: Whether there is a table of a name; with `former`, one of an earlier version.

        Raises:
            ConfigurationError: A table is another one's.
        """
        own = {None, *_sources(plan)}

        def may_have(table: str, *, former: bool) -> bool:
            return self._owners.get(folded(table)) in own and exists(table, former=former)

        plan = under_former_names(plan, may_have)
        owners = dict(self._owners)
        for table, source in zip(tables_of(plan), _sources(plan), strict=True):
            owner = owners.setdefault(folded(table), source)
            if owner != source:
                raise ConfigurationError(
                    f"{source} would be loaded into the table '{table}', which is that of "
                    f"{owner}. Give one of them another name: a stream with an '__alias__' in "
                    "'stream_maps', a child table in 'child_tables'."
                )
        self._owners = owners
        return plan


def _sources(plan: StreamPlan) -> Iterator[str]:
    """What fills each table of a plan, for messages."""
    yield f"'{plan.stream}'"
    for child in plan.children:
        yield f"'{plan.stream}.{child.column}'"
