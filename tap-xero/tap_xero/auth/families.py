"""The stores of an app whose settings name none: one for each family of tokens.

A family is a consent with all the tokens that came from it, one after the other. The first one of
an app has the app's file; a refresh token of the config that is not its ancestor gets a file of its
own beside it, so that two pipelines of one app neither read each other's books nor lose each
other's tokens.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_xero.api.errors import CredentialStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_xero.auth.store import SealedStore
    from tap_xero.auth.stored_tokens import Kept


class FamilyStore:
    """The store of the family that a refresh token of the config began."""

    def __init__(self, first: SealedStore, own: Callable[[], SealedStore], seed: str) -> None:
        """Prepare; nothing is read yet.

        Args:
            first: The app's store.
            own: Makes the store that is named by the refresh token; the key is needed for that.
            seed: The refresh token.
        """
        self._first = first
        self._own = own
        self._seed = seed
        self._chosen: SealedStore | None = None

    @property
    def name(self) -> str:
        """Where it is, for messages."""
        return (self._chosen or self._first).name

    @property
    def beside(self) -> str:
        """Where another family of the app is, if that is why this one has a store of its own."""
        return "" if self._chosen in (None, self._first) else self._first.name

    def load(self) -> Kept | None:
        """The latest tokens, or None when there are none.

        Raises:
            CredentialStoreError: See `SealedStore.load`.
        """
        if self._chosen is None:
            with self._first.lock():
                self._chosen = self._choose()
        return self._chosen.load()

    def save(self, kept: Kept) -> None:
        """Keep new tokens; called while the store is locked.

        Raises:
            CredentialStoreError: They were not kept; the old ones are still there.
        """
        (self._chosen or self._first).save(kept)

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

    def _choose(self) -> SealedStore:
        own = self._own()
        if own.exists():
            return own
        try:
            kept = self._first.load()
        except CredentialStoreError:
            # Whoever reads it is told what is wrong with it.
            return self._first
        return self._first if kept is None or kept.is_of(self._seed) else own
