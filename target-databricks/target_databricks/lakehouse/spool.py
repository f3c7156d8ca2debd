"""The spool: batches on local disk from before they are applied until they are.

| file | meaning |
|---|---|
| `<digest>.parquet` | staged; a run that finds it applies it first |
| `<digest>.applied` | applied rows of a stream without keys, which the tap may still send again |
| `<digest>.unreadable` | damaged; set aside, the tap sends its rows again |

A file appears whole or not at all: written under another name, flushed to disk, renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from target_databricks.batch import Batch, read_staged, write_staged

_STAGED, _APPLIED, _UNREADABLE, _PARTIAL = ".parquet", ".applied", ".unreadable", ".partial"


class Spool:
    """Staged batches of one schema.

    Args:
        folder: Local folder; made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(self, batch: Batch) -> Path:
        """Write a batch durably."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{batch.plan.table}-{batch.digest}{_STAGED}"
        partial = path.with_suffix(_PARTIAL)
        with partial.open("wb") as file:
            write_staged(batch, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return path

    def staged(self) -> Iterator[tuple[Path, Batch]]:
        """What earlier runs left, oldest first. Damaged files are set aside."""
        for path in self._files(_STAGED):
            batch = _read(path)
            if batch is None:
                path.replace(path.with_suffix(_UNREADABLE))
            else:
                yield path, batch

    def set_aside(self) -> list[Path]:
        """Files that could not be read."""
        return self._files(_UNREADABLE)

    def done(self, path: Path) -> None:
        """Forget a batch that is applied and can be sent again without harm."""
        path.unlink(missing_ok=True)

    def applied(self, path: Path) -> Path:
        """Remember a batch that is applied and must not be applied again."""
        return path.replace(path.with_suffix(_APPLIED))

    def unconfirmed(self) -> Iterator[Batch]:
        """Applied batches that the tap may send again."""
        for path in self._files(_APPLIED):
            if (batch := _read(path)) is not None:
                yield batch

    def clear(self) -> None:
        """Forget applied batches and half-written files; staged ones stay."""
        for suffix in (_APPLIED, _PARTIAL):
            for path in self._files(suffix):
                path.unlink(missing_ok=True)

    def _files(self, suffix: str) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(self.folder.glob(f"*{suffix}"), key=lambda p: (p.stat().st_mtime_ns, p.name))


def _read(path: Path) -> Batch | None:
    try:
        with path.open("rb") as file:
            return read_staged(file)
    except (pa.ArrowInvalid, KeyError, ValueError):
        return None
