"""What the documents show to newcomers, typed into a shell in a fresh clone, as it stands.

    just stress tests/end_to_end/test_clone.py

takes a quarter of an hour: uv makes the environment, Meltano those of dbt and of the page.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from clones import Clone
from shown_commands import as_shown

pytestmark = [
    pytest.mark.stress,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("clone"),
]

LOOK = as_shown("""uv run --with duckdb python -c "
import duckdb
from deltalake import DeltaTable
xero = lambda name: DeltaTable(f'output/lakehouse/xero/{name}').to_pyarrow_dataset()
invoices, organisations = xero('invoices'), xero('organisations')
print(duckdb.sql('''
    SELECT o.name, i.type, i.status, i.currency_code, count(*) AS invoices, sum(i.total) AS total
    FROM invoices i JOIN organisations o USING (tenant_id)
    GROUP BY ALL ORDER BY ALL'''))\"""")
PROFIT = as_shown("""uv run --with duckdb python -c "
import duckdb
duckdb.connect('output/books.duckdb', read_only=True).sql('''
    SELECT o.name, section, code, account, amount, year_to_date
    FROM marts.profit_and_loss p JOIN marts.dim_organisation o USING (tenant_id)
    WHERE basis = 'accrual' AND month_end = last_day(current_date - INTERVAL 1 MONTH)
    ORDER BY o.name, position, code''').show(max_rows=100)\"""")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone in which the README's first command has been run."""
    made = Clone(tmp_path_factory.mktemp("clone"))
    printed = made.run(as_shown("pip install uv && uv run meltano run tap-xero target-databricks"))
    assert "The bill of this run:" in printed
    yield made
    assert made.left() == []


def test_the_tables_can_be_looked_at(clone):
    printed = clone.run(LOOK)
    assert "Harakeke Trading Limited" in printed
    assert "ACCREC" in printed


def test_meltanos_tests_say_that_all_is_well_show_nobody_and_leave_nothing_behind(clone):
    """Also `tap-databricks`, whose tables nobody has made yet."""
    printed = clone.run("uv run meltano test --all")
    assert "nothing there: There are no Delta tables in output/lakehouse/xero_writeback" in printed
    assert "invoices: read" in printed
    assert "RECORD" not in printed
    assert "@" not in printed
    assert clone.left() == []


def test_the_demo_is_looked_after(clone):
    assert "calls" in clone.run(as_shown("uv run meltano invoke tap-xero:estimate"))
    health = as_shown("uv run meltano invoke target-databricks:health --hours 26 || notify")
    assert "notified" not in clone.run(f"notify() {{ echo notified; }}; {health}")
    stale = health.replace("26", "0")
    assert "notified" in clone.run(f"notify() {{ echo notified; }}; {stale}")
    staged = clone.run(as_shown("uv run meltano invoke target-databricks:staged list"))
    assert "Traceback" not in staged
    anything = as_shown("uv run --extra warehouse meltano …")
    assert "Ready." in clone.run(anything.replace("…", "invoke target-databricks:check"))
    live = as_shown("uv run --extra warehouse meltano --environment=prod …")
    said = clone.run(live.replace("…", "invoke target-databricks:check"), code=1)
    assert "It is not said where to load to." in said
    said = clone.run(as_shown("uv run meltano config list --all report"))
    assert "REPORT_OUTPUT" in said
    said = clone.run(as_shown("uv run meltano config list --all dbt-databricks"))
    assert "DBT_DATABRICKS_SERVER_HOSTNAME" in said


def test_everything_is_read_again_when_asked_for(clone):
    again = as_shown("uv run meltano run --full-refresh tap-xero target-databricks")
    printed = clone.run(again)
    assert re.search(r"Harakeke Trading Limited .* journals 1,\d+", printed)


def test_the_books_are_made_shown_and_reconciled(clone):
    chain = as_shown("uv run meltano run tap-xero target-databricks dbt-duckdb:build report")
    assert f"{clone.root}/output/report.html" in clone.run(chain)
    clone.run(as_shown("uv run meltano run tap-xero target-databricks dbt-duckdb:build"))
    assert "Harakeke Trading Limited" in clone.run(PROFIT)
    learned = clone.run(
        as_shown("uv run plugins/marts/examples/customers_at_risk.py output/books.duckdb")
    )
    assert "learned from " in learned
    written = clone.run(as_shown("uv run meltano invoke report:write"))
    assert written.splitlines()[-1] == f"{clone.root}/output/report.html"


@pytest.mark.parametrize(
    "command",
    [
        as_shown("uv run meltano run reconcile"),
        as_shown("uv run meltano invoke marts:reconcile"),
    ],
)
def test_the_demos_books_agree_with_xero(clone, command):
    assert "The books agree with Xero" in clone.run(command)


def test_the_jobs_run(clone):
    clone.run(as_shown("uv run meltano run documents; uv run meltano run models"))
    employees = as_shown("uv run meltano select tap-xero-documents employees '*'")
    clone.run(employees)
    assert "employees.*" in (clone.root / "meltano.yml").read_text()
    clone.run("git checkout meltano.yml")


