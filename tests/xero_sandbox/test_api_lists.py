"""Lists: envelopes, paging, filters and the lighter forms."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from xero_sandbox import wire
from xero_sandbox.endpoint import Paging
from xero_sandbox.endpoints import ENDPOINTS

PAGED = [name for name, row in ENDPOINTS.items() if row.paging is Paging.SIZED]
UNPAGED = [name for name, row in ENDPOINTS.items() if row.paging is Paging.NONE]


def moment_of(row: dict[str, Any]) -> int:
    return wire.parse_net_date(row["UpdatedDateUTC"])


def ids_of(rows: list[dict[str, Any]], name: str) -> list[str]:
    return [row[ENDPOINTS[name].shape.key] for row in rows]


def visible(reader: Any, name: str) -> list[str]:
    """The ids of a resource that a list without parameters shows, in Xero's default order."""
    hidden = {(path, value) for path, value, _ in ENDPOINTS[name].hidden_status}
    rows = [
        row
        for row in reader.stored(name)
        if not any(row.get(path) == value for path, value in hidden)
    ]
    return ids_of(rows, name)


def test_an_envelope_names_response_provider_and_time(reader: Any) -> None:
    first, second = reader.json("Currencies"), reader.json("Currencies")
    assert list(first) == ["Id", "Status", "ProviderName", "DateTimeUTC", "Currencies"]
    assert UUID(first["Id"]) != UUID(second["Id"])
    assert first["Status"] == "OK"
    now = wire.to_ms(reader.sandbox.clock.now())
    assert first["DateTimeUTC"] == f"/Date({now})/"


