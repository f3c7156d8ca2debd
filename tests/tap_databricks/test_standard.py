"""The SDK's own tests of a tap, over tables with every type."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from lakes import FEED, Lake
from singer_sdk.testing import get_tap_test_class
from tap_databricks.tap import TapDatabricks
from test_types import table

FOLDER = tempfile.TemporaryDirectory(prefix="tap-databricks-")
LAKE = Lake(Path(FOLDER.name))
for name in ("whole", "grown", "logged"):
    LAKE.write(name, table(), configuration=FEED)

# The second row is null in all columns, and the harness looks at a few records only.
pytestmark = pytest.mark.filterwarnings("ignore:Fields in transformed catalog:UserWarning")

STREAMS = {
    "*": {"key_properties": ["id"]},
    "grown": {"replication_key": "id"},
    "logged": {"replication_method": "LOG_BASED"},
}

TestTapDatabricks = get_tap_test_class(TapDatabricks, config=LAKE.config(streams=STREAMS))
