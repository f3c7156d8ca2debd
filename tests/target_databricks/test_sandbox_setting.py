"""The setting `sandbox`: a warehouse on this machine for the length of a run."""

from __future__ import annotations

import importlib.util

import pytest
from target_databricks.destinations import destination_of
from target_databricks.errors import ConfigurationError
from target_databricks.sandbox import SandboxProcess, with_sandbox


def test_whatever_else_says_where_to_load_does_not_count():
    elsewhere = {"lakehouse_path": "output", "server_hostname": "a.example", "sandbox": {}}
    assert destination_of(elsewhere) == "warehouse"


def test_settings_without_a_sandbox_are_as_they_were():
    assert with_sandbox({"lakehouse_path": "output"}) == {"lakehouse_path": "output"}


def test_a_sandbox_that_is_not_installed_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"xero-to-databricks-target-databricks\[sandbox"):
        with_sandbox({"sandbox": {}, "catalog": "main"})


def test_a_sandbox_that_does_not_start_says_why(tmp_path, capfd):
    (tmp_path / "file").touch()
    process = SandboxProcess({"folder": str(tmp_path / "file")}, "main")
    with pytest.raises(ConfigurationError, match="did not start; what it said is above"):
        _ = process.settings
    assert str(tmp_path / "file") in capfd.readouterr().err
