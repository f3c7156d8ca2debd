"""What Xero may do and mostly does not: each switch, as a client sees it."""

from __future__ import annotations

import dataclasses
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from xero_sandbox.irregularities import PAST_THE_END, REASONS, Switches
from xero_sandbox.wire import parse_net_date, to_ms


@pytest.fixture
def client(xero_sandbox: Any, client_of: Any) -> Any:
    return client_of(xero_sandbox)


def count(client: Any, **query: Any) -> int:
    counted: int = client.json("Invoices", page=1, pageSize=1, **query)["pagination"]["itemCount"]
    return counted


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["InvoiceID"] for row in rows]


def test_every_switch_has_its_reason() -> None:
    assert set(REASONS) == {each.name for each in dataclasses.fields(Switches)}


def test_a_switch_that_is_none_is_refused(xero_sandbox: Any) -> None:
    with pytest.raises(ValueError, match="count_lag"):
        xero_sandbox.irregularities.set(lag=3)
    with pytest.raises(ValueError, match="empty, missing, repeated"):
        xero_sandbox.irregularities.set(past_the_end="first")


@pytest.mark.parametrize("error", [1, -2])
def test_the_count_may_be_wrong_for_good(xero_sandbox: Any, client: Any, error: int) -> None:
    right = client.json("Invoices", page=1, pageSize=5)
    xero_sandbox.irregularities.set(count_error=error, resources=["Invoices"])
    wrong = client.json("Invoices", page=1, pageSize=5)
    assert wrong["Invoices"] == right["Invoices"]
    assert wrong["pagination"]["itemCount"] == right["pagination"]["itemCount"] + error
    contacts = client.json("Contacts", page=1)
    assert contacts["pagination"]["itemCount"] == len(contacts["Contacts"])


def test_the_count_may_lag_behind_the_rows(xero_sandbox: Any, client: Any) -> None:
    xero_sandbox.irregularities.set(count_lag=30)
    before = count(client)
    xero_sandbox.books.add_invoice(client.tenant_id)
    xero_sandbox.clock.advance(seconds=10)
    assert count(client) == before
    assert len(client.rows("Invoices", page=1, pageSize=1000)) == before + 1
    xero_sandbox.clock.advance(seconds=31)
    assert count(client) == before + 1


def test_a_row_may_appear_later_than_its_timestamp(xero_sandbox: Any, client: Any) -> None:
    xero_sandbox.irregularities.set(commit_delay=90)
    began = to_ms(xero_sandbox.clock.now())
    added = xero_sandbox.books.add_invoice(client.tenant_id)
    assert parse_net_date(added["UpdatedDateUTC"]) == began - 90_000
    just = xero_sandbox.clock.now().isoformat()
    assert client.rows("Invoices", {"If-Modified-Since": just}, page=1) == []


@pytest.mark.parametrize("ahead", [600, -45])
def test_answers_may_have_other_clocks(xero_sandbox: Any, client: Any, ahead: int) -> None:
    xero_sandbox.irregularities.set(clock_ahead=ahead, date_ahead=2 * ahead)
    answer = client.get("Invoices", page=1)
    now = to_ms(xero_sandbox.clock.now())
    assert parse_net_date(answer.json()["DateTimeUTC"]) == now + 1000 * ahead
    assert to_ms(parsedate_to_datetime(answer.headers["Date"])) == now + 2000 * ahead


def test_a_short_page_need_not_be_the_last(xero_sandbox: Any, client: Any) -> None:
    whole = ids(client.rows("Invoices", page=1, pageSize=20))
    journals = client.rows("Journals")
    assert len(journals) == 100
    xero_sandbox.irregularities.set(short_pages=True)
    first, second = (ids(client.rows("Invoices", page=page, pageSize=11)) for page in (1, 2))
    assert (len(first), first + second) == (10, whole)
    assert client.rows("Journals") == journals[:99]
    assert client.rows("Journals", offset=journals[98]["JournalNumber"])[0] == journals[99]


@pytest.mark.parametrize("end", PAST_THE_END)
def test_past_the_end_there_may_be_nothing_or_the_last_page(
    xero_sandbox: Any, client: Any, end: str
) -> None:
    pages = [ids(client.rows("Invoices", page=page, pageSize=30)) for page in (1, 2)]
    xero_sandbox.irregularities.set(past_the_end=end)
    assert [ids(client.rows("Invoices", page=page, pageSize=30)) for page in (1, 2)] == pages
    beyond = client.get("Invoices", page=4, pageSize=30)
    assert beyond.status_code == (404 if end == "missing" else 200)
    if end != "missing":
        assert ids(beyond.json()["Invoices"]) == (pages[-1] if end == "repeated" else [])


def test_a_list_may_be_refused_for_how_it_is_asked_for(xero_sandbox: Any, client: Any) -> None:
    xero_sandbox.irregularities.set(most_sorted=10, slow_above=150)
    refused = client.get("Invoices", page=1, order="InvoiceID ASC")
    assert (refused.status_code, refused.json()["Type"]) == (400, "HighVolumeException")
    assert client.get("Invoices", page=1).status_code == 200
    assert client.get("Invoices", page=1, pageSize=200).status_code == 504
    assert client.get("Invoices", page=1, pageSize=150).status_code == 200


def test_another_process_switches_them_too(xero_sandbox: Any) -> None:
    url = f"{xero_sandbox.url}/sandbox/irregularities"
    body = {"count_error": 2, "resources": ["Invoices"]}
    assert requests.post(url, json=body, timeout=10).json()["count_error"] == 2
    assert xero_sandbox.irregularities.of("Contacts") == Switches()
    assert requests.post(url, json={"count": 2}, timeout=10).status_code == 400
    assert requests.delete(url, timeout=10).json() == dataclasses.asdict(Switches())
