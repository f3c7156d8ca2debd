"""Figures for node_exporter's textfile collector, read back with Prometheus' own parser."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tap_xero import textfile
from tap_xero.api.client import Tenant
from tap_xero.sync.usage_report import NOT_DUE, UsageReport

HERE = Tenant("t-1", 'Harakeke "Trading" Limited')


def run_of(**streams):
    """A run that read these streams, each with why it was not read, if it was not."""
    report = UsageReport()
    for stream, skipped in streams.items():
        entry = report.entry(HERE, stream)
        entry.rows, entry.skipped = 3, skipped
        entry.usage.count_call()
        entry.usage.count_answer(100, "4990")
    return SimpleNamespace(report=report, begun=time.time() - 5, unfinished={})


def figures(path):
    return {
        (sample.name, sample.labels.get("stream", "")): (sample.value, sample.labels)
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "collector" / "xero.prom"


def test_a_run_is_told_with_its_rows_calls_bytes_and_what_is_left_of_the_day(path):
    textfile.write({"metrics_path": str(path)}, run_of(invoices=""), print, failed=False)
    found = figures(path)
    assert found["tap_xero_last_run_failed", ""][0] == 0
    assert 0 <= time.time() - found["tap_xero_last_run_timestamp_seconds", ""][0] < 60
    assert found["tap_xero_last_run_duration_seconds", ""][0] == pytest.approx(5, abs=5)
    value, labels = found["tap_xero_rows", "invoices"]
    assert (value, labels["organisation"]) == (3, HERE.name)
    assert found["tap_xero_calls", "invoices"][0] == 1
    assert found["tap_xero_bytes", "invoices"][0] == 100
    assert found["tap_xero_calls_left", ""][0] == 4990


def test_when_a_stream_was_read_to_its_end_stays_until_it_is_again(path):
    config = {"metrics_path": str(path)}
    first = run_of(invoices="", contacts="")
    textfile.write(config, first, print, failed=False)
    second = run_of(invoices="no answer", contacts=NOT_DUE, payments="")
    second.unfinished = {(HERE.name, "payments"): "rows kept moving"}
    textfile.write(config, second, print, failed=True)
    found = figures(path)
    assert found["tap_xero_last_run_failed", ""][0] == 1
    for stream in ("invoices", "contacts"):
        assert found[textfile.COMPLETE, stream][0] == pytest.approx(first.begun)
    assert (textfile.COMPLETE, "payments") not in found
    third = run_of(invoices="")
    textfile.write(config, third, print, failed=False)
    assert figures(path)[textfile.COMPLETE, "invoices"][0] == pytest.approx(third.begun)


def test_a_file_that_cannot_be_read_or_written_is_a_line(path, tmp_path):
    warnings = []
    path.parent.mkdir()
    path.write_text("no { metrics")
    textfile.write({"metrics_path": str(path)}, run_of(invoices=""), warnings.append, failed=False)
    assert warnings == []
    assert figures(path)[textfile.COMPLETE, "invoices"][0] > 0
    (tmp_path / "file").write_text("")
    below = str(tmp_path / "file" / "xero.prom")
    textfile.write({"metrics_path": below}, run_of(invoices=""), warnings.append, failed=False)
    (warning,) = warnings
    assert warning.startswith("metrics_path: ")
    assert list(path.parent.iterdir()) == [path]


def test_without_the_setting_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    textfile.write({}, run_of(invoices=""), print, failed=False)
    assert list(tmp_path.iterdir()) == []


def test_the_tap_writes_the_file(cli, path, make_xero_sandbox, config_of, selecting):
    sandbox = make_xero_sandbox(organisations=1, invoices=2)
    config = config_of(sandbox, metrics_path=str(path))
    done = cli(config=config, catalog=selecting("organisations"))
    assert done.returncode == 0, done.stderr
    assert figures(path)["tap_xero_rows", "organisations"][0] == 1
