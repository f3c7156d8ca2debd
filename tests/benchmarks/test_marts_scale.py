"""The marts of a lakehouse folder with a million lines of invoices: all at once, and a month later.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_marts_scale.py

LINES sets how many (default 1,000,000). DBT is the path of a dbt with dbt-duckdb; without it uv
makes an environment as Meltano would.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from many_documents import multiply
from measuring import Cost, installed, run, show
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

LINES = int(os.environ.get("LINES", "1000000"))
ROOT = Path(__file__).parents[2]
SLOWEST = 5

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(5400)]


def _small(root: Path) -> Path:
    """A lakehouse of two organisations, as tap and target make it."""
    clock = ManualClock(datetime(2026, 2, 2, 9, 0, tzinfo=UTC))
    with Sandbox(organisations=2, invoices=120, clock=clock, machine_reaches_all=True) as xero:
        tap, target = root / "tap.json", root / "target.json"
        access = {"client_id": xero.client_id, "client_secret": xero.client_secret}
        urls = {"api_url": xero.url, "identity_url": xero.url}
        tap.write_text(json.dumps(urls | access))
        folder = {"lakehouse_path": str(root / "small"), "default_target_schema": "xero"}
        target.write_text(json.dumps(folder))
        command = (
            f"{installed('tap-xero')} --config {tap} | "
            f"{installed('target-databricks')} --config {target}"
        )
        run(["bash", "-o", "pipefail", "-c", command], XDG_STATE_HOME=str(root / "state"))
    return root / "small" / "xero"


def _dbt(root: Path) -> list[str]:
    """The command of dbt."""
    if "DBT" in os.environ:
        return [os.environ["DBT"]]
    definition = ROOT / "plugins" / "utilities" / "dbt-duckdb.yml"
    pins = yaml.safe_load(definition.read_text(encoding="utf-8"))["pip_url"].split()[1:]
    run(["uv", "venv", "--no-config", "-q", root / "dbt"])
    python = str(root / "dbt" / "bin" / "python")
    run(["uv", "pip", "install", "--no-config", "-q", "--python", python, *pins])
    return [str(root / "dbt" / "bin" / "dbt")]


def test_a_million_lines_of_invoices(tmp_path: Path) -> None:
    lines = multiply(_small(tmp_path), tmp_path / "large" / "xero", LINES)
    marts = ROOT / "plugins" / "marts"
    settings = {
        "DBT_PROJECT_DIR": str(marts),
        "DBT_PROFILES_DIR": str(marts),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "MARTS_MODULES": str(marts / "duckdb"),
        "MARTS_LAKEHOUSE": str(tmp_path / "large"),
        "MARTS_DATABASE": str(tmp_path / "books.duckdb"),
    }
    dbt = _dbt(tmp_path)

    def built(as_of: str) -> tuple[Cost, dict[str, float]]:
        cost = run([*dbt, "run"], **settings, MARTS_AS_OF=as_of)
        results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
        return cost, {each["unique_id"].split(".")[-1]: each["execution_time"] for each in results}

    first, each = built("2026-02-02")
    later, again = built("2026-03-02")
    slowest = sorted(each, key=lambda name: -each[name])[:SLOWEST]
    show(
        f"marts of {lines:,} lines of invoices",
        [
            ("all, for the first time", _figure(first)),
            ("all, a month later", _figure(later)),
            *((f"  {name}", f"{each[name]:.0f} s, then {again[name]:.0f} s") for name in slowest),
        ],
    )
    features = "customer_month_features"
    assert again[features] < each[features]


def _figure(cost: Cost) -> str:
    return f"{cost.seconds:.0f} s, {cost.cpu:.0f} CPU s, {cost.peak:.0f} MiB"