@pytest.mark.parametrize("name", PAGED)
def test_pages_hold_every_document_once(reader: Any, name: str) -> None:
    expected = visible(reader, name)
    assert expected
    found: list[str] = []
    page = 1
    while True:
        answer = reader.json(name, page=page, pageSize=37)
        found += ids_of(answer[name], name)
        count = len(expected)
        assert answer["pagination"] == {
            "page": page,
            "pageSize": 37,
            "pageCount": -(-count // 37),
            "itemCount": count,
        }
        if page >= answer["pagination"]["pageCount"]:
            break
        page += 1
    assert found == expected


@pytest.mark.parametrize("name", UNPAGED)
def test_what_does_not_page_comes_in_one_response(reader: Any, name: str) -> None:
    answer = reader.json(name, page=1, pageSize=2)
    assert ids_of(answer[name], name) == visible(reader, name)
    assert answer[name]
    assert "pagination" not in answer


@pytest.mark.parametrize("name", ["Quotes", "LinkedTransactions"])
def test_fixed_pages_ignore_the_page_size_and_tell_no_count(reader: Any, name: str) -> None:
    answer = reader.json(name, page=1, pageSize=3)
    assert ids_of(answer[name], name) == visible(reader, name)[:100]
    assert "pagination" not in answer
    assert reader.rows(name, page=99) == []


def test_a_page_has_100_rows_unless_told_and_past_the_end_none(reader: Any) -> None:
    assert len(reader.rows("Invoices", page=1)) == 100
    answer = reader.json("Invoices", page=50)
    assert answer["Invoices"] == []
    assert answer["pagination"]["itemCount"] == len(reader.stored("Invoices"))


def test_page_size_means_nothing_without_page(reader: Any) -> None:
    answer = reader.json("Invoices", pageSize=5)
    assert len(answer["Invoices"]) == len(reader.stored("Invoices"))
    assert "pagination" not in answer


@pytest.mark.parametrize("query", [{"pageSize": 1001}, {"pageSize": 0}, {"pageSize": "many"}])
def test_an_impossible_page_size_is_refused(reader: Any, query: dict[str, Any]) -> None:
    response = reader.get("Invoices", page=1, **query)
    assert response.status_code == 400
    assert "pageSize" in response.json()["Message"]


def test_both_spellings_of_the_organisation_answer_alike(reader: Any) -> None:
    assert reader.json("Organisation")["Organisations"] == reader.rows("Organisations")
    assert reader.rows("Organisations")[0]["Name"] == reader.sandbox.tenants[0].name


def test_names_of_endpoints_are_not_sensitive_to_case(reader: Any) -> None:
    assert reader.json("currencies")["Currencies"] == reader.rows("Currencies")


def test_parameter_names_are_not_sensitive_to_case(reader: Any) -> None:
    assert len(reader.rows("Invoices", PAGE=1, PageSize=7)) == 7


# -- If-Modified-Since ---


@pytest.mark.parametrize(
    "spelling", ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT"]
)
def test_if_modified_since_is_precise_to_the_second(reader: Any, spelling: str) -> None:
    stored = reader.stored("Invoices")
    boundary = wire.to_datetime(moment_of(stored[100]))
    header = {"If-Modified-Since": boundary.strftime(spelling)}
    floor = wire.to_ms(boundary.replace(microsecond=0))
    expected = [row["InvoiceID"] for row in stored if moment_of(row) >= floor]
    assert 0 < len(expected) < len(stored)
    assert ids_of(reader.rows("Invoices", header, page=1, pageSize=1000), "Invoices") == expected


def test_the_pagination_counts_only_what_was_modified(reader: Any) -> None:
    header = {"If-Modified-Since": "2030-01-01T00:00:00"}
    assert reader.json("Invoices", header, page=1)["pagination"]["itemCount"] == 0


@pytest.mark.parametrize(
    "name", ["TaxRates", "TrackingCategories", "Currencies", "RepeatingInvoices", "Organisations"]
)
def test_some_endpoints_ignore_if_modified_since(reader: Any, name: str) -> None:
    header = {"If-Modified-Since": "2030-01-01T00:00:00"}
    assert reader.rows(name, header) == reader.rows(name)


def test_a_header_that_is_no_date_is_refused(reader: Any) -> None:
    assert reader.get("Invoices", {"If-Modified-Since": "yesterday"}).status_code == 412


# -- filters ---


def test_where_narrows_and_order_sorts(reader: Any) -> None:
    rows = reader.rows(
        "Invoices",
        where='Type=="ACCREC" AND Total > 100 AND Status != "VOIDED"',
        order="Total DESC",
        page=1,
        pageSize=1000,
    )
    totals = [row["Total"] for row in rows]
    assert totals == sorted(totals, reverse=True)
    expected = [
        row
        for row in reader.stored("Invoices")
        if row["Type"] == "ACCREC" and row["Total"] > 100 and row["Status"] != "VOIDED"
    ]
    assert 0 < len(rows) == len(expected)


def test_a_bad_where_is_a_query_parse_exception(reader: Any) -> None:
    response = reader.get("Invoices", where="Nonsense==1")
    assert response.status_code == 400
    assert response.json()["ErrorNumber"] == 16
    assert response.json()["Type"] == "QueryParseException"


def test_where_means_nothing_on_an_endpoint_without_it(reader: Any) -> None:
    assert reader.rows("PurchaseOrders", where="Nonsense==1") == reader.rows("PurchaseOrders")


@pytest.mark.parametrize(
    ("parameter", "path"),
    [("IDs", "InvoiceID"), ("InvoiceNumbers", "InvoiceNumber"), ("Statuses", "Status")],
)
def test_lists_of_values_narrow_invoices(reader: Any, parameter: str, path: str) -> None:
    stored = reader.stored("Invoices")
    values = {str(row[path]) for row in (stored[3], stored[40]) if row.get(path)}
    rows = reader.rows("Invoices", page=1, pageSize=1000, **{parameter: ",".join(values)})
    expected = [row["InvoiceID"] for row in stored if row.get(path) in values]
    assert ids_of(rows, "Invoices") == expected
    assert 0 < len(expected) < len(stored)


def test_contact_ids_narrow_invoices(reader: Any) -> None:
    wanted = reader.stored("Invoices")[0]["Contact"]["ContactID"]
    rows = reader.rows("Invoices", ContactIDs=wanted.upper(), page=1)
    assert rows
    assert {row["Contact"]["ContactID"] for row in rows} == {wanted}


def test_search_term_looks_into_several_properties(reader: Any) -> None:
    word = reader.stored("Contacts")[0]["Name"].split()[0]
    found = reader.rows("Contacts", searchTerm=word.upper(), includeArchived="true", page=1)
    assert reader.stored("Contacts")[0]["ContactID"] in ids_of(found, "Contacts")
    assert reader.rows("Contacts", searchTerm="no such contact", page=1) == []


def test_purchase_orders_and_quotes_take_status_and_dates(reader: Any) -> None:
    for name in ("PurchaseOrders", "Quotes"):
        stored = reader.stored(name)
        middle = sorted(row["DateString"] for row in stored)[len(stored) // 2][:10]
        after = reader.rows(name, DateFrom=middle, page=1, pageSize=1000)
        expected = [row for row in stored if row["DateString"][:10] >= middle]
        assert ids_of(after, name) == ids_of(expected, name)[:1000]
        assert 0 < len(after) < len(stored)
        status = stored[0]["Status"]
        assert {row["Status"] for row in reader.rows(name, Status=status, page=1)} == {status}


def test_linked_transactions_are_found_by_their_source(reader: Any) -> None:
    wanted = reader.stored("LinkedTransactions")[0]["SourceTransactionID"]
    rows = reader.rows("LinkedTransactions", SourceTransactionID=wanted)
    assert rows
    assert {row["SourceTransactionID"] for row in rows} == {wanted}


def test_archived_contacts_need_a_switch_also_under_modified_since(reader: Any) -> None:
    header = {"If-Modified-Since": "2000-01-01T00:00:00"}
    archived = {
        row["ContactID"] for row in reader.stored("Contacts") if row["ContactStatus"] == "ARCHIVED"
    }
    assert archived
    for headers in (None, header):
        without = ids_of(reader.rows("Contacts", headers, page=1, pageSize=1000), "Contacts")
        with_them = ids_of(
            reader.rows("Contacts", headers, page=1, pageSize=1000, includeArchived="True"),
            "Contacts",
        )
        assert not archived & set(without)
        assert set(with_them) - set(without) == archived


def test_deleted_bank_transfers_need_a_switch(reader: Any) -> None:
    statuses = {row["Status"] for row in reader.rows("BankTransfers")}
    assert statuses == {"AUTHORISED"}
    with_them = {row["Status"] for row in reader.rows("BankTransfers", includeDeleted="true")}
    assert with_them == {"AUTHORISED", "DELETED"}


def test_archived_tracking_needs_a_switch_on_both_levels(reader: Any) -> None:
    def statuses(**query: str) -> tuple[set[str], set[str]]:
        rows = reader.rows("TrackingCategories", **query)
        options = {option["Status"] for row in rows for option in row["Options"]}
        return {row["Status"] for row in rows}, options

    assert statuses() == ({"ACTIVE"}, {"ACTIVE"})
    categories, options = statuses(includeArchived="true")
    assert "ARCHIVED" in categories | options
    assert "DELETED" not in categories | options


def test_manual_journals_with_an_order_come_as_one_page(reader: Any) -> None:
    total = len(reader.stored("ManualJournals"))
    assert total > 2
    answer = reader.json("ManualJournals", page=1, pageSize=2, order="Date ASC")
    assert len(answer["ManualJournals"]) == total
    assert reader.rows("ManualJournals", page=2, pageSize=2, order="Date ASC") == []
    assert len(reader.rows("ManualJournals", page=1, pageSize=2)) == 2


# -- journals ---


def test_journals_come_by_offset_oldest_first_a_hundred_at_a_time(reader: Any) -> None:
    numbers: list[int] = []
    offset = 0
    while True:
        rows = [row["JournalNumber"] for row in reader.rows("Journals", offset=offset)]
        fresh = [number for number in rows if number > offset]
        numbers += fresh
        if len(rows) < 100 or not fresh:
            break
        offset = fresh[-1]
    assert numbers == sorted(row["JournalNumber"] for row in reader.stored("Journals"))
    assert len(numbers) > 100


def test_an_offset_beyond_the_end_answers_with_journals_all_the_same(reader: Any) -> None:
    last = max(row["JournalNumber"] for row in reader.stored("Journals"))
    rows = reader.rows("Journals", offset=last)
    assert len(rows) == 100
    assert rows[-1]["JournalNumber"] == last


def test_payments_only_gives_journals_on_cash_basis(reader: Any) -> None:
    rows = reader.rows("Journals", paymentsOnly="true")
    sources = {row["SourceType"] for row in rows}
    assert "ACCRECPAYMENT" in sources
    assert not sources & {"ACCREC", "ACCPAY", "EXPCLAIM"}
    paid = [row["JournalLines"] for row in rows if row["SourceType"] == "ACCRECPAYMENT"]
    accounts = {(line["AccountType"], line["AccountName"]) for lines in paid for line in lines}
    assert {"BANK", "REVENUE"} <= {kind for kind, _ in accounts}
    assert "Accounts Receivable" not in {name for _, name in accounts}


# -- lighter forms ---


@pytest.mark.parametrize(
    ("name", "heavy"), [("Invoices", "LineItems"), ("ManualJournals", "JournalLines")]
)
def test_without_page_a_list_has_no_lines(reader: Any, name: str, heavy: str) -> None:
    assert all(not row.get(heavy) for row in reader.rows(name))
    paged = reader.rows(name, page=1)
    assert any(row[heavy] for row in paged)
    key = ENDPOINTS[name].shape.key
    assert reader.rows(f"{name}/{paged[0][key]}")[0][heavy] == paged[0][heavy]


def test_summary_only_pages_and_drops_what_is_heavy(reader: Any) -> None:
    answer = reader.json("Invoices", summaryOnly="true")
    assert answer["pagination"]["pageSize"] == 100
    assert not {"LineItems", "Payments"} & set(answer["Invoices"][0])
    contact = reader.rows("Contacts", summaryOnly="true")[0]
    assert not {"Addresses", "Phones", "Balances"} & set(contact)


def test_unit_amounts_have_two_places_unless_four_are_asked_for(reader: Any) -> None:
    def places(**query: Any) -> set[int]:
        rows = reader.rows("Invoices", page=1, pageSize=1000, **query)
        amounts = [line["UnitAmount"] for row in rows for line in row["LineItems"]]
        return {-amount.as_tuple().exponent for amount in amounts if isinstance(amount, Decimal)}

    assert max(places(unitdp=4)) == 4
    assert max(places()) == 2


def test_group_members_and_budget_lines_come_only_with_the_single_document(reader: Any) -> None:
    for name, part in (("ContactGroups", "Contacts"), ("Budgets", "BudgetLines")):
        rows = reader.rows(name)
        assert all(not row.get(part) for row in rows)
        key = ENDPOINTS[name].shape.key
        assert any(reader.rows(f"{name}/{row[key]}")[0][part] for row in rows)


def periods_of(budget: dict[str, Any]) -> set[str]:
    return {b["Period"] for line in budget["BudgetLines"] for b in line["BudgetBalances"]}


def test_a_budget_keeps_to_the_dates_asked_for(reader: Any) -> None:
    path = f"Budgets/{reader.rows('Budgets')[0]['BudgetID']}"
    (part,) = reader.rows(path, DateFrom="2025-02-01", DateTo="2025-03-28")
    assert periods_of(part) == {"2025-02", "2025-03"}


def test_a_budget_shows_three_months_unless_told(reader: Any) -> None:
    (budget,) = reader.rows(f"Budgets/{reader.rows('Budgets')[0]['BudgetID']}")
    assert periods_of(budget) == {"2026-01", "2026-02", "2026-03"}


def test_more_than_24_months_of_a_budget_are_refused(reader: Any) -> None:
    path = f"Budgets/{reader.rows('Budgets')[0]['BudgetID']}"
    (two_years,) = reader.rows(path, DateFrom="2024-01-31", DateTo="2025-12-01")
    assert len(periods_of(two_years)) == 24
    refused = reader.get(path, DateFrom="2024-01-31", DateTo="2026-01-01")
    assert refused.status_code == 400
    assert "24 months" in refused.json()["Message"]
    assert reader.get(path, DateFrom="2024", DateTo="2026-01-01").status_code == 400


def test_a_single_journal_omits_its_source(reader: Any) -> None:
    listed = reader.rows("Journals")[0]
    assert {"SourceID", "SourceType"} <= set(listed)
    for name in (listed["JournalID"], listed["JournalNumber"]):
        single = reader.rows(f"Journals/{name}")[0]
        assert single["JournalID"] == listed["JournalID"]
        assert not {"SourceID", "SourceType"} & set(single)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Invoices", "InvoiceNumber"),
        ("CreditNotes", "CreditNoteNumber"),
        ("Items", "Code"),
        ("PurchaseOrders", "PurchaseOrderNumber"),
    ],
)
def test_a_document_is_found_by_id_and_by_number(reader: Any, name: str, number: str) -> None:
    wanted = next(row for row in reader.stored(name) if row.get(number))
    key = ENDPOINTS[name].shape.key
    for value in (wanted[key], wanted[key].upper(), wanted[number]):
        assert reader.rows(f"{name}/{value}")[0][number] == wanted[number]


