"""The SDK's own tests of a tap."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from singer_sdk.testing import get_tap_test_class
from singer_sdk.testing.runners import SingerTestRunner
from tap_xero.tap import TapXero


class ExactFloat(float):
    """A float, as the harness expects, that divides exactly as a decimal does.

    No float is a multiple of 0.0001; SDK targets read decimals, for which it works.
    """

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __mod__(self, other):
        return Decimal(self.text) % other


@pytest.fixture(scope="module", autouse=True)
def _numbers_divide_as_they_do_in_sdk_targets():
    def read(text):
        return [json.loads(line, parse_float=ExactFloat) for line in text.splitlines()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SingerTestRunner, "_clean_sync_output", staticmethod(read))
        yield


# The harness warns of every field that sixty invoices leave empty; schemas have tests of their own.
pytestmark = pytest.mark.filterwarnings("ignore:Fields in transformed catalog:UserWarning")

TestTapXero = get_tap_test_class(TapXero, config={"sandbox": {"organisations": 1, "invoices": 60}})
