"""The SDK's own tests of a tap."""

from __future__ import annotations

import pytest
from singer_sdk.singerlib.json import deserialize_json
from singer_sdk.testing import get_tap_test_class
from singer_sdk.testing.runners import SingerTestRunner
from tap_xero.tap import TapXero


@pytest.fixture(scope="module", autouse=True)
def _numbers_are_read_as_sdk_targets_read_them():
    """As decimals: the harness reads floats, and no float is a multiple of 0.0001."""

    def read(text):
        return [deserialize_json(line) for line in text.splitlines()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SingerTestRunner, "_clean_sync_output", staticmethod(read))
        yield


TestTapXero = get_tap_test_class(TapXero, config={"sandbox": {"organisations": 1, "invoices": 60}})