def test_what_does_not_exist_is_not_found(reader: Any) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    paths = ("Employees", "Nonsense/x", f"Invoices/{nobody}", f"Users/{nobody}", "Currencies/NZD")
    for path in paths:
        response = reader.get(path)
        assert response.status_code == 404, path
        assert path in response.json()["Detail"]


def test_history_and_attachments_of_documents_that_have_them(reader: Any) -> None:
    (invoice, *_) = [each for each in reader.stored("Invoices") if each["HasAttachments"]]
    entries = reader.get(f"Invoices/{invoice['InvoiceID']}/History").json()["HistoryRecords"]
    assert entries[-1]["Changes"] == "Created"
    assert [each["DateUTC"] for each in entries] == sorted(
        (each["DateUTC"] for each in entries), reverse=True
    )
    (file,) = reader.get(f"Invoices/{invoice['InvoiceID']}/Attachments").json()["Attachments"]
    assert file["FileName"] in file["Url"]
    account = reader.stored("Accounts")[0]["AccountID"]
    assert reader.get(f"Accounts/{account}/Attachments").json()["Attachments"] == []
    assert reader.get(f"Accounts/{account}/History").status_code == 501
    unknown = "99999999-9999-4999-8999-999999999999"
    assert reader.get(f"Invoices/{unknown}/History").status_code == 404


