"""Whether a delivery is Xero's: HMAC-SHA256 over the raw body, with any of the signing keys.

Source: Xero, Configuring your server (header `x-xero-signature`, base64, the key's characters as
they stand in the Developer portal).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

HEADER = b"x-xero-signature"
"""Name of the header that carries the signature."""


@dataclass(frozen=True)
class SigningKeys:
    """The keys that count; two while one replaces the other.

    Attributes:
        keys: At least one, none of them empty.
    """

    keys: tuple[bytes, ...]

    @classmethod
    def parse(cls, text: str) -> SigningKeys:
        """Keys from a setting.

        Args:
            text: Keys separated by commas or spaces.

        Raises:
            ValueError: There is none.
        """
        keys = tuple(part.encode() for part in text.replace(",", " ").split())
        if not keys:
            raise ValueError("no signing key")
        return cls(keys)

    def __repr__(self) -> str:
        return f"SigningKeys({len(self.keys)})"

    def signed(self, body: bytes, signatures: list[bytes]) -> bool:
        """Whether a body carries exactly one signature and it is that of one of the keys.

        Takes the same time whichever key it is, and wherever a wrong signature differs.

        Args:
            body: The body as it came.
            signatures: The values of the signature header.
        """
        if len(signatures) != 1:
            return False
        matches = [
            hmac.compare_digest(base64.b64encode(hmac.digest(key, body, hashlib.sha256)), given)
            for key in self.keys
            for given in signatures
        ]
        return any(matches)
