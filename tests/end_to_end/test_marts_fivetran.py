"""The tables as the public package fivetran/dbt_xero reads them: its names, its columns, its types.

`golden/dbt_xero_columns.json` lists what version 1.6.1 of the package reads; the package itself is
not in this repository.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from conftest import Project
from shown_commands import as_shown

COLUMNS = json.loads((Path(__file__).parent / "golden" / "dbt_xero_columns.json").read_text())
TYPES = {
    "string": ("VARCHAR",),
    "boolean": ("BOOLEAN",),
    "date": ("DATE",),
    "timestamp": ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
    "number": ("BIGINT", "DECIMAL(38,4)", "DECIMAL(38,10)"),
}


@pytest.fixture(scope="session")
def views(marts, tmp_path_factory) -> tuple[str, Path]:
    """What the command printed, and a database with what it made, beside nobody else's."""
    project: Project = marts[0]
    database = tmp_path_factory.mktemp("fivetran") / "books.duckdb"
    command = as_shown("uv run meltano invoke dbt-duckdb:fivetran")
    printed = project.run(command, DBT_DUCKDB_DATABASE=str(database))
    return printed, database


def test_every_organisation_has_a_schema_with_every_column_that_the_package_reads(views, marts):
    printed, database = views
    with duckdb.connect(str(database), read_only=True) as connection:
        described = connection.execute(
            "SELECT table_schema, table_name, column_name, data_type "
            "FROM information_schema.columns WHERE table_schema LIKE 'xero\\_%' ESCAPE '\\'"
        ).fetchall()
    schemas = {schema for schema, *_ in described}
    assert len(schemas) == len(marts[1].tenants)
    for schema in schemas:
        assert f"- {{name: {schema}, database: books, schema: {schema}}}" in printed
        kinds = {(t, c): kind for s, t, c, kind in described if s == schema}
        for table, columns in COLUMNS.items():
            for column, kind in columns.items():
                assert kinds.get((table, column)) in TYPES[kind], (table, column)


def test_its_journals_and_invoices_are_those_of_the_ledger(views, marts):
    _, database = views
    with duckdb.connect(str(database), read_only=True) as connection:
        schemas = connection.execute(
            "SELECT table_schema FROM information_schema.tables WHERE table_name = 'journal'"
        ).fetchall()
        theirs = {}
        for (schema,) in schemas:
            organisation, rows = connection.execute(
                f"SELECT any_value(o.name), count(*) FROM {schema}.journal_line AS l "
                f"JOIN {schema}.journal USING (journal_id), {schema}.organization AS o "
                "WHERE net_amount <> 0"
            ).fetchone()
            theirs[organisation] = rows
            tracked, named = connection.execute(
                "SELECT count(*), count(o.name) "
                f"FROM {schema}.journal_line_has_tracking_category AS t "
                f"LEFT JOIN {schema}.tracking_category_option AS o "
                "ON o.tracking_option_id = t.tracking_category_option_id"
            ).fetchone()
            assert tracked == named > 0
    ours = marts[2].execute(
        "SELECT name, count(*) FROM marts.general_ledger JOIN marts.dim_organisation "
        "USING (tenant_id) WHERE basis = 'accrual' AND source = 'journals' AND net_amount <> 0 "
        "GROUP BY 1"
    )
    assert theirs == dict(ours.fetchall())
