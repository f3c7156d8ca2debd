"""A sandbox that is told to end while it writes a document ends, and says nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from xero_sandbox import wire


def test_an_interruption_in_the_middle_of_a_document_is_one(monkeypatch):
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wire, "_plain", interrupted)
    with pytest.raises(KeyboardInterrupt):
        wire.encode({"Total": Decimal("1.00")})


def test_what_cannot_be_written_is_still_an_error():
    with pytest.raises(TypeError):
        wire.encode({"Total": object()})
