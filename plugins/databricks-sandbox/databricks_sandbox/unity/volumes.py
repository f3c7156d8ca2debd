"""Volumes: folders below the sandbox's own, and files moved in and out of them by signed URLs.

The statements PUT, GET and REMOVE only answer with a URL; the client moves the file itself over
HTTP. Spark reads volumes through their folders. Source: Databricks, "Volumes" and the connector.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from databricks_sandbox.clock import Clock
from databricks_sandbox.errors import SqlError
from databricks_sandbox.limits import FILES_A_PAGE, SIGNED_URL_SECONDS
from databricks_sandbox.switches import Switches
from databricks_sandbox.unity.metastore import Metastore, Name, Volume


@dataclass(frozen=True)
class Ticket:
    """What a signed URL allows.

    Attributes:
        operation: `PUT`, `GET` or `REMOVE`.
        path: in the volume, from `/Volumes` on.
        until: the sandbox's time when it is over.
    """

    operation: str
    path: str
    until: float


class Volumes:
    """All volumes and their files.

    Args:
        folder: where they live.
        metastore: which ones there are.
        clock: decides when signed URLs are over.
        switches: whether they are as S3 has them.
    """

    def __init__(
        self, folder: Path, metastore: Metastore, clock: Clock, switches: Switches
    ) -> None:
        self._switches = switches
        self.folder = folder
        self._metastore = metastore
        self._clock = clock
        self._tickets: dict[str, Ticket] = {}
        self._lock = threading.Lock()

    # Which ones there are

    def create(self, name: Name, comment: str | None) -> Volume:
        """Make a volume and its folder."""
        volume = Volume(name, comment)
        with self._metastore.lock:
            self._metastore.volumes[name] = volume
        self._directory(name).mkdir(parents=True, exist_ok=True)
        return volume

    def drop(self, name: Name) -> None:
        """Remove a volume with its files."""
        with self._metastore.lock:
            self._metastore.volumes.pop(name, None)
        shutil.rmtree(self._directory(name), ignore_errors=True)

    def drop_all(self, schema: Name) -> None:
        """Remove the volumes of a schema with their files."""
        for name in [name for name in self._metastore.volumes if name[:2] == schema]:
            self.drop(name)

    def of_path(self, path: str) -> Volume:
        """The volume that a path lies in.

        Raises:
            SqlError: the path is none of a volume, or its volume does not exist.
        """
        parts = normal_path(path).split("/")
        if len(parts) < 5:
            raise SqlError(
                "INVALID_PARAMETER_VALUE",
                f"'{path}' is not a path in a volume: /Volumes/<catalog>/<schema>/<volume>/…",
            )
        return self._metastore.volume((parts[2], parts[3], parts[4]))

    def set_read_only(self, name: str, read_only: bool = True) -> None:
        """Let a volume refuse uploads and removals, or accept them again.

        Args:
            name: `catalog.schema.volume`.
            read_only: whether it refuses.
        """
        self._metastore.volume(tuple(name.split("."))).read_only = read_only

    # Files

    def local(self, path: str) -> Path:
        """The file behind a path in a volume; nothing outside volumes can be named."""
        volume = self.of_path(path)
        rest = normal_path(path).split("/")[5:]
        return self._directory(volume.name).joinpath(*rest)

    def write(self, path: str, content: bytes, *, new: bool = False) -> None:
        """Store a file: all of it or nothing, as object stores do.

        Raises:
            FileExistsError: It shall be a new one, and there is one; of two writers one gets it.
        """
        target = self.local(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        partial.write_bytes(content)
        if not new:
            partial.replace(target)
            return
        try:
            target.hardlink_to(partial)
        finally:
            partial.unlink()

    def modified(self, facts: os.stat_result) -> float:
        """When a file was written, in seconds since 1970, as the storage keeps it."""
        exact = facts.st_mtime
        return float(int(exact)) if self._switches.object_store_volumes else exact

    def page(self, path: str, token: str) -> tuple[list[tuple[str, os.stat_result, bool]], str]:
        """What `files` gives from a token on, and the token of the next page; empty at the end."""
        files = [one for one in self.files(path) if one[0] >= token]
        if not self._switches.object_store_volumes or len(files) <= FILES_A_PAGE:
            return files, ""
        return files[:FILES_A_PAGE], files[FILES_A_PAGE][0]

    def files(self, path: str) -> list[tuple[str, os.stat_result, bool]]:
        """What lies directly below a path: path in the volume, its facts, whether a folder.

        Raises:
            FileNotFoundError: there is nothing at the path.
        """
        folder = self.local(path)
        base = normal_path(path)
        return [
            (f"{base}/{entry.name}", entry.stat(), entry.is_dir())
            for entry in sorted(folder.iterdir())
            if not entry.name.startswith(".")
        ]

    # Signed URLs

    def sign(self, operation: str, path: str, base_url: str) -> str:
        """A URL that allows one kind of operation on one file for a while."""
        key = secrets.token_urlsafe(16)
        ticket = Ticket(operation, normal_path(path), self._clock.now() + SIGNED_URL_SECONDS)
        with self._lock:
            self._tickets[key] = ticket
        return f"{base_url}/staging{urllib.parse.quote(ticket.path)}?signature={key}"

    def ticket(self, key: str, path: str) -> Ticket | None:
        """What a signature allows; None when it is unknown, over, or of another path."""
        ticket = self._tickets.get(key)
        if ticket is None or ticket.path != path or self._clock.now() > ticket.until:
            return None
        return ticket

    def _directory(self, name: Name) -> Path:
        return self.folder.joinpath(*name)


def normal_path(path: str) -> str:
    """A path in a volume without scheme, doubled slashes and a slash at the end.

    Raises:
        SqlError: it leads upwards.
    """
    plain = re.sub(r"/+", "/", path.removeprefix("dbfs:")).rstrip("/")
    if ".." in plain.split("/"):
        raise SqlError("INVALID_PARAMETER_VALUE", f"'{path}' leads out of its volume.")
    parts = plain.split("/")
    if len(parts) >= 5:
        # Catalog, schema and volume are Unity Catalog's names; file names keep their case.
        parts[2:5] = [part.lower() for part in parts[2:5]]
    return "/".join(parts)


def staging_row(operation: str, url: str, local_file: str | None) -> tuple[str, str, str, str]:
    """The row that tells a client to move a file."""
    headers = {"Content-Type": "application/octet-stream"} if operation == "PUT" else {}
    return operation, url, json.dumps(headers), local_file or ""
