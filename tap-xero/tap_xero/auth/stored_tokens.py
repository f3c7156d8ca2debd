"""What the credential store keeps for one app, and how that is written down."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field, fields, replace

LIFETIME = 60 * 86_400
"""Seconds a refresh token lives after its last use. Source: Xero, OAuth 2.0 FAQ."""


@dataclass(frozen=True)
class StoredTokens:
    """The tokens of one app.

    Attributes:
        client_id: The app they belong to.
        refresh_token: The latest refresh token.
        access_token: The access token that came with it; empty when there is none.
        expires: When that one ends, in seconds since 1970.
        renewed: When the refresh token was issued, in seconds since 1970; 0 if unknown.
        scopes: What was granted, as far as Xero said.
        seeds: In a store of before `ancestors` were kept, fingerprints of refresh tokens of the
            config that were used with it, the latest last; empty from then on.
        ancestors: Keyed digests of the refresh tokens of the config that stand for these
            tokens: the one they come from, or the one that was set when somebody signed in.
    """

    client_id: str
    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    expires: float = 0.0
    renewed: float = 0.0
    scopes: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()

    def is_of(self, seed: str) -> bool:
        """Whether a refresh token of the config stands for these tokens."""
        if hmac.compare_digest(seed.encode(), self.refresh_token.encode()):
            return True
        return self._records(seed) or (
            not self.ancestors and self.seeds[-1:] == (fingerprint(seed),)
        )

    def recording(self, seed: str) -> StoredTokens:
        """The same tokens, with a refresh token of the config on record that stands for them."""
        if self._records(seed):
            return self
        key = secrets.token_bytes(16)
        record = f"{key.hex()}:{keyed_digest(seed, key)}"
        return replace(self, seeds=(), ancestors=(*self.ancestors, record))

    def _records(self, seed: str) -> bool:
        return any(
            hmac.compare_digest(keyed_digest(seed, bytes.fromhex(key)), digest)
            for key, _, digest in (each.partition(":") for each in self.ancestors)
        )

    def dump(self) -> bytes:
        """As JSON; holds secrets in clear."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, content: bytes) -> StoredTokens:
        """The opposite of `dump`; properties of other versions are left aside.

        Raises:
            ValueError: The content is something else.
        """
        parsed = json.loads(content)
        if not isinstance(parsed, dict):
            raise ValueError("not an object")  # noqa: TRY004 (callers ask for one kind)
        try:
            properties = {
                each.name: parsed[each.name] for each in fields(cls) if each.name in parsed
            }
            for name in ("scopes", "seeds", "ancestors"):
                properties[name] = tuple(map(str, properties.get(name, ())))
            for name in ("client_id", "refresh_token", "access_token"):
                properties[name] = str(properties.get(name, ""))
            for name in ("expires", "renewed"):
                properties[name] = float(properties.get(name, 0))
        except TypeError as error:
            raise ValueError(str(error)) from error
        return cls(**properties)


def keyed_digest(secret: str, key: bytes) -> str:
    """Recognises a secret without holding it, for those alone who have the key."""
    return hmac.new(key, b"tap-xero seed " + secret.encode(), hashlib.sha256).hexdigest()


def fingerprint(secret: str) -> str:
    """Recognises a secret without holding it; for secrets too long to be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]
