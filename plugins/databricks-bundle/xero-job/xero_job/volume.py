"""Numbered files in a folder of a volume: who adds the next number is the only one who does.

A volume has no locks and no compare-and-swap, but the Files API refuses to replace a file when it
is told so (`overwrite=false`, answered by 409). So what must not be lost or done twice is never
replaced: its next version gets the next number.

Source: Databricks REST API reference, Files, "Upload a file".
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from databricks.sdk.errors import NotFound, ResourceConflict

from xero_job.errors import JobError

if TYPE_CHECKING:
    from databricks.sdk.mixins.files import FilesExt

_DIGITS = 12


class TakenError(JobError):
    """Another run has added this number."""


@dataclass(frozen=True)
class NumberedFiles:
    """The files of one folder.

    Attributes:
        files: The Files API.
        folder: Path of the folder, `/Volumes/<catalog>/<schema>/<volume>/…`.
    """

    files: FilesExt
    folder: str

    def numbers(self) -> list[int]:
        """The numbers there are, the lowest first."""
        try:
            entries = list(self.files.list_directory_contents(self.folder))
        except NotFound:
            return []
        names = (str(entry.name) for entry in entries)
        return sorted(int(name) for name in names if len(name) == _DIGITS and name.isdigit())

    def latest(self) -> int:
        """The highest number; 0 when there is none."""
        return max(self.numbers(), default=0)

    def read(self, number: int) -> bytes | None:
        """What is in a file; None when it is gone."""
        try:
            contents = self.files.download(self._path(number)).contents
        except NotFound:
            return None
        if contents is None:
            return b""
        with contents:
            return contents.read()

    def add(self, number: int, content: bytes) -> None:
        """Write the file of a number that is free.

        Args:
            number: One more than the latest.
            content: No two runs may write the same: an upload whose answer was lost is told from
                another run's by it.

        Raises:
            TakenError: It is not free.
        """
        try:
            self.files.upload(self._path(number), io.BytesIO(content), overwrite=False)
        except ResourceConflict as error:
            if self.read(number) != content:
                raise TakenError(
                    f"Another run has written {self._path(number)} meanwhile, so this one stops: "
                    "let one run at a time use a volume."
                ) from error

    def replace(self, number: int, content: bytes) -> None:
        """Write the file of a number anew; only who added it may."""
        self.files.upload(self._path(number), io.BytesIO(content), overwrite=True)

    def forget(self, below: int) -> None:
        """Remove what is older than a number."""
        for number in self.numbers():
            if number < below:
                with suppress(NotFound):
                    self.files.delete(self._path(number))

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number:0{_DIGITS}}"