@pytest.mark.parametrize(
    "command",
    [
        as_shown("uv run python plugins/tools/write_back_demo.py emails"),
        as_shown("uv run python plugins/tools/write_back_demo.py accounts"),
        as_shown("uv run python plugins/tools/write_back_demo.py options"),
    ],
)
def test_the_way_back_is_shown(clone, command):
    assert ", applied" in clone.run(command)


def test_webhooks_are_shown(clone):
    printed = clone.run(as_shown("uv run python plugins/tools/webhooks_demo.py"))
    assert "From the edit to the row: median " in printed


@pytest.mark.parametrize(
    "command",
    [
        as_shown("uv run xero-sandbox serve"),
        f"uv run {as_shown('xero-sandbox serve')}",
        f"uv run {as_shown('python -m xero_sandbox serve')}",
    ],
)
def test_the_sandbox_serves(clone, command):
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=clone.root,
        env=clone.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        details = json.loads(process.stdout.readline())
        assert requests.get(f"{details['url']}/sandbox/calls", timeout=60).ok
        assert len(details["tenants"]) == 3
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


# Who works on it -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone set up as CONTRIBUTING.md says."""
    made = Clone(tmp_path_factory.mktemp("workshop"), tests=True)
    made.run(as_shown("pip install uv"))
    made.run(as_shown("uv sync --group test --all-packages"))
    shim = made.root.parent / "bin" / "just"
    shim.parent.mkdir()
    shim.write_text('#!/bin/sh\nexec uvx --from rust-just just "$@"\n')
    shim.chmod(0o755)
    yield made
    assert made.left() == []


def unchanged(workshop: Clone) -> str:
    """What git says of files that were changed."""
    changed = workshop.run("git diff --stat")
    workshop.run("git checkout --quiet .")
    return changed


def test_just_lists_what_there_is_and_the_tests_are_found(workshop):
    assert "test-newest" in workshop.run(as_shown("uvx --from rust-just just --list"))
    assert "test-newest" in workshop.run(as_shown("just --list"))
    found = workshop.run(f"{as_shown('pip install uv && uv run --group test pytest')} --co -q")
    assert "test_clone.py" not in found
    assert "tests/test_deploy.py" in found


def test_what_a_command_writes_is_what_is_there(workshop):
    workshop.run(as_shown("just define"))
    workshop.run(as_shown("just hashes"))
    assert unchanged(workshop) == ""
    workshop.run(as_shown("just verify"))
    workshop.run(as_shown("uv sync --locked"))
    workshop.run(as_shown("uv sync"))
    workshop.run(as_shown("uv run python plugins/tools/samples.py"))
    assert "README.md" in unchanged(workshop)
    workshop.run(as_shown("just orchestrator-pins"))
    unchanged(workshop)  # there may be something newer


def test_known_faults_are_looked_for_in_a_file(workshop):
    with zipfile.ZipFile(workshop.root / "all.zip", "w") as archive:
        archive.writestr("X-1.json", json.dumps({"id": "X-1", "affected": []}))
    workshop.run(as_shown("just audit-offline all.zip"))


def test_the_site_is_built_and_served(workshop):
    workshop.run(as_shown("just docs"))
    assert (workshop.root / "build" / "site" / "quick-start.html").exists()
    process = subprocess.Popen(
        ["bash", "-c", f"exec {as_shown('just docs serve')} --dev-addr 127.0.0.1:0"],
        cwd=workshop.root,
        env=workshop.env,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("Serving on http://" in line for line in lines)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def test_hooks_of_git_are_installed(workshop):
    workshop.run(as_shown("uvx pre-commit install"))
    assert (workshop.root / ".git" / "hooks" / "pre-commit").exists()


def test_a_release_is_one_command(workshop):
    workshop.run("git config user.name T; git config user.email t@example.com")
    release = as_shown("just release 0.2.0 https://git.example.com/books/xero-to-databricks")
    workshop.run(release.replace("0.2.0", "99.0.0"))
    assert "v99.0.0" in workshop.run("git tag")
    assert len(list((workshop.root / "dist" / "99.0.0").iterdir())) > 10


def test_the_bundles_environment_is_made_and_a_key_is_printed(workshop):
    folder = workshop.root / "plugins" / "databricks-bundle"
    workshop.run(
        f"cd {folder} && {as_shown('pip install uv && uv sync --group bundle --extra warehouse')}"
    )
    databricks = workshop.root.parent / "bin" / "databricks"
    databricks.write_text('#!/bin/sh\ncat > "$HOME/$4"\n')
    databricks.chmod(0o755)
    key = as_shown(
        'uv run python -c "from cryptography.fernet import Fernet; '
        'print(Fernet.generate_key().decode())" | databricks secrets put-secret xero store-key'
    )
    workshop.run(f"cd {folder} && {key}")
    assert len((Path(workshop.env["HOME"]) / "store-key").read_text().strip()) == 44