def test_what_the_sandbox_leaves_out_is_not_implemented_and_says_so(reader: Any) -> None:
    invoice_id = reader.stored("Invoices")[0]["InvoiceID"]
    for part in ("OnlineInvoice", "Email"):
        response = reader.get(f"Invoices/{invoice_id}/{part}")
        assert response.status_code == 501
        assert part in response.text


def test_actions_and_a_themes_payment_services(reader: Any) -> None:
    assert reader.json("Organisation/Actions")["Actions"][0]["Status"] == "ALLOWED"
    theme = reader.rows("BrandingThemes")[0]["BrandingThemeID"]
    found = reader.json(f"BrandingThemes/{theme}/PaymentServices")["PaymentServices"]
    assert found == reader.rows("PaymentServices")


@pytest.mark.parametrize(
    "name",
    [
        "TrialBalance",
        "BalanceSheet",
        "ProfitAndLoss",
        "BankSummary",
        "BudgetSummary",
        "ExecutiveSummary",
    ],
)
def test_reports_come_in_their_envelope(reader: Any, name: str) -> None:
    (report,) = reader.json(f"Reports/{name}")["Reports"]
    assert {"ReportID", "ReportName", "Rows"} <= set(report)
    assert report["Rows"][0]["RowType"] == "Header"


