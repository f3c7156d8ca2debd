"""A Xero of two small organisations, the tables loaded from it, and the target between them."""

from __future__ import annotations

import shutil

import pytest
from tap_xero.api import limits
from tap_xero.auth import encryption
from tap_xero.tap import TapXero
from way_back import LOADED, START, Way, load
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.setattr("tap_xero.auth.encryption._COST", encryption._OLD_COST)
    made = limits.Allowance(minute=100_000, app_minute=1_000_000)
    monkeypatch.setattr("tap_xero.api.limits.XERO", made)
    return folder


@pytest.fixture(scope="session")
def catalog():
    made = TapXero(config={}, validate_config=False).catalog_dict
    chosen = [each for each in made["streams"] if each["tap_stream_id"] in LOADED]
    for entry in chosen:
        for each in entry["metadata"]:
            if not each["breadcrumb"]:
                each["metadata"]["selected"] = True
    return {"streams": chosen}


@pytest.fixture(scope="session")
def loaded_once(tmp_path_factory, catalog):
    """The tables of two small organisations, as every such sandbox has them."""
    folder = tmp_path_factory.mktemp("loaded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        with Sandbox(organisations=2, invoices=20, clock=ManualClock(START)) as xero:
            load(xero, folder, catalog)
    return folder


@pytest.fixture
def way(tmp_path, loaded_once, catalog):
    folder = tmp_path / "lakehouse"
    shutil.copytree(loaded_once, folder)
    with Sandbox(organisations=2, invoices=20, clock=ManualClock(START)) as xero:
        yield Way(xero, folder, catalog)
