"""The files of BATCH messages: which may be read, how much of them, and their records.

A message names files by URL. Whoever writes the messages must not choose what of this machine is
loaded, so files are read only from where the user says: below `storage.root` of the setting
`batch_config`, and where that is not set, from the folder for temporary files. Links do not lead
out of there, and what is no regular file (a device, a pipe) is not read.

Source: Meltano SDK, Batch messages.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import stat
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from target_databricks.errors import BadInputError
from target_databricks.reading.json_text import dumps

LONGEST_LINE = 128 << 20
"""Bytes of a line at most, unpacked."""
LARGEST_ROW_GROUP = 4 << 30
"""Bytes of a row group at most, unpacked: it is read as a whole."""
ROWS = 1024
"""Rows of a Parquet file that are Python objects at a time."""
_COMPRESSIONS = {None, "none", "gzip"}


class BatchFiles:
    """Files that one BATCH message names.

    Args:
        message: The message.
        config: The setting `batch_config`, if any.
        where: What error messages call the message: its line and its stream.

    Raises:
        BadInputError: The message is none, or the files are of an unknown format.
    """

    def __init__(
        self, message: Mapping[str, Any], config: Mapping[str, Any] | None, where: str
    ) -> None:
        encoding = message["encoding"]
        self._where = where
        self._format = encoding.get("format")
        self._compression = encoding.get("compression")
        self._manifest = message["manifest"]
        storage = (config or {}).get("storage") or {}
        self._root = str(storage.get("root") or "")
        self._params = storage.get("params") or {}
        readable = self._format == "parquet" or (
            self._format == "jsonl" and self._compression in _COMPRESSIONS
        )
        if not readable:
            raise BadInputError(
                f"{where} names batch files in the format '{self._format}' "
                f"({self._compression or 'not compressed'}), which is not supported. Configure "
                "the tap's 'batch_config' for jsonl or parquet, not compressed or with gzip."
            )

    def lines(self) -> Iterator[bytes]:
        """The records of all files, in order, as JSON.

        Raises:
            BadInputError: A file may not or cannot be read.
        """
        for url in self._manifest:
            try:
                with self._opened(url) as file:
                    yield from (
                        self._parquet(file) if self._format == "parquet" else self._jsonl(file, url)
                    )
            except (OSError, EOFError, zlib.error, pa.ArrowException, ImportError) as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise self._bad(url, f"which cannot be read: {reason}") from error

    def _bad(self, url: object, reason: str) -> BadInputError:
        return BadInputError(
            f"{self._where} names the batch file {url}, {reason}. Nothing more was loaded; let the "
            "tap write it again where this machine can and may reach it."
        )

    # Places

    @contextmanager
    def _opened(self, url: object) -> Iterator[IO[bytes]]:
        root = self._root or tempfile.gettempdir()
        scheme = _scheme(root)
        if not isinstance(url, str) or _scheme(url) != scheme:
            raise self._outside(url, root)
        if scheme == "file":
            with self._local(url, _path(root)).open("rb") as file:
                yield file
            return
        base = root.rstrip("/") + "/"
        tail = url.removeprefix(base)
        if tail == url or ".." in tail.split("/"):
            raise self._outside(url, root)
        with UPath(root, **self._params).joinpath(tail).open("rb") as file:
            yield cast("IO[bytes]", file)

    def _local(self, url: str, root: Path) -> Path:
        path = _path(url).resolve()
        if not path.is_relative_to(root.resolve()):
            raise self._outside(url, str(root))
        if not stat.S_ISREG(path.stat().st_mode):
            raise self._bad(url, "which is no regular file")
        return path

    def _outside(self, url: object, root: str) -> BadInputError:
        return self._bad(
            url,
            f"which is not below {root}, the only place such files are read from: see 'storage' in "
            "the setting 'batch_config'",
        )

    # Records

    def _jsonl(self, file: IO[bytes], url: object) -> Iterator[bytes]:
        text = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if self._is_packed else file
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise self._bad(url, f"of which a line has more than {LONGEST_LINE >> 20} MiB")
            if line := line.strip():
                yield line

    @property
    def _is_packed(self) -> bool:
        return bool(self._compression == "gzip")

    def _parquet(self, file: IO[bytes]) -> Iterator[bytes]:
        rows = pq.ParquetFile(file)
        groups = (rows.metadata.row_group(i) for i in range(rows.num_row_groups))
        if any(group.total_byte_size > LARGEST_ROW_GROUP for group in groups):
            raise pa.ArrowInvalid(f"a row group has more than {LARGEST_ROW_GROUP >> 30} GiB")
        for block in rows.iter_batches(batch_size=ROWS):
            for record in block.to_pylist():
                yield dumps(_as_json(record)).encode("utf-8", "replace")


def _scheme(url: str) -> str:
    """The scheme of a URL; of a path none but that of files."""
    scheme = urlparse(url).scheme
    return "file" if len(scheme) <= 1 else scheme.lower()  # one letter is a Windows drive


def _path(url: str) -> Path:
    parsed = urlparse(url)
    return Path(unquote(parsed.path) if parsed.scheme == "file" else url).expanduser()


def _as_json(value: Any) -> Any:
    """A value of a Parquet file as JSON would have it."""
    if isinstance(value, dict):
        return {k: _as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_as_json(v) for v in value]
    if isinstance(value, (dt.date, dt.time)):  # a datetime is a date, too
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