# -- volume and form ---


def test_an_unpaged_list_above_the_threshold_is_refused(
    make_xero_sandbox: Any, client_of: Any
) -> None:
    client = client_of(make_xero_sandbox(high_volume=10))
    response = client.get("Invoices")
    assert response.status_code == 400
    assert "high volume" in response.json()["Message"]
    assert client.get("Invoices", page=1).status_code == 200
    assert client.get("Payments").status_code == 200


def test_a_long_list_of_invoices_takes_optimised_queries_only(
    make_xero_sandbox: Any, client_of: Any
) -> None:
    client = client_of(make_xero_sandbox(high_volume=10))
    for fit in ({"where": "AmountDue>0 AND Date>DateTime(2024,1,1)"}, {"order": "InvoiceID ASC"}):
        assert client.get("Invoices", page=1, **fit).status_code == 200
    for unfit in ({"where": "NOT (Total>0)"}, {"where": 'Url.Contains("x")'}, {"order": "Total"}):
        response = client.get("Invoices", page=1, **unfit)
        assert response.status_code == 400
        assert "may not use" in response.json()["Message"]


def test_without_an_accept_header_the_answer_is_xml(reader: Any) -> None:
    for accept in ("*/*", "text/xml", "application/xml"):
        response = reader.get("Invoices", {"Accept": accept}, page=1, pageSize=3)
        assert response.headers["Content-Type"].startswith("text/xml")
        invoices = ElementTree.fromstring(response.content).findall("Invoices/Invoice")
        assert len(invoices) == 3
        first = reader.rows("Invoices", page=1, pageSize=3)[0]
        assert invoices[0].findtext("InvoiceID") == first["InvoiceID"]
        assert invoices[0].findtext("Total") == str(first["Total"])
        assert len(invoices[0].findall("LineItems/LineItem")) == len(first["LineItems"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+", invoices[0].findtext("UpdatedDateUTC", ""))


def test_errors_come_in_xml_too(reader: Any) -> None:
    response = reader.get("Invoices", {"Accept": "*/*"}, where="Nonsense==1")
    root = ElementTree.fromstring(response.content)
    assert (root.tag, root.findtext("ErrorNumber")) == ("ApiException", "16")


def test_gzip_only_when_asked(reader: Any) -> None:
    packed = reader.get("Invoices", {"Accept-Encoding": "gzip"}, page=1)
    plain = reader.get("Invoices", {"Accept-Encoding": "identity"}, page=1)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json()["Invoices"] == plain.json()["Invoices"]
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 3


def test_books_go_on_with_the_clock(make_xero_sandbox: Any, client_of: Any) -> None:
    sandbox = make_xero_sandbox()
    client = client_of(sandbox)
    before = client.json("Invoices", page=1)
    since = sandbox.clock.now()
    sandbox.clock.advance(seconds=timedelta(days=20).total_seconds())
    client = client_of(sandbox)
    header = {"If-Modified-Since": since.strftime("%Y-%m-%dT%H:%M:%S")}
    later = client.json("Invoices", header, page=1)
    assert later["pagination"]["itemCount"] > 0
    after = client.json("Invoices", page=1)
    assert after["pagination"]["itemCount"] > before["pagination"]["itemCount"]
