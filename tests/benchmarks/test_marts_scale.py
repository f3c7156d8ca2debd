"""The marts of a million lines of invoices, on both engines: all at once, and a month later.

    uv run --group test pytest -n 0 -m benchmark -s tests/benchmarks/test_marts_scale.py

LINES sets how many (default 1,000,000). DBT is the path of a dbt with dbt-duckdb; without it uv
makes an environment as Meltano would.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from databricks import sql
from many_documents import multiply
from measuring import Cost, installed, run, show
from served_warehouse import Warehouse
from xero_sandbox.clock import ManualClock
from xero_sandbox.sandbox import Sandbox

LINES = int(os.environ.get("LINES", "1000000"))
ROOT = Path(__file__).parents[2]
SLOWEST = 5

PROFILE = """
xero_marts:
  target: warehouse
  outputs:
    warehouse:
      type: databricks
      host: "{{ env_var('MARTS_HOST') }}"
      http_path: "{{ env_var('MARTS_HTTP_PATH') }}"
      catalog: "{{ env_var('MARTS_CATALOG') }}"
      schema: marts
      token: "{{ env_var('DBT_ENV_SECRET_MARTS_TOKEN') }}"
      threads: 2
      connection_parameters:
        _connection_uri: "{{ env_var('MARTS_URI') }}"
        _tls_trusted_ca_file: "{{ env_var('REQUESTS_CA_BUNDLE') }}"
        enable_telemetry: false
"""

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


def _dbt(engine: str, root: Path) -> list[str]:
    """The command of dbt."""
    if "DBT" in os.environ:
        return [os.environ["DBT"]]
    definition = ROOT / "plugins" / "utilities" / f"dbt-{engine}.yml"
    pins = yaml.safe_load(definition.read_text(encoding="utf-8"))["pip_url"].split()[1:]
    run(["uv", "venv", "--no-config", "-q", root / "dbt"])
    python = str(root / "dbt" / "bin" / "python")
    run(["uv", "pip", "install", "--no-config", "-q", "--python", python, *pins])
    return [str(root / "dbt" / "bin" / "dbt")]


@contextmanager
def _on_duckdb(root: Path) -> Iterator[dict[str, str]]:
    marts = ROOT / "plugins" / "marts"
    yield {
        "DBT_PROFILES_DIR": str(marts),
        "MARTS_MODULES": str(marts / "duckdb"),
        "MARTS_LAKEHOUSE": str(root / "large"),
        "MARTS_DATABASE": str(root / "books.duckdb"),
    }


@contextmanager
def _on_databricks(root: Path) -> Iterator[dict[str, str]]:
    """The folder's tables, shown to a warehouse where they are."""
    (root / "profiles.yml").write_text(PROFILE, encoding="utf-8")
    with Warehouse(memory="8g") as served:
        reach = served.details
        uri = reach["url"] + reach["http_path"]
        arguments = {"access_token": reach["access_token"], "_connection_uri": uri}
        with (
            sql.connect(server_hostname=reach["url"], http_path=reach["http_path"], **arguments)
            as connection,
            connection.cursor() as cursor,
        ):  # fmt: skip
            cursor.execute("CREATE SCHEMA main.xero")
            for table in sorted((root / "large" / "xero").iterdir()):
                cursor.execute(
                    f"CREATE TABLE main.xero.{table.name} USING DELTA LOCATION 'file:{table}'"
                )
        yield {
            "DBT_PROFILES_DIR": str(root),
            "REQUESTS_CA_BUNDLE": reach["ca_file"],
            "MARTS_HOST": reach["tls_url"].removeprefix("https://"),
            "MARTS_HTTP_PATH": reach["http_path"],
            "MARTS_URI": reach["tls_url"] + reach["http_path"],
            "MARTS_CATALOG": "main",
            "DBT_ENV_SECRET_MARTS_TOKEN": reach["access_token"],
        }


ENGINES = {"duckdb": _on_duckdb, "databricks": _on_databricks}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_million_lines_of_invoices(engine: str, tmp_path: Path) -> None:
    lines = multiply(_small(tmp_path), tmp_path / "large" / "xero", LINES)
    settings = {
        "DBT_PROJECT_DIR": str(ROOT / "plugins" / "marts"),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
    }
    dbt = _dbt(engine, tmp_path)

    def built(as_of: str) -> tuple[Cost, dict[str, float]]:
        cost = run([*dbt, "run"], **settings, MARTS_AS_OF=as_of)
        results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
        return cost, {each["unique_id"].split(".")[-1]: each["execution_time"] for each in results}

    with ENGINES[engine](tmp_path) as of_engine:
        settings |= of_engine
        first, each = built("2026-02-02")
        later, again = built("2026-03-02")
    slowest = sorted(each, key=lambda name: -each[name])[:SLOWEST]
    show(
        f"marts of {lines:,} lines of invoices, {engine}",
        [
            ("all, for the first time", _figure(first)),
            ("all, a month later", _figure(later)),
            *((f"  {name}", f"{each[name]:.0f} s, then {again[name]:.0f} s") for name in slowest),
        ],
    )
    features = "customer_month_features"
    assert again[features] < each[features]


def _figure(cost: Cost) -> str:
    """CPU seconds and memory are those of dbt, so DuckDB's and not Spark's."""
    return f"{cost.seconds:.0f} s, {cost.cpu:.0f} CPU s, {cost.peak:.0f} MiB"
