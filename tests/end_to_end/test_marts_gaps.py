"""Which tables there are depends on the tier, the scopes and the streams that were chosen."""

from __future__ import annotations

import pytest
from copied_books import OPTIONAL, Books

FEW = {
    "contacts": {"only": ("contacts",)},
    "organisations": {"only": ("organisations",)},
    "invoices": {"only": ("organisations", "accounts", "invoices", "invoice_line_items")},
    "no journals": {"without": OPTIONAL},
}


@pytest.mark.stress
@pytest.mark.parametrize("tables", FEW.values(), ids=FEW)
def test_a_lakehouse_of_few_tables_builds(marts, tmp_path, tables) -> None:
    """Models and tests: what is missing is empty, and nothing can be wrong with it."""
    project, _, _ = marts
    books = Books(tmp_path, project.lakehouse, **tables)
    project.dbt(books.run("build", "2026-02-02"))
    ((count,),) = books.query("SELECT count(*) FROM marts.fct_invoice_lines")
    assert (count > 0) == ("invoices" in tables.get("only", ("invoices",)))


@pytest.mark.stress
def test_a_lakehouse_of_a_single_organisation_builds(marts, tmp_path) -> None:
    """Models and tests, the group among them; its figures are those that it has among others."""
    project, xero, several = marts
    tenant_id = xero.tenants[0].tenant_id
    books = Books(tmp_path, project.lakehouse, tenant=tenant_id)
    project.dbt(books.run("build", "2026-02-02"))
    query = "SELECT tenant_id, sum(net_amount) FROM marts.fct_invoice_lines GROUP BY tenant_id"
    figures = dict(several.execute(query).fetchall())
    assert dict(books.query(query)) == {tenant_id: figures[tenant_id]}
    assert len(figures) == 2
