"""An unmodified dbt with dbt-databricks builds a project on the sandbox.

dbt's dependencies do not fit beside this project's, so uv makes an environment of their own; that
downloads, hence the marker. `uv run --group test pytest -m stress tests/databricks_sandbox`
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

_DBT = ("--from", "dbt-core==1.11.16", "--with", "dbt-databricks==1.12.7", "dbt")

_PROJECT = {
    "dbt_project.yml": """
name: books
version: "1.0"
config-version: 2
profile: sandbox
""",
    "seeds/invoices.csv": """id,contact,amount,day
1,Ridgeway,10.50,2026-01-02
2,Hamilton Smith,20.00,2026-01-03
3,Ridgeway,5.25,2026-01-04
""",
    "models/totals.sql": """
{{ config(materialized='table') }}
select contact, sum(amount) as total from {{ ref('invoices') }} group by contact
""",
    "models/recent.sql": """
{{ config(materialized='view') }}
select * from {{ ref('invoices') }} where day >= date'2026-01-03'
""",
    "models/ledger.sql": """
{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }}
select id, contact, amount, day from {{ ref('invoices') }}
""",
    "models/schema.yml": """
version: 2
models:
  - name: totals
    description: One row a contact.
    config: {persist_docs: {relation: true, columns: true}}
    columns:
      - name: contact
        description: Name of the contact.
        data_tests: [unique, not_null]
  - name: ledger
    columns:
      - name: id
        data_tests: [unique]
""",
}


@pytest.fixture
def dbt(databricks_sandbox, tmp_path) -> Callable[..., str]:
    """Runs dbt on a project whose schema does not exist yet; answers what it printed."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv to make an environment for dbt")
    sandbox = databricks_sandbox
    # dbt asks the port of its host for more than SQL, so the host has the port in it.
    output = {
        "type": "databricks",
        "host": f"127.0.0.1:{sandbox.port}",
        "http_path": sandbox.http_path,
        "token": sandbox.admin.access_token,
        "catalog": sandbox.catalog,
        "schema": "dbt_books",
        "threads": 2,
        "connection_parameters": {
            "_connection_uri": sandbox.tls_url + sandbox.http_path,
            "_tls_trusted_ca_file": str(sandbox.ca_file),
            "enable_telemetry": False,
        },
    }
    profiles = {"sandbox": {"target": "test", "outputs": {"test": output}}}
    (tmp_path / "profiles.yml").write_text(json.dumps(profiles))
    for name, text in _PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.lstrip())
    environment = {
        **os.environ,
        "REQUESTS_CA_BUNDLE": str(sandbox.ca_file),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [uv, "tool", "run", *_DBT, "--no-use-colors", *arguments, "--profiles-dir", "."],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # The certificate of the sandbox is none to download with.
    subprocess.run([uv, "tool", "run", *_DBT, "--version"], capture_output=True, check=True)
    return run


@pytest.mark.stress
@pytest.mark.timeout(900)
def test_dbt_builds_tests_merges_and_documents(dbt, databricks_sandbox):
    assert "PASS=7 WARN=0 ERROR=0 SKIP=0" in dbt("build")
    totals = databricks_sandbox.sql("SELECT * FROM main.dbt_books.totals ORDER BY contact")
    assert totals == [
        {"contact": "Hamilton Smith", "total": 20.0},
        {"contact": "Ridgeway", "total": 15.75},
    ]
    described = databricks_sandbox.sql(
        "SELECT comment FROM main.information_schema.columns "
        "WHERE table_name = 'totals' AND column_name = 'contact'"
    )
    assert described == [{"comment": "Name of the contact."}]
    # The second run finds the incremental model's table and merges into it.
    assert "PASS=3 WARN=0 ERROR=0 SKIP=0" in dbt("run")
    assert "Catalog written to" in dbt("docs", "generate")
    merges = [s for s in databricks_sandbox.log.statements if "when matched" in s.text.lower()]
    assert [merge.modified_rows for merge in merges] == [3]
    assert databricks_sandbox.sql("SELECT count(*) AS n FROM main.dbt_books.ledger") == [{"n": 3}]
    databricks_sandbox.sql("DROP SCHEMA main.dbt_books CASCADE")
