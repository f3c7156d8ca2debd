"""What new tables are clustered by, and what comes next where that is refused.

Source: Databricks SQL language reference, CLUSTER BY clause; Use liquid clustering for tables.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from target_databricks.limits import CLUSTERED_COLUMNS
from target_databricks.schema.plan import Hints
from target_databricks.warehouse.sql.columns import clusterable
from target_databricks.warehouse.sql.names import Schema

logger = logging.getLogger("target-databricks")

AUTO = "AUTO"
"""What CLUSTER BY says to leave the choice of columns to Databricks."""


class Clustering:
    """Chooses for the tables of one schema.

    Args:
        schema: The schema.
        setting: `auto`, `keys` or `none`.
    """

    def __init__(self, schema: Schema, setting: str) -> None:
        self._schema = schema
        self._setting = setting
        # Whether predictive optimization is on, which AUTO asks for, is known at the first table.
        self._offers_auto = True
        self._lock = threading.Lock()

    def usable(self, table: str, columns: pa.Schema, hints: Hints) -> Hints:
        """The hints, less columns to cluster by that no table can be clustered by."""
        stated = tuple(name for name in hints.cluster_by or () if name in columns.names)
        usable = tuple(name for name in stated if clusterable(columns.field(name)))
        if usable == (hints.cluster_by or ()):
            return hints
        if usable == stated:
            return replace(hints, cluster_by=usable or None)
        logger.warning(
            "%s.%s is not clustered by %s, as x-databricks-cluster-by has it: columns of these "
            "types have no statistics with an order.",
            self._schema,
            table,
            ", ".join(name for name in stated if name not in usable),
        )
        return replace(hints, cluster_by=usable or None)

    def choices(self, keys: tuple[str, ...], hints: Hints) -> Iterator[tuple[str, ...] | str]:
        """How to cluster a new table: as wished, and should that be refused, as comes next."""
        if hints.cluster_by is not None:
            yield hints.cluster_by[:CLUSTERED_COLUMNS]
        else:
            if self._setting == "auto" and self._offers_auto:
                yield AUTO
            if self._setting != "none":
                yield keys[:CLUSTERED_COLUMNS]
        yield ()

    def note_refused(self, table: str, cluster_by: tuple[str, ...] | str, reason: str) -> None:
        """Say that a table is not clustered as was chosen, and choose no AUTO any more."""
        if cluster_by != AUTO:
            logger.warning(
                "%s.%s is not clustered: by %s is refused (%s). Name other columns in "
                "x-databricks-cluster-by, or set 'clustering' to none.",
                self._schema,
                table,
                ", ".join(cluster_by),
                reason,
            )
            return
        with self._lock:
            first, self._offers_auto = self._offers_auto, False
        if first:
            logger.warning(
                "%s.%s and the other new tables of this run are clustered by their keys, because "
                "CLUSTER BY AUTO is refused (%s). Let an administrator enable predictive "
                "optimization for the catalog %s, or set 'clustering' to keys or none.",
                self._schema,
                table,
                reason,
                self._schema.catalog,
            )
