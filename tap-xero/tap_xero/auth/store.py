"""The credential store: the tokens of one app, encrypted, in a storage, under a lock.

Where the settings name no store, an app has one for each family of tokens. A family is a consent
with all the tokens that came from it, one after the other. The first one of an app has the app's
file; a refresh token of the config that is not its ancestor gets a file of its own beside it, so
that two pipelines of one app neither read each other's books nor lose each other's tokens.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from tap_xero.api.errors import CredentialStoreError
from tap_xero.auth.encryption import FernetEncryption, NoEncryption, machine_key
from tap_xero.auth.places import store_path
from tap_xero.auth.storage import CommandStorage, FileStorage
from tap_xero.auth.stored_tokens import StoredTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tap_xero.auth.encryption import Encryption
    from tap_xero.auth.storage import Storage


class TokenStore(Protocol):
    """Where the tokens of an app are kept between runs."""

    @property
    def name(self) -> str:
        """Where it is, for messages."""

    @property
    def beside(self) -> str:
        """Where tokens of another consent are that this store had to make room for; else empty."""

    def load(self) -> StoredTokens | None:
        """The latest tokens, or None when there are none."""

    def save(self, tokens: StoredTokens) -> None:
        """Keep new tokens. When this returns, they cannot get lost."""

    def lock(self) -> AbstractContextManager[None]:
        """Keep every other process out from reading to writing."""


class MemoryStore:
    """Keeps tokens for the length of a run; for sandboxes, which do not outlive it either."""

    name = "in memory, for the length of the run"
    beside = ""

    def __init__(self) -> None:
        """Start with none."""
        self._tokens: StoredTokens | None = None

    def load(self) -> StoredTokens | None:
        """The latest tokens."""
        return self._tokens

    def save(self, tokens: StoredTokens) -> None:
        """Keep new ones until the process ends."""
        self._tokens = tokens

    def lock(self) -> AbstractContextManager[None]:
        """Nobody else can get at them."""
        return nullcontext()


class EncryptedStore:
    """Tokens of one app, encrypted, in a file or behind a command."""

    beside = ""

    def __init__(self, storage: Storage, encryption: Encryption, client_id: str) -> None:
        """Prepare; nothing is read yet."""
        self._storage = storage
        self._encryption = encryption
        self._client_id = client_id

    @property
    def name(self) -> str:
        """Where it is, for messages."""
        return self._storage.name

    def exists(self) -> bool:
        """Whether there is anything in its storage."""
        return self._storage.read() is not None

    def load(self) -> StoredTokens | None:
        """The latest tokens, or None when there are none.

        Raises:
            CredentialStoreError: They cannot be read, are damaged, were encrypted with
                another key or belong to another app.
        """
        stored = self._storage.read()
        if stored is None:
            return None
        content = self._encryption.decrypt(stored, self.name)
        try:
            tokens = StoredTokens.parse(content)
        except ValueError as error:
            raise CredentialStoreError(
                f"The credential store {self.name} holds something else than tokens: set "
                "credential_store to another file, or delete it and run tap-xero-login again."
            ) from error
        if tokens.client_id != self._client_id:
            raise CredentialStoreError(
                f"The credential store {self.name} belongs to the app with client_id "
                f"{tokens.client_id}, not to {self._client_id}: give each app a store of its own, "
                "or leave credential_store out."
            )
        return tokens

    def save(self, tokens: StoredTokens) -> None:
        """Keep new tokens.

        Raises:
            CredentialStoreError: They were not kept; the old ones are still there.
        """
        self._storage.write(self._encryption.encrypt(tokens.dump()))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process of this machine out.

        Raises:
            CredentialStoreError: Another one does not let go.
        """
        with self._storage.lock():
            yield


class FamilyStore:
    """The store of the family that a refresh token of the config began."""

    def __init__(self, first: EncryptedStore, own: Callable[[], EncryptedStore], seed: str) -> None:
        """Prepare; nothing is read yet.

        Args:
            first: The app's store.
            own: Makes the store that is named by the refresh token; the key is needed for that.
            seed: The refresh token.
        """
        self._first = first
        self._own = own
        self._seed = seed
        self._chosen: EncryptedStore | None = None

    @property
    def name(self) -> str:
        """Where it is, for messages."""
        return (self._chosen or self._first).name

    @property
    def beside(self) -> str:
        """Where another family of the app is, if that is why this one has a store of its own."""
        return "" if self._chosen in (None, self._first) else self._first.name

    def load(self) -> StoredTokens | None:
        """The latest tokens, or None when there are none.

        Raises:
            CredentialStoreError: See `EncryptedStore.load`.
        """
        if self._chosen is None:
            with self._first.lock():
                self._chosen = self._choose()
        return self._chosen.load()

    def save(self, tokens: StoredTokens) -> None:
        """Keep new tokens; called while the store is locked.

        Raises:
            CredentialStoreError: They were not kept; the old ones are still there.
        """
        (self._chosen or self._first).save(tokens)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process of this machine out.

        Of two families that begin at the same time, the one that is first here has the app's file;
        the other sees that it has.

        Raises:
            CredentialStoreError: Another one does not let go.
        """
        with self._first.lock():
            self._chosen = self._choose()
            if self._chosen is self._first:
                yield
                return
        with self._chosen.lock():
            yield

    def _choose(self) -> EncryptedStore:
        own = self._own()
        if own.exists():
            return own
        try:
            tokens = self._first.load()
        except CredentialStoreError:
            # Whoever reads it is told what is wrong with it.
            return self._first
        return self._first if tokens is None or tokens.is_of(self._seed) else own


def seed_of(config: Mapping[str, Any]) -> str | None:
    """The refresh token of the settings, without what pasting may have added; None without one."""
    return (config.get("refresh_token") or "").strip() or None


def open_store(config: Mapping[str, Any], warn: Callable[[str], None]) -> TokenStore:
    """The store that the settings ask for.

    Where they name none, each family of tokens has one, see `FamilyStore`. A secret manager behind
    a command keeps its own secrets, so what it gets is only encrypted when there is a key for it.

    Args:
        config: The tap's settings.
        warn: Told when a key file had to be made.
    """
    path, client_id, seed = store_path(config), str(config.get("client_id")), seed_of(config)
    key: str | None = config.get("credential_store_key")
    command = config.get("credential_store_command")
    if command:
        lock_file = path.with_name(f"{path.name}.lock")
        encryption: Encryption = FernetEncryption(lambda: key) if key else NoEncryption()
        return EncryptedStore(CommandStorage(command, lock_file), encryption, client_id)
    key_file = path.with_name(f"{path.name}.key")
    encryption = FernetEncryption(lambda: key or machine_key(key_file, warn))
    store = EncryptedStore(FileStorage(path), encryption, client_id)
    if config.get("credential_store") or seed is None:
        return store

    def own() -> EncryptedStore:
        file = path.with_name(f"{path.stem}-{encryption.digest(seed)}{path.suffix}")
        return EncryptedStore(FileStorage(file), encryption, client_id)

    return FamilyStore(store, own, seed)
