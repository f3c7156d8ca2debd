"""What a client sees of limits, faults, hooks and the control API."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import requests
from xero_sandbox.faults import EFFECTS
from xero_sandbox.limits import Allowance

REFUSALS = {
    "token_expired": (401, "TokenExpired"),
    "scope_missing": (401, "AuthorizationUnsuccessful"),
    "tenant_revoked": (403, "AuthenticationUnsuccessful"),
    "blocked": (403, "<!DOCTYPE html>"),
    "not_found": (404, "cannot be found"),
    "rate_minute": (429, "minute"),
    "rate_day": (429, "day"),
    "rate_concurrent": (429, "concurrent"),
    "rate_app_minute": (429, "appminute"),
    "server_error": (500, "error"),
    "unavailable": (503, "unavailable"),
    "organisation_offline": (503, "offline"),
}
SPOILT = {"slow", "cut", "html", "truncated_json", "unknown_field"}
OF_CONNECTIONS = {"none": 0, "twice": 2}


def control(sandbox: Any, method: str, path: str, body: Any = None) -> Any:
    return requests.request(method, f"{sandbox.url}/sandbox/{path}", json=body, timeout=10)


def test_every_effect_is_tested_here() -> None:
    tested = set(REFUSALS) | SPOILT | OF_CONNECTIONS.keys()
    assert tested == set(EFFECTS)


@pytest.mark.parametrize("effect", REFUSALS)
def test_a_refusal_looks_like_xeros_and_comes_once(
    xero_sandbox: Any, client_of: Any, effect: str
) -> None:
    client = client_of(xero_sandbox)
    xero_sandbox.faults.add(effect, path="Invoices", seconds=7)
    status, words = REFUSALS[effect]
    response = client.get("Invoices", page=1)
    assert response.status_code == status
    assert words in response.text
    problem = {"rate_app_minute": "appminute"}.get(effect, effect.removeprefix("rate_"))
    expected = problem if status == 429 else None
    assert response.headers.get("X-Rate-Limit-Problem") == expected
    waits = effect in ("rate_minute", "rate_day")
    assert response.headers.get("Retry-After") == ("7" if waits else None)
    assert "X-DayLimit-Remaining" in response.headers
    assert client.get("Invoices", page=1).status_code == 200


@pytest.mark.parametrize("effect", OF_CONNECTIONS)
def test_connections_are_listed_otherwise_where_their_path_is_named(
    xero_sandbox: Any, effect: str
) -> None:
    def listed() -> int:
        response = requests.get(
            f"{xero_sandbox.url}/connections", headers=xero_sandbox.headers(), timeout=10
        )
        return len(response.json())

    usual = listed()
    xero_sandbox.faults.add("not_found", path="*")
    assert listed() == usual
    xero_sandbox.faults.add(effect, path="/connections")
    assert listed() == usual * OF_CONNECTIONS[effect]


def test_a_cut_response_breaks_in_the_middle(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    xero_sandbox.faults.add("cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.get("Invoices", page=1)
    assert client.rows("Invoices", page=1)


def test_html_and_truncated_json_come_with_status_200(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    xero_sandbox.faults.add("html")
    response = client.get("Invoices", page=1)
    assert (response.status_code, response.headers["Content-Type"]) == (
        200,
        "text/html; charset=utf-8",
    )
    xero_sandbox.faults.add("truncated_json")
    response = client.get("Invoices", page=1)
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.text)


def test_an_unknown_field_appears_in_each_record(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    before = client.rows("Invoices", page=1)
    xero_sandbox.faults.add("unknown_field")
    rows = client.rows("Invoices", page=1)
    assert all(row.pop("SandboxUnknownField") == {"Nested": [1, "two"]} for row in rows)
    assert rows == before


def test_a_slow_answer_is_the_right_one(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    xero_sandbox.faults.add("slow", seconds=0.3)
    began = time.monotonic()
    assert client.rows("Invoices", page=1)
    assert time.monotonic() - began >= 0.3


def test_a_page_of_one_organisation_can_be_struck(xero_sandbox: Any, client_of: Any) -> None:
    first, second = client_of(xero_sandbox), client_of(xero_sandbox, 1)
    fault = xero_sandbox.faults.add(
        "server_error", tenant=xero_sandbox.tenants[1].name, path="Invoices", page=2
    )
    statuses = [
        client.get("Invoices", page=page, pageSize=5).status_code
        for client in (first, second)
        for page in (1, 2)
    ]
    assert statuses == [200, 200, 200, 500]
    assert fault.struck == 1


# -- limits over HTTP ---


def test_the_sixty_first_call_in_a_minute_is_refused(
    make_xero_sandbox: Any, client_of: Any
) -> None:
    sandbox = make_xero_sandbox(limits=True)
    client = client_of(sandbox)
    left = [int(client.get("Organisation").headers["X-MinLimit-Remaining"]) for _ in range(60)]
    assert left == list(range(59, -1, -1))
    refused = client.get("Organisation")
    assert refused.status_code == 429
    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    sandbox.clock.advance(int(refused.headers["Retry-After"]))
    again = client.get("Organisation")
    assert again.status_code == 200
    assert again.headers["X-DayLimit-Remaining"] == str(5000 - 61)
    assert again.headers["X-AppMinLimit-Remaining"]


def test_six_calls_at_once_are_one_too_many(make_xero_sandbox: Any, client_of: Any) -> None:
    sandbox = make_xero_sandbox(limits=Allowance(), latency=0.5)
    responses: list[requests.Response] = []
    threads = [
        threading.Thread(target=lambda: responses.append(client_of(sandbox).get("Organisation")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(response.status_code for response in responses) == [200] * 5 + [429]
    (refused,) = [response for response in responses if response.status_code == 429]
    assert refused.headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in refused.headers


def test_latency_grows_with_the_rows(make_xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(make_xero_sandbox(latency=0.05, latency_per_row=0.02))
    began = time.monotonic()
    client.rows("Invoices", page=1, pageSize=10)
    assert time.monotonic() - began >= 0.05 + 10 * 0.02


# -- hooks, call log and the control API ---


def test_a_hook_fires_once_after_its_page(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    fired: list[str] = []
    xero_sandbox.hooks.after_page("Invoices", 2, lambda: fired.append("now"))
    client.rows("Invoices", page=1, pageSize=5)
    assert fired == []
    client.rows("Invoices", page=2, pageSize=5)
    client.rows("Invoices", page=2, pageSize=5)
    assert fired == ["now"]


def test_an_edit_between_pages_moves_a_row_to_the_end(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    first = client.rows("Invoices", page=1, pageSize=10)
    hook = {
        "path": "Invoices",
        "page": 1,
        "change": {
            "do": "edit",
            "resource": "Invoices",
            "id": first[0]["InvoiceID"],
            "changes": {"Reference": "changed"},
        },
    }
    assert control(xero_sandbox, "POST", "hooks", hook).status_code == 200
    xero_sandbox.clock.advance(1)
    before = client.rows("Invoices", page=1, pageSize=10)
    second = client.rows("Invoices", page=2, pageSize=10)
    everything = client.rows("Invoices", page=1, pageSize=1000)
    assert before == first
    assert everything[-1]["InvoiceID"] == first[0]["InvoiceID"]
    assert everything[-1]["Reference"] == "changed"
    # The row that stood at the head of page 2 has slipped back to page 1, unseen.
    assert everything[9] not in before
    assert everything[9] not in second


def test_reading_writing_and_time_passing_at_once_never_fail(
    xero_sandbox: Any, client_of: Any
) -> None:
    statuses: list[int] = []

    def work(number: int) -> None:
        client = client_of(xero_sandbox, number % 2)
        for turn in range(8):
            paths = ("Invoices?page=1", "Journals?offset=0", "Contacts?page=1", "Payments?page=1")
            statuses.append(client.get(paths[(number + turn) % len(paths)]).status_code)
            body = {"Contacts": [{"Name": f"Firm {number} {turn}"}]}
            statuses.append(client.call("PUT", "Contacts", json=body).status_code)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        xero_sandbox.clock.advance(40)
        xero_sandbox.books.add_invoice(xero_sandbox.tenants[0].tenant_id)
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80


def test_the_call_log_tells_what_was_asked(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    xero_sandbox.calls.clear()
    client.get("Invoices", {"If-Modified-Since": "2026-01-01T00:00:00"}, page=1)
    xero_sandbox.faults.add("server_error")
    client.get("Contacts", page=1)
    calls = control(xero_sandbox, "GET", "calls").json()
    assert [(call["path"], call["status"], call["fault"]) for call in calls] == [
        ("Invoices", 200, None),
        ("Contacts", 500, "server_error"),
    ]
    since = {"If-Modified-Since": calls[0]["modified_since"]}
    assert calls[0]["rows"] == len(client.rows("Invoices", since, page=1))
    assert len(control(xero_sandbox, "GET", "calls?path=Contacts&status=500").json()) == 1
    assert control(xero_sandbox, "DELETE", "calls").json() == []


def test_the_clock_is_told_and_moved(xero_sandbox: Any) -> None:
    before = xero_sandbox.clock.now()
    moved = control(xero_sandbox, "POST", "clock", {"advance": 90}).json()
    assert moved == control(xero_sandbox, "GET", "clock").json()
    assert (xero_sandbox.clock.now() - before).total_seconds() == 90
    control(xero_sandbox, "POST", "clock", {"set": "2026-03-01T00:00:00Z"})
    assert xero_sandbox.clock.now().isoformat() == "2026-03-01T00:00:00+00:00"


def test_counts_are_those_of_the_lists(xero_sandbox: Any, client_of: Any) -> None:
    counts = control(xero_sandbox, "GET", "counts").json()
    for number, tenant in enumerate(xero_sandbox.tenants):
        listed = client_of(xero_sandbox, number).json("Invoices", page=1)
        assert counts[tenant.tenant_id]["Invoices"] == listed["pagination"]["itemCount"]


def test_documents_are_added_voided_and_deleted_through_control(
    xero_sandbox: Any, client_of: Any
) -> None:
    client = client_of(xero_sandbox)
    tenant = xero_sandbox.tenants[0].name

    def change(**body: Any) -> Any:
        response = control(xero_sandbox, "POST", "documents", {"tenant": tenant, **body})
        assert response.status_code == 200, response.text
        return response.json()

    before = {row["InvoiceID"] for row in client.rows("Invoices")}
    change(do="add", resource="Invoices")
    added = [row for row in client.rows("Invoices") if row["InvoiceID"] not in before]
    assert len(added) == 1
    change(do="void", resource="Invoices", id=added[0]["InvoiceID"])
    assert client.rows(f"Invoices/{added[0]['InvoiceID']}")[0]["Status"] == "VOIDED"
    item = next(row for row in client.rows("Items") if not row["IsTrackedAsInventory"])
    change(do="delete", resource="Items", id=item["ItemID"])
    assert client.get(f"Items/{item['ItemID']}").status_code == 404


def test_faults_and_expiry_through_control(xero_sandbox: Any, client_of: Any) -> None:
    client = client_of(xero_sandbox)
    fault = {"effect": "server_error", "path": "Items", "count": 2}
    assert control(xero_sandbox, "POST", "faults", fault).json()["count"] == 2
    assert client.get("Items").status_code == 500
    assert [row["struck"] for row in control(xero_sandbox, "GET", "faults").json()] == [1]
    assert control(xero_sandbox, "DELETE", "faults").json() == []
    assert client.get("Items").status_code == 200
    control(xero_sandbox, "DELETE", "tokens")
    assert "TokenExpired" in client.get("Items").text


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("faults", {"effect": "nonsense"}, "unknown fault"),
        ("faults", {"effect": "slow", "colour": "red"}, "colour"),
        ("documents", {"do": "edit", "resource": "Nonsense"}, "unknown resource"),
        ("documents", {"do": "burn", "resource": "Invoices"}, "unknown deed"),
        ("documents", {"do": "void", "resource": "Invoices"}, "missing"),
        ("documents", {"tenant": "Nobody Ltd", "resource": "Invoices"}, "unknown organisation"),
        ("clock", {"set": "tomorrow"}, "tomorrow"),
    ],
)
def test_a_control_request_that_cannot_be_carried_out_says_why(
    xero_sandbox: Any, path: str, body: dict[str, Any], words: str
) -> None:
    response = control(xero_sandbox, "POST", path, body)
    assert response.status_code == 400
    assert words in response.json()["error"]
