"""The spool: batches on local disk from before they are applied until they are.

| file | meaning |
|---|---|
| `<table>-<digest>.parquet` | staged; a run that finds it applies it first |
| `<table>-<digest>.applied` | appended rows, not to be appended again if the tap resends them |
| `<table>-<digest>.quarantine`, `.rows`, `.records` | set aside (`loading/quarantine.py`) |
| `<table>-v<version>-<digest>.seen` | keys that came with a version not yet activated |
| `<table>.stateful` | the tap of an appended stream sends states, so it resumes from them |

Earlier versions named a damaged file `.unreadable`.

A file appears whole or not at all: written under another name, flushed to disk, renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from target_databricks.errors import DamagedFileError
from target_databricks.loading.backend import Staging
from target_databricks.loading.batch import Batch
from target_databricks.loading.staged_file import (
    APPLIED,
    SEEN,
    STAGED,
    STATEFUL,
    read_rows,
    read_staged,
    table_of,
    version_of,
    write_rows,
    write_staged,
)

_PARTIAL = ".partial"


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
        return self._write(path, write_staged(batch))

    def staged_tables(self) -> Sequence[str]:
        """Tables that batches are staged for; the oldest batch's first."""
        return list(dict.fromkeys(table_of(path.name) for path in self._files(f"*{STAGED}")))

    def staged_batches(self, table: str) -> Iterator[tuple[Path, Batch | DamagedFileError]]:
        """What is staged for a table, oldest first."""
        for path in self._files(f"*{STAGED}"):
            # A part of a batch may have been settled with the batch meanwhile.
            if table_of(path.name) == table and path.exists():
                yield path, _read(path)

    def title(self, path: Path) -> str:
        """A staged file's name, for the log."""
        return path.name

    def files(self, suffix: str) -> list[str]:
        """Names of the files that end in something, oldest first."""
        return [path.name for path in self._files(f"*{suffix}")]

    def read_file(self, name: str) -> bytes | None:
        """What is in a file; None if there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write_file(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        self._write(self.folder / name, content)

    def move_file(self, name: str, to: str) -> None:
        """Give a file another name, if it is there."""
        with suppress(FileNotFoundError):
            (self.folder / name).replace(self.folder / to)

    def remove_file(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def done(self, path: Path) -> None:
        """Forget a batch that is applied and can be sent again without harm."""
        path.unlink(missing_ok=True)

    def keep(self, path: Path) -> Path:
        """Remember a batch that is applied and must not be applied again."""
        return path.replace(path.with_suffix(APPLIED))

    def applied_batches(self) -> Iterator[tuple[Path, Batch | DamagedFileError]]:
        """Applied batches that the tap may send again."""
        for path in self._files(f"*{APPLIED}"):
            yield path, _read(path)

    def applied_at(self, path: Path) -> float | None:
        """When a batch was kept that is applied, in seconds since 1970."""
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
        return None

    def applied(self, path: Path) -> Batch | None:
        """An applied batch; None if it is not there, or cannot be read."""
        batch = _read(path) if path.exists() else None
        return None if isinstance(batch, DamagedFileError) else batch

    def shorten(self, path: Path, part: Batch) -> Path:
        """Remember only a part of an applied batch. Returns its new name."""
        name = f"{part.plan.table}-{part.digest}{APPLIED}"
        shorter = self._write(self.folder / name, write_staged(part))
        path.unlink(missing_ok=True)
        return shorter

    def note_keys(self, table: str, version: int, digest: str, keys: pa.Table) -> None:
        """Note keys that came with a version; the table's notes on earlier versions go."""
        for path in self._files(f"{table}-v*{SEEN}"):
            if version_of(path.name) < version:
                path.unlink(missing_ok=True)
        path = self.folder / f"{table}-v{version}-{digest}{SEEN}"
        self._write(path, write_rows(keys))

    def keys_of_version(self, table: str, version: int, keys: Sequence[str]) -> pa.Table | None:
        """Keys that came with a version or a later one, or None."""
        paths = [p for p in self._files(f"{table}-v*{SEEN}") if version_of(p.name) >= version]
        notes = [read_rows(path.read_bytes()) for path in paths]
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

    def _write(self, path: Path, content: bytes | memoryview) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(_PARTIAL)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return path

    def _files(self, pattern: str) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(self.folder.glob(pattern), key=lambda p: (p.stat().st_mtime_ns, p.name))


def _read(path: Path) -> Batch | DamagedFileError:
    try:
        return read_staged(path.read_bytes())
    except DamagedFileError as error:
        return error
