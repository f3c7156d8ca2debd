"""Encryption of the credential store: Fernet, and where its key comes from.

The key is, in this order: the setting, a key file beside the store, the operating system's
keyring, a new key file. A setting that is not a Fernet key is a passphrase, stretched with
scrypt, once a run for a store: what is written has the salt of what was read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import json
import os
import secrets
import shlex
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tap_xero import PACKAGE
from tap_xero.api.errors import CredentialStoreError
from tap_xero.auth.storage import write_durably
from tap_xero.auth.stored_tokens import keyed_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SERVICE = "tap-xero"
_VERSION = 2
_NAMING = b"names of stores"
"""Salt under which a passphrase makes the key of digests, which must be the same every time."""


@dataclass(frozen=True)
class Cost:
    """What a try at a passphrase costs, in scrypt's terms; 128 * n * r bytes of memory."""

    n: int
    r: int = 8
    p: int = 1

    @classmethod
    def parse(cls, stated: object) -> Cost:
        """The cost that a store states.

        Raises:
            ValueError: It states none that this program would choose.
        """
        if stated is None:
            return _OLD_COST
        for cost in _COSTS:
            if stated == asdict(cost):
                return cost
        raise ValueError("a cost of no version")


_COST = Cost(2**17)
"""Source: OWASP, Password Storage Cheat Sheet, scrypt."""

_OLD_COST = Cost(2**14)
"""That of stores that state none: of version 1."""

_COSTS = (_COST, _OLD_COST)
"""What a store may state."""


class Encryption(Protocol):
    """Makes content unreadable for others, and readable again."""

    def encrypt(self, content: bytes) -> bytes:
        """The content as it may be stored."""

    def decrypt(self, stored: bytes, where: str) -> bytes:
        """The content again.

        Raises:
            CredentialStoreError: It was stored with another key, or is damaged.
        """


class NoEncryption:
    """For storages that keep secrets by themselves, such as a secret manager."""

    def encrypt(self, content: bytes) -> bytes:
        """The content itself."""
        return content

    def decrypt(self, stored: bytes, where: str) -> bytes:
        """The content itself, unless it was encrypted by somebody else."""
        if stored.startswith(b'{"tap-xero"'):
            raise CredentialStoreError(
                f"The credential store {where} is encrypted: set credential_store_key to the "
                "key it was written with."
            )
        return stored


