"""The spool: batches on local disk from before they are applied until they are.

| file | meaning |
|---|---|
| `<table>-<digest>.parquet` | staged; a run that finds it applies it first |
| `<table>-<digest>.applied` | appended rows, not to be appended again if the tap resends them |
| `<table>-<digest>.unreadable` | damaged; set aside, the tap sends its rows again |
| `<table>-v<version>-<digest>.seen` | keys that came with a version not yet activated |
| `<table>.stateful` | the tap of an appended stream sends states, so it resumes from them |

A file appears whole or not at all: written under another name, flushed to disk, renamed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from target_databricks.loading.backend import Staging
from target_databricks.loading.batch import Batch
from target_databricks.loading.staged_file import (
    SEEN,
    STAGED,
    STATEFUL,
    read_staged,
    table_of,
    version_of,
    write_staged,
)

logger = logging.getLogger("target-databricks")

_APPLIED, _UNREADABLE, _PARTIAL = ".applied", ".unreadable", ".partial"


class Spool(Staging[Path]):
    """Staged batches of one schema.

    Args:
        folder: Local folder; made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(self, batch: Batch) -> Path:
        """Write a batch durably."""
        path = self.folder / f"{batch.plan.table}-{batch.digest}{STAGED}"
        return self._write(path, lambda file: write_staged(batch, file))

    def staged_tables(self) -> Sequence[str]:
        """Tables that batches are staged for; the oldest batch's first."""
        return list(dict.fromkeys(table_of(path.name) for path in self._files(f"*{STAGED}")))

    def staged_batches(self, table: str) -> Iterator[tuple[Path, Batch]]:
        """What is staged for a table, oldest first. Damaged files are set aside."""
        for path in self._files(f"*{STAGED}"):
            if table_of(path.name) != table:
                continue
            batch = _read(path)
            if batch is None:
                _name_unreadable(path.replace(path.with_suffix(_UNREADABLE)))
            else:
                yield path, batch

    def title(self, path: Path) -> str:
        """A staged file's name, for the log."""
        return path.name

    def name_unreadable(self) -> None:
        """Name the files in the log that earlier runs set aside."""
        for path in self._files(f"*{_UNREADABLE}"):
            _name_unreadable(path)

    def done(self, path: Path) -> None:
        """Forget a batch that is applied and can be sent again without harm."""
        path.unlink(missing_ok=True)

    def keep(self, path: Path) -> Path:
        """Remember a batch that is applied and must not be applied again."""
        return path.replace(path.with_suffix(_APPLIED))

    def applied_batches(self) -> Iterator[tuple[Path, Batch]]:
        """Applied batches that the tap may send again."""
        for path in self._files(f"*{_APPLIED}"):
            if (batch := _read(path)) is not None:
                yield path, batch

    def note_keys(self, table: str, version: int, digest: str, keys: pa.Table) -> None:
        """Note keys that came with a version; the table's notes on earlier versions go."""
        for path in self._files(f"{table}-v*{SEEN}"):
            if version_of(path.name) < version:
                path.unlink(missing_ok=True)
        path = self.folder / f"{table}-v{version}-{digest}{SEEN}"
        self._write(path, lambda file: pq.write_table(keys, file))

    def keys_of_version(self, table: str, version: int, keys: Sequence[str]) -> pa.Table | None:
        """Keys that came with a version or a later one, or None."""
        paths = [p for p in self._files(f"{table}-v*{SEEN}") if version_of(p.name) >= version]
        notes = [pq.read_table(path) for path in paths]
        fitting = [note for note in notes if note.column_names == list(keys)]
        return pa.concat_tables(fitting) if fitting else None

    def forget_keys(self, table: str) -> None:
        """Drop the notes on a table's versions."""
        for path in self._files(f"{table}-v*{SEEN}"):
            path.unlink(missing_ok=True)

    def note_state(self, table: str) -> None:
        """Note that a state covered rows appended to a table."""
        (self.folder / f"{table}{STATEFUL}").touch()

    def stateful(self, table: str) -> bool:
        """Whether a state ever covered rows appended to a table."""
        return (self.folder / f"{table}{STATEFUL}").exists()

    def clear(self) -> None:
        """Remove half-written files."""
        for path in self._files(f"*{_PARTIAL}"):
            path.unlink(missing_ok=True)

    def _write(self, path: Path, write: Callable[[IO[bytes]], None]) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(_PARTIAL)
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return path

    def _files(self, pattern: str) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(self.folder.glob(pattern), key=lambda p: (p.stat().st_mtime_ns, p.name))


def _name_unreadable(path: Path) -> None:
    logger.warning(
        "%s could not be read and was set aside; the tap sends its rows again. Delete the file "
        "when you no longer need it.",
        path,
    )


def _read(path: Path) -> Batch | None:
    try:
        with path.open("rb") as file:
            return read_staged(file)
    except (pa.ArrowInvalid, KeyError, ValueError):
        return None
