"""The seam between "a batch to load" and "how its rows get to the warehouse".

They travel as a file of a volume, or, where there is no volume, in the text of the statement.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import pyarrow as pa

from target_databricks.loading.backend import Staging
from target_databricks.loading.batch import Batch
from target_databricks.warehouse.sql.clauses import StagedRows


class WarehouseStaging(Staging[str]):
    """Staged batches of one schema, as statements read them; a batch is named by its path.

    Attributes:
        place: Where batches are staged, for messages.
        created: Whether `open` made the place.
    """

    place: str
    created = False

    def open(self) -> None:
        """Get ready.

        Raises:
            ConfigurationError: The place is missing or may not be used.
        """

    @abstractmethod
    def read(self, paths: Sequence[str], batch: Batch) -> StagedRows:
        """A batch as statements read it, from the file that it is staged in, or from several."""

    def renew(self, paths: Sequence[str], statement: str = "") -> str:  # noqa: ARG002
        """Keep staged batches under other names, so that who looks for the old ones finds none.

        Args:
            paths: The batches.
            statement: SQL that reads them.

        Returns:
            The statement with the other names.
        """
        return statement

    def restore(self, paths: Sequence[str]) -> None:
        """Keep staged batches under their own names again."""

    @abstractmethod
    def keys_of_version(self, table: str, version: int, keys: Sequence[str]) -> list[str]:
        """Keys that came with a version or a later one, as SQL that can stand after FROM."""

    def defer_ledger(self, job_id: str, rows: pa.Table) -> bool:  # noqa: ARG002
        """Keep a run's rows of the ledger for later. Returns whether that was possible."""
        return False

    def deferred_ledger(self) -> Iterator[tuple[str, pa.Table]]:
        """Rows that runs have deferred, and where; `done` forgets them."""
        return iter(())

    def close(self) -> None:
        """Finish what goes on in the background; may be called twice."""

    def drop(self) -> None:
        """Remove the place, if `open` made it."""
