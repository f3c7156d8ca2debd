"""Storages of the credential store: a file, or a command that talks to a secret manager.

A storage keeps one small piece of content for one app and can be locked. It knows nothing of
what the content means.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from tap_xero.api.errors import CredentialStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

LOCK_TIMEOUT = 300.0
"""Seconds to wait for another process that renews a token; more than it can take."""

_COMMAND_TIMEOUT = 120


class Storage(Protocol):
    """Keeps the content of one app's credential store.

    Attributes:
        name: For messages: which storage it is.
    """

    name: str

    def read(self) -> bytes | None:
        """The content, or None when there is none yet.

        Raises:
            CredentialStoreError: It cannot be told.
        """

    def write(self, content: bytes) -> None:
        """Replace the content. When this returns, it cannot get lost.

        Raises:
            CredentialStoreError: It was not replaced.
        """

    def lock(self) -> AbstractContextManager[None]:
        """Keep every other process out; not to be taken twice."""


class FileStorage:
    """A file of this machine, readable by its owner alone.

    A symbolic link stays one: what it leads to is read, locked and replaced.
    """

    def __init__(self, path: Path) -> None:
        """Use a file that need not exist yet."""
        self.path = path
        self.name = str(path)

    def read(self) -> bytes | None:
        """The content, or None when there is no file.

        Raises:
            CredentialStoreError: The file cannot be read.
        """
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed("read", error) from error

    def write(self, content: bytes) -> None:
        """Replace the file durably.

        Raises:
            CredentialStoreError: It could not be written; the old one is still there.
        """
        try:
            write_durably(self.path, content)
        except OSError as error:
            raise self._failed("written", error) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock a file beside the store.

        Raises:
            CredentialStoreError: Another process does not let go, or no lock can be made.
        """
        target = _target(self.path)
        with locked(target.with_name(f"{target.name}.lock"), self.name):
            yield

    def _failed(self, verb: str, error: OSError) -> CredentialStoreError:
        return CredentialStoreError(
            f"The credential store {self.name} cannot be {verb} ({error.strerror}): repair its "
            "permissions, or set credential_store to a file that can be."
        )


class CommandStorage:
    """A command of the user's, which keeps the content wherever it likes.

    It is run with `read` or `write` added to its arguments. `read` prints the content, or
    nothing when there is none; `write` gets it on standard input. Content never appears
    among arguments, which every user of a machine can see. The lock is one of this machine.
    """

    def __init__(self, command: str, lock_file: Path) -> None:
        """Use a command line, split as a shell would, but run without one."""
        self.name = f"behind `{command}`"
        self._command = shlex.split(command)
        self._lock_file = lock_file

    def read(self) -> bytes | None:
        """What the command prints.

        Raises:
            CredentialStoreError: It failed.
        """
        return self._run("read", None).strip() or None

    def write(self, content: bytes) -> None:
        """Hand the content to the command.

        Raises:
            CredentialStoreError: It failed.
        """
        self._run("write", content)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock a file of this machine.

        Raises:
            CredentialStoreError: Another process does not let go, or no lock can be made.
        """
        with locked(self._lock_file, self.name):
            yield

    def _run(self, verb: str, content: bytes | None) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 (the user's own command)
                [*self._command, verb],
                input=content if content is not None else b"",
                stdout=subprocess.PIPE,
                check=False,
                timeout=_COMMAND_TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed(verb, type(error).__name__) from error
        if done.returncode:
            raise self._failed(verb, f"exit code {done.returncode}")
        return done.stdout

    def _failed(self, verb: str, how: str) -> CredentialStoreError:
        return CredentialStoreError(
            f"Setting credential_store_command: `{shlex.join([*self._command, verb])}` failed "
            f"({how}); what it said is above."
        )


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file; the operating system lets go of it when the process ends.

    Args:
        path: The lock file.
        what: What it protects, for the message.

    Raises:
        CredentialStoreError: Another process does not let go, or no lock can be made.
    """
    lock = FileLock(path, timeout=LOCK_TIMEOUT, mode=0o600)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire()
    except Timeout as error:
        raise CredentialStoreError(
            f"Another process has held the credential store {what} for {LOCK_TIMEOUT:.0f} "
            "seconds: see which tap-xero hangs, and stop it."
        ) from error
    except OSError as error:
        raise CredentialStoreError(
            f"The credential store {what} cannot be locked ({error.strerror}): set "
            "credential_store to a file in a folder that can be written to."
        ) from error
    try:
        yield
    finally:
        lock.release()


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that a crash leaves the old content or the new, never half.

    When this returns, the content is on the disk. The file can be read by its owner alone.
    Where the path is a symbolic link, what it leads to is replaced. Writers of the same file must
    hold the same lock.

    Raises:
        OSError: It could not be written; the old content is still there.
    """
    path = _target(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _target(path: Path) -> Path:
    """The file that a path leads to, whether there is one already or not."""
    return Path(os.path.realpath(path))
