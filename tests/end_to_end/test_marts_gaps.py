"""Which tables there are depends on the tier, the scopes and the streams that were chosen."""

from __future__ import annotations

from typing import Any

import pytest
from copied_books import Books

FEW = {
    "contacts": ("contacts",),
    "organisations": ("organisations",),
    "invoices": ("organisations", "accounts", "invoices", "invoice_line_items"),
}


@pytest.mark.stress
@pytest.mark.parametrize("only", FEW.values(), ids=FEW)
def test_a_lakehouse_of_few_tables_builds(marts, tmp_path, only) -> None:
    """Models and tests: what is missing is empty, and nothing can be wrong with it."""
    project, _, _ = marts
    books = Books(tmp_path, project.lakehouse, only)
    project.dbt(books.run("build", "2026-02-02"))
    count: list[Any] = books.query("SELECT count(*) FROM marts.fct_invoice_lines")
    assert (count > [(0,)]) == ("invoices" in only)
