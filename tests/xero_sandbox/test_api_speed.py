"""The server must never be what a tap waits for; `pytest -n 0 -m benchmark -s` says so."""

from __future__ import annotations

import time
from typing import Any

import pytest

_WARM_UP = 2
_PAGES = 10


@pytest.mark.benchmark
def test_a_page_of_a_thousand_invoices_takes_well_under_a_tenth_of_a_second(
    make_xero_sandbox: Any, client_of: Any
) -> None:
    client = client_of(make_xero_sandbox(invoices=1000))
    query = {"page": 1, "pageSize": 1000, "unitdp": 4, "order": "InvoiceID ASC"}
    times = []
    for _ in range(_WARM_UP + _PAGES):
        began = time.perf_counter()
        response = client.get("Invoices", **query)
        times.append(time.perf_counter() - began)
    warm = sorted(times[_WARM_UP:])
    rows = response.json()["Invoices"]
    lines = sum(len(row["LineItems"]) for row in rows)
    print(
        f"\n{len(rows)} invoices with {lines} lines, {len(response.content) / 1e6:.1f} MB "
        f"({int(response.headers['Content-Length']) / 1e6:.1f} MB gzipped): "
        f"median {warm[len(warm) // 2] * 1000:.0f} ms, best {warm[0] * 1000:.0f} ms"
    )
    assert len(rows) == 1000
    assert lines > 3000
    assert warm[0] < 0.1