class FernetEncryption:
    """Encrypts with Fernet (AES-128-CBC and HMAC-SHA256).

    What is stored says, in clear, by which key it was encrypted, so that a wrong key can be
    told from damage.
    """

    def __init__(self, key: Callable[[], str]) -> None:
        """Prepare; the key is asked for when it is first needed."""
        self._source = key
        self._secret: str | None = None
        self._derived: dict[tuple[bytes, Cost], bytes] = {}
        self._salt: bytes | None = None

    def encrypt(self, content: bytes) -> bytes:
        """The content as it may be stored: one line of JSON."""
        if self._salt is None:
            self._salt = b"" if _is_fernet_key(self._key()) else secrets.token_bytes(16)
        key = self._stretched(self._salt, _COST)
        stored = {
            "tap-xero": _VERSION,
            "key": _name(key),
            "salt": base64.b64encode(self._salt).decode(),
            "scrypt": asdict(_COST),
            "data": Fernet(key).encrypt(content).decode(),
        }
        return json.dumps(stored).encode()

    def decrypt(self, stored: bytes, where: str) -> bytes:
        """The content again.

        Raises:
            CredentialStoreError: It was stored with another key, or is damaged.
        """
        try:
            envelope = json.loads(stored)
            salt = base64.b64decode(envelope["salt"])
            named, data = str(envelope["key"]), str(envelope["data"])
            cost = Cost.parse(envelope.get("scrypt"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(where) from error
        key = self._stretched(salt, cost)
        if _name(key) != named:
            raise CredentialStoreError(
                f"The credential store {where} was encrypted with another key. Set "
                "credential_store_key to the one it was written with, or delete the store and "
                "run tap-xero-login again."
            )
        try:
            content = Fernet(key).decrypt(data.encode())
        except InvalidToken as error:
            raise _damaged(where) from error
        if cost == _COST:
            self._salt = salt
        return content

    def digest(self, secret: str) -> str:
        """A name for a secret that gives nothing away to those who have not the key."""
        salt = b"" if _is_fernet_key(self._key()) else _NAMING
        return keyed_digest(secret, self._stretched(salt, _COST))[:16]

    def _key(self) -> str:
        if self._secret is None:
            self._secret = self._source()
        return self._secret

    def _stretched(self, salt: bytes, cost: Cost) -> bytes:
        secret = self._key()
        if not salt and _is_fernet_key(secret):
            return secret.encode()
        if (salt, cost) not in self._derived:
            stretch = Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p)
            derived = base64.urlsafe_b64encode(stretch.derive(secret.encode()))
            self._derived[salt, cost] = derived
        return self._derived[salt, cost]


def machine_key(key_file: Path, warn: Callable[[str], None]) -> str:
    """The key of this machine: of the key file, else of the keyring, made when it is new.

    Call it while the store is locked, so that two processes do not make two keys.

    Args:
        key_file: Where the key is where there is no keyring.
        warn: Told when a key file is made.

    Raises:
        CredentialStoreError: The key file cannot be read, others can read it too, or it holds no
            key.
    """
    try:
        _refuse_if_open(key_file)
        key = key_file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        key = ""
    except OSError as error:
        raise CredentialStoreError(
            f"The key file {key_file} cannot be read ({error.strerror}): repair its permissions "
            "or set credential_store_key."
        ) from error
    else:
        if not _is_fernet_key(key):
            raise CredentialStoreError(
                f"The key file {key_file} holds no key. Restore it, or delete it with the "
                "credential store beside it and run tap-xero-login again."
            )
        return key
    if secret := _from_keyring(str(key_file)):
        return secret
    key = Fernet.generate_key().decode()
    write_durably(key_file, key.encode())
    warn(
        f"The key of the credential store is kept in {key_file}, readable by you alone. "
        "Whoever copies both can read your tokens: set credential_store_key, or install "
        f"{PACKAGE}[keyring] where the machine has a keyring."
    )
    return key


def _refuse_if_open(key_file: Path) -> None:
    """See that nobody else can read a key file, as ssh does: where it is this user's.

    Source: OpenSSH, `sshkey_perm_ok` in authfile.c; a file of root's, as containers mount secrets,
    is as whoever mounted it wants it.

    Raises:
        CredentialStoreError: Others can.
        OSError: There is none.
    """
    status = key_file.stat()
    mode = stat.S_IMODE(status.st_mode)
    if os.name != "nt" and status.st_uid == os.getuid() and mode & 0o077:
        raise CredentialStoreError(
            f"The key file {key_file} can be read by others (its mode is {mode:04o}), so it is not "
            f"used. If nobody has read it: chmod 600 {shlex.quote(str(key_file))}. Otherwise "
            "delete it with the credential store beside it and run tap-xero-login again."
        )


def _from_keyring(name: str) -> str | None:
    """The key in the operating system's keyring, made when it is new; None without one."""
    try:
        keyring: Any = importlib.import_module("keyring")
        problem: Any = importlib.import_module("keyring.errors").KeyringError
    except ImportError:
        return None
    try:
        key: str | None = keyring.get_password(_SERVICE, name)
        if not key:
            key = Fernet.generate_key().decode()
            keyring.set_password(_SERVICE, name, key)
    except problem:
        return None
    return key if _is_fernet_key(key) else None


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _name(key: bytes) -> str:
    """Tells keys apart without giving them away."""
    return hashlib.sha256(b"tap-xero key " + key).hexdigest()[:16]


def _damaged(where: str) -> CredentialStoreError:
    return CredentialStoreError(
        f"The credential store {where} is damaged: restore it from a backup that is less than "
        "30 minutes old, or delete it and run tap-xero-login again."
    )
