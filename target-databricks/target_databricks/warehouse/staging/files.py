"""Files in one folder of a volume, through the Files API, which needs no warehouse.

Every call is made again through an outage; all of them may be. A file can be kept under another
name for a while (`renew`): whoever knows it by its own name finds it, and so does a later run.

Source: Databricks REST API, Files; Unity Catalog, Volumes.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.outages import outlast

if TYPE_CHECKING:
    from databricks.sdk.mixins.files import FilesExt

_RENEWED = re.compile(r"~(\d+)~[0-9a-f]{8}(?=\.\w+$)")
"""What another name has behind the digest: when the file was staged, in milliseconds."""


class VolumeFiles:
    """Files in a folder.

    Args:
        files: Moves files.
        folder: The folder's path.
        backoff: How long to wait for the workspace, by now.
    """

    def __init__(self, files: FilesExt, folder: str, backoff: Callable[[], Backoff]) -> None:
        self._files = files
        self.folder = folder
        self._backoff = backoff
        self._places: dict[str, str] = {}
        """Where files are that have another name for now."""

    def make_folder(self) -> None:
        """Make the folder, if it is not there.

        Raises:
            NotFound: There is no such volume.
        """
        outlast(lambda: self._files.create_directory(self.folder), self._backoff())

    def place(self, path: str) -> str:
        """Where a file is now."""
        return self._places.get(path, path)

    def write(self, name: str, content: bytes | memoryview) -> str:
        """Write a file, whole or not at all. Returns its path."""
        path = f"{self.folder}/{name}"
        self.overwrite(path, content)
        self._places.pop(path, None)
        return path

    def create(self, path: str, content: bytes) -> None:
        """Write a file unless there is one."""
        from databricks.sdk.errors import ResourceConflict

        with suppress(ResourceConflict):
            self._upload(path, content, overwrite=False)

    def overwrite(self, path: str, content: bytes | memoryview) -> None:
        """Write a file, whole or not at all."""
        self._upload(path, content, overwrite=True)

    def read(self, path: str) -> bytes | None:
        """What is in a file; None if there is none."""
        from databricks.sdk.errors import NotFound

        def read() -> bytes:
            contents = self._files.download(self.place(path)).contents
            if contents is None:
                return b""
            with contents:
                return contents.read()

        try:
            return outlast(read, self._backoff())
        except NotFound:
            return None

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        self._remove(self.place(path))
        self._places.pop(path, None)

    def is_gone(self, path: str) -> bool:
        """Whether there is no such file."""
        from databricks.sdk.errors import NotFound

        try:
            outlast(lambda: self._files.get_metadata(self.place(path)), self._backoff())
        except NotFound:
            return True
        return False

    def list(self, suffix: str, prefix: str = "") -> list[str]:
        """Paths of the files whose names begin and end so, oldest first; under their own names."""
        staged = self._entries(suffix, prefix)
        paths = []
        for path in sorted(staged, key=lambda path: (staged[path], path)):
            own = _RENEWED.sub("", path)
            if own != path and own not in staged:
                self._places[own] = path
                path = own
            paths.append(path)
        return paths

    def times(self, suffix: str) -> dict[str, float]:
        """Files whose names end so, and when each was written, in seconds since 1970."""
        return {path: staged / 1000 for path, staged in self._entries(suffix).items()}

    def renew(self, path: str) -> None:
        """Give a file another name; under its own there is none any more."""
        content, place = self.read(path), self.place(path)
        if content is None:
            return
        stem, dot, suffix = path.rpartition(".")
        staged = self._entries(f".{suffix}").get(place, 0)
        new = f"{stem}~{staged}~{uuid.uuid4().hex[:8]}{dot}{suffix}"
        self.overwrite(new, content)
        self._places[path] = new
        self._remove(place)

    def restore(self, path: str) -> None:
        """Give a file its own name again."""
        place = self.place(path)
        content = self.read(path) if place != path else None
        if content is not None:
            self.overwrite(path, content)
            del self._places[path]
            self._remove(place)

    def _entries(self, suffix: str, prefix: str = "") -> dict[str, int]:
        """Paths of files, and when they were staged, in milliseconds."""
        from databricks.sdk.errors import NotFound

        try:
            entries = outlast(
                lambda: list(self._files.list_directory_contents(self.folder)), self._backoff()
            )
        except NotFound:
            return {}
        staged = {}
        for entry in entries:
            name = str(entry.name)
            if not entry.is_directory and name.endswith(suffix) and name.startswith(prefix):
                renewed = _RENEWED.search(name)
                staged[str(entry.path)] = int(renewed[1] if renewed else entry.last_modified or 0)
        return staged

    def _upload(self, path: str, content: bytes | memoryview, *, overwrite: bool) -> None:
        outlast(
            lambda: self._files.upload(path, io.BytesIO(content), overwrite=overwrite),
            self._backoff(),
        )

    def _remove(self, path: str) -> None:
        from databricks.sdk.errors import NotFound

        with suppress(NotFound):
            outlast(lambda: self._files.delete(path), self._backoff())
