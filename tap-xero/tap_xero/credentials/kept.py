"""What the credential store keeps for one app, and how that is written down."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields

LIFETIME = 60 * 86_400
"""Seconds a refresh token lives after its last use. Source: Xero, OAuth 2.0 FAQ."""


@dataclass(frozen=True)
class Kept:
    """The tokens of one app.

    Attributes:
        client_id: The app they belong to.
        refresh_token: The latest refresh token.
        access_token: The access token that came with it; empty when there is none.
        expires: When that one ends, in seconds since 1970.
        renewed: When the refresh token was issued, in seconds since 1970; 0 if unknown.
        scopes: What was granted, as far as Xero said.
        seeds: Fingerprints of the refresh tokens of the config that were taken over; each
            is used once, because Xero replaces it at its first use.
    """

    client_id: str
    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    expires: float = 0.0
    renewed: float = 0.0
    scopes: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()

    def dump(self) -> bytes:
        """As JSON; holds secrets in clear."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, content: bytes) -> Kept:
        """The opposite of `dump`; properties of other versions are left aside.

        Raises:
            ValueError: The content is something else.
        """
        told = json.loads(content)
        if not isinstance(told, dict):
            raise ValueError("not an object")  # noqa: TRY004 (callers ask for one kind)
        try:
            known = {each.name: told[each.name] for each in fields(cls) if each.name in told}
            for name in ("scopes", "seeds"):
                known[name] = tuple(map(str, known.get(name, ())))
            for name in ("client_id", "refresh_token", "access_token"):
                known[name] = str(known.get(name, ""))
            for name in ("expires", "renewed"):
                known[name] = float(known.get(name, 0))
        except TypeError as error:
            raise ValueError(str(error)) from error
        return cls(**known)


def fingerprint(secret: str) -> str:
    """Recognises a secret without holding it; for secrets too long to be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]
