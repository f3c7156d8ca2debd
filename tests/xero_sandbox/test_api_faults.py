"""Which calls a planned fault strikes."""

from __future__ import annotations

import pytest
from xero_sandbox.faults import EFFECTS, FaultPlan, Target


def call(path: str = "Invoices", page: int | None = 1, tenant: str = "t1") -> Target:
    return Target("GET", path, tenant, f"Firm {tenant}", page)


def test_a_fault_strikes_once_unless_told_otherwise() -> None:
    plan = FaultPlan()
    fault = plan.add("server_error")
    assert plan.next_for(call()) is fault
    assert plan.next_for(call()) is None
    assert plan.pending == []


def test_conditions_must_all_hold() -> None:
    plan = FaultPlan()
    fault = plan.add("server_error", tenant="t1", path="Invoices", page=2)
    for other in (call(page=1), call(path="Contacts", page=2), call(page=2, tenant="t2")):
        assert plan.next_for(other) is None
    assert plan.next_for(call(page=2)) is fault


def test_a_tenant_may_be_named_and_a_path_be_a_pattern() -> None:
    plan = FaultPlan()
    fault = plan.add("server_error", tenant="Firm t1", path="Invoices/*", count=None)
    assert plan.next_for(call(path="Invoices")) is None
    assert plan.next_for(call(path="Invoices/abc")) is fault
    assert plan.next_for(call(path="Invoices/abc")) is fault


def test_after_lets_calls_pass_and_count_ends_the_fault() -> None:
    plan = FaultPlan()
    plan.add("unavailable", after=2, count=3)
    struck = [plan.next_for(call()) is not None for _ in range(8)]
    assert struck == [False, False, True, True, True, False, False, False]


def test_probability_strikes_some_and_the_same_ones_for_one_seed() -> None:
    def strikes(seed: int) -> list[bool]:
        plan = FaultPlan(seed)
        plan.add("slow", probability=0.3, count=None)
        return [plan.next_for(call()) is not None for _ in range(500)]

    assert strikes(4) == strikes(4)
    assert 100 < sum(strikes(4)) < 200


def test_an_unknown_effect_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="token_expired"):
        FaultPlan().add("no such thing")
    assert "token_expired" in EFFECTS
