"""Attack 17 of the trials: control requests of web pages are refused, whatever they ask for."""

from __future__ import annotations

from typing import Any

import pytest
import requests

REQUESTS = [
    ("POST", "documents"),
    ("POST", "faults"),
    ("DELETE", "faults"),
    ("POST", "hooks"),
    ("GET", "calls"),
    ("DELETE", "calls"),
    ("GET", "counts"),
    ("GET", "webhooks"),
    ("POST", "webhooks"),
    ("DELETE", "webhooks"),
    ("DELETE", "tokens"),
    ("GET", "clock"),
    ("POST", "irregularities"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_attack_17_control_requests_of_web_pages_are_refused(
    xero_sandbox: Any, method: str, path: str
) -> None:
    url = f"{xero_sandbox.url}/sandbox/{path}"
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{xero_sandbox.url.rpartition(':')[2]}"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
    ):
        answer = requests.request(method, url, json={}, headers=headers, timeout=10)
        assert answer.status_code == 403, headers
        assert "Control requests are" in answer.json()["error"]


def test_attack_17_a_fault_of_a_web_page_is_not_planned(xero_sandbox: Any) -> None:
    url = f"{xero_sandbox.url}/sandbox/faults"
    fault = {"effect": "server_error"}
    requests.post(url, json=fault, headers={"Origin": "https://evil.example"}, timeout=10)
    assert xero_sandbox.faults.pending == []
    for headers in ({}, {"Host": "localhost:1"}, {"Origin": xero_sandbox.url}):
        assert requests.post(url, json=fault, headers=headers, timeout=10).status_code == 200
    assert len(xero_sandbox.faults.pending) == 3
