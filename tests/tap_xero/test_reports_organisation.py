"""What reports need to know of an organisation is asked for once in a run."""

from __future__ import annotations


def test_an_organisation_that_is_read_is_not_asked_for_again_by_its_reports(
    reports_sandbox, read_reports
) -> None:
    reports_sandbox.calls.clear()
    run = read_reports(reports_sandbox, {"balance_sheet": {}}, streams=("organisations",))
    assert run.error is None
    assert run.records["organisations"]
    for tenant in reports_sandbox.tenants:
        paths = [c.path for c in reports_sandbox.calls.of() if c.tenant_id == tenant.tenant_id]
        assert paths == ["Organisations", "Reports/BalanceSheet"]
