"""Xero's own Python client runs against the sandbox as against Xero."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from xero_python.accounting import (
    Account,
    AccountingApi,
    Accounts,
    AccountType,
    Address,
    Contact,
    ContactPerson,
    Contacts,
    Item,
    Items,
    Phone,
    Purchase,
    TrackingCategory,
    TrackingOption,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import (
    AccountingBadRequestException,
    HTTPStatusException,
    NotFoundException,
    RateLimitException,
)
from xero_python.identity import IdentityApi
from xero_sandbox import wire

READ_ONLY_LISTS = [
    "accounts",
    "bank_transactions",
    "bank_transfers",
    "batch_payments",
    "branding_themes",
    "budgets",
    "contact_groups",
    "contacts",
    "credit_notes",
    "currencies",
    "expense_claims",
    "invoices",
    "items",
    "journals",
    "linked_transactions",
    "manual_journals",
    "organisations",
    "overpayments",
    "payments",
    "payment_services",
    "prepayments",
    "purchase_orders",
    "quotes",
    "receipts",
    "repeating_invoices",
    "tax_rates",
    "tracking_categories",
    "users",
]


def api_client(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    """The client with its token hooks, all its hosts replaced by the sandbox."""
    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{sandbox.url}/connect/token")
    monkeypatch.setattr(TokenApi, "client_credentials_token_url", f"{sandbox.url}/connect/token")
    monkeypatch.setattr(TokenApi, "revoke_token_url", f"{sandbox.url}/connect/revocation")
    token = OAuth2Token(client_id=sandbox.client_id, client_secret=sandbox.client_secret)
    # Already expired: the first call has to refresh it at the sandbox's token endpoint.
    kept: dict[str, Any] = {
        "access_token": "none yet",
        "refresh_token": sandbox.refresh_token,
        "scope": sorted(sandbox.identity.scopes),
        "expires_in": 0,
        "expires_at": 1,
        "token_type": "Bearer",
    }

    def save(fresh: dict[str, Any]) -> None:
        kept.clear()
        kept.update(fresh)

    return ApiClient(
        Configuration(oauth2_token=token),
        pool_threads=1,
        oauth2_token_getter=lambda: kept,
        oauth2_token_saver=save,
    )


@pytest.fixture
def api(xero_sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> AccountingApi:
    client = api_client(xero_sandbox, monkeypatch)
    return AccountingApi(client, base_url=f"{xero_sandbox.url}/api.xro/2.0")


@pytest.fixture
def tenant(xero_sandbox: Any) -> str:
    return str(xero_sandbox.tenants[0].tenant_id)


def test_connections_name_the_organisations(
    xero_sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api_client(xero_sandbox, monkeypatch)
    rows = IdentityApi(client, base_url=xero_sandbox.url).get_connections()
    assert [row.tenant_name for row in rows] == [item.name for item in xero_sandbox.tenants]
    assert all(row.created_date_utc for row in rows)


@pytest.mark.parametrize("name", READ_ONLY_LISTS)
def test_every_list_becomes_models_that_match_the_store(
    api: AccountingApi, tenant: str, client_of: Any, xero_sandbox: Any, name: str
) -> None:
    # The client refuses the strings that stand for booleans in a payment's batch (quirk of 2).
    narrowed = {"where": "BatchPayment.BatchPaymentID == null"} if name == "payments" else {}
    answer = getattr(api, f"get_{name}")(tenant, **narrowed)
    rows = getattr(answer, name)
    assert rows
    envelope = answer.attribute_map[name]
    key = next(iter(client_of(xero_sandbox).json(envelope)[envelope][0]))
    model_key = {value: attr for attr, value in rows[0].attribute_map.items()}.get(key)
    assert model_key is None or getattr(rows[0], model_key) is not None


def test_invoices_page_filter_and_keep_their_amounts(
    api: AccountingApi, tenant: str, client_of: Any, xero_sandbox: Any
) -> None:
    stored = {row["InvoiceID"]: row for row in client_of(xero_sandbox).stored("Invoices")}
    found: list[Any] = []
    page = 1
    while True:
        answer = api.get_invoices(tenant, page=page, page_size=11, unitdp=4, order="Date ASC")
        found += answer.invoices
        if page >= answer.pagination.page_count:
            break
        page += 1
    assert {row.invoice_id for row in found} == set(stored)
    for row in found:
        document = stored[row.invoice_id]
        assert row.total == document["Total"]
        assert [line.unit_amount for line in row.line_items] == [
            line.get("UnitAmount") for line in document["LineItems"]
        ]
        milliseconds = wire.parse_net_date(document["UpdatedDateUTC"])
        # The client goes through a float of seconds.
        assert abs((row.updated_date_utc - wire.to_datetime(milliseconds)).total_seconds()) < 1e-3
    sales = api.get_invoices(tenant, where='Type=="ACCREC"', page=1, page_size=1000).invoices
    assert {row.type for row in sales} == {"ACCREC"}
    some = [row.invoice_id for row in found[:3]]
    assert {row.invoice_id for row in api.get_invoices(tenant, i_ds=some).invoices} == set(some)


def test_modified_since_and_summary_only_pass(api: AccountingApi, tenant: str) -> None:
    never = datetime(2040, 1, 1, tzinfo=UTC)
    assert api.get_invoices(tenant, if_modified_since=never, page=1).invoices == []
    summary = api.get_contacts(tenant, summary_only=True)
    assert summary.contacts
    assert summary.pagination.page == 1
    assert summary.contacts[0].addresses is None


def test_single_documents_have_what_lists_leave_out(api: AccountingApi, tenant: str) -> None:
    listed = api.get_invoices(tenant, page=1).invoices[0]
    single = api.get_invoice(tenant, listed.invoice_id).invoices[0]
    assert (single.total, len(single.line_items)) == (listed.total, len(listed.line_items))
    budget = api.get_budgets(tenant).budgets[0]
    detail = api.get_budget(tenant, budget.budget_id).budgets[0]
    assert detail.budget_lines[0].budget_balances


def _figures(report: Any) -> dict[str, list[str]]:
    """Figures of each line by its label."""
    lines = [line for row in report.rows for line in row.rows or ()]
    return {line.cells[0].value: [cell.value for cell in line.cells[1:]] for line in lines}


def test_reports_are_read_with_all_their_parameters(api: AccountingApi, tenant: str) -> None:
    day = date(2025, 12, 31)
    months = {"periods": 2, "timeframe": "MONTH"}
    span = {"from_date": day.replace(day=1), "to_date": day}
    trial = api.get_report_trial_balance(tenant, date=day, payments_only=True).reports[0]
    debit, credit, *_ = _figures(trial)["Total"]
    assert (trial.report_type, debit) == ("TrialBalance", credit)
    sheet = api.get_report_balance_sheet(tenant, date=day, standard_layout=True, **months)
    figures = _figures(sheet.reports[0])
    assert figures["Net Assets"] == figures["Total Equity"]
    assert len(figures["Net Assets"]) == 3
    profit = api.get_report_profit_and_loss(tenant, standard_layout=True, **span, **months)
    net = _figures(profit.reports[0])["Net Profit"]
    category = api.get_tracking_categories(tenant).tracking_categories[0]
    by_option = api.get_report_profit_and_loss(
        tenant, tracking_category_id=category.tracking_category_id, **span
    )
    *options, total = map(Decimal, _figures(by_option.reports[0])["Net Profit"])
    assert sum(options) == total == Decimal(net[0])
    bank = _figures(api.get_report_bank_summary(tenant, **span).reports[0])["Total"]
    summary = api.get_report_executive_summary(tenant, date=day).reports[0]
    executive = _figures(summary)
    assert executive["Closing bank balance"][0] == bank[3]
    assert executive["Gross profit margin"][0].endswith("%")
    budget = api.get_report_budget_summary(tenant, date=day, periods=4, timeframe=3).reports[0]
    assert [cell.value for cell in budget.rows[0].cells[1:]] == [
        "Feb-26",
        "May-26",
        "Aug-26",
        "Nov-26",
    ]


def test_contacts_are_created_and_updated(api: AccountingApi, tenant: str) -> None:
    contact = Contact(
        name="Wandering Widgets",
        contact_number="W-1",
        email_address="hello@example.com",
        contact_persons=[ContactPerson(first_name="Ada", include_in_emails=True)],
        addresses=[Address(address_type="STREET", city="Wellington")],
        phones=[Phone(phone_type="MOBILE", phone_number="021 555 000")],
    )
    made = api.create_contacts(tenant, Contacts(contacts=[contact])).contacts[0]
    assert (made.contact_status, made.contact_persons[0].first_name) == ("ACTIVE", "Ada")
    change = Contacts(contacts=[Contact(contact_id=made.contact_id, first_name="Bo")])
    assert api.update_contact(tenant, made.contact_id, change).contacts[0].first_name == "Bo"
    again = Contacts(contacts=[Contact(contact_number="W-1", last_name="Beech")])
    updated = api.update_or_create_contacts(tenant, again).contacts[0]
    assert (updated.contact_id, updated.last_name) == (made.contact_id, "Beech")
    assert api.get_contact_by_contact_number(tenant, "W-1").contacts[0].first_name == "Bo"


def test_validation_errors_reach_the_client(api: AccountingApi, tenant: str) -> None:
    batch = Contacts(contacts=[Contact(name="Good"), Contact(first_name="Nameless")])
    answer = api.create_contacts(tenant, batch, summarize_errors=False)
    assert [row.status_attribute_string for row in answer.contacts] == ["OK", "ERROR"]
    assert "at least 1" in answer.contacts[1].validation_errors[0].message
    with pytest.raises(AccountingBadRequestException) as caught:
        api.create_contacts(tenant, Contacts(contacts=[Contact(name="Good")]))
    assert "already assigned to another contact" in caught.value.reason


def test_items_accounts_and_tracking_are_written(api: AccountingApi, tenant: str) -> None:
    price = Purchase(unit_price=Decimal("12.3456"), account_code="200")
    items = Items(items=[Item(code="W-9", name="Widget", sales_details=price)])
    item = api.create_items(tenant, items, unitdp=4).items[0]
    assert item.sales_details.unit_price == Decimal("12.3456")
    renamed = Items(items=[Item(code="W-9", name="Better widget")])
    assert api.update_or_create_items(tenant, renamed).items[0].item_id == item.item_id
    api.delete_item(tenant, item.item_id)
    with pytest.raises(NotFoundException):
        api.get_item(tenant, item.item_id)

    account = Account(code="9876", name="Sundry", type=AccountType.EXPENSE)
    made = api.create_account(tenant, account).accounts[0]
    archive = Accounts(accounts=[Account(account_id=made.account_id, status="ARCHIVED")])
    assert api.update_account(tenant, made.account_id, archive).accounts[0].status == "ARCHIVED"

    old = api.get_tracking_categories(tenant).tracking_categories[0]
    api.update_tracking_category(
        tenant, old.tracking_category_id, TrackingCategory(status="ARCHIVED")
    )
    new = api.create_tracking_category(tenant, TrackingCategory(name="Season"))
    category = new.tracking_categories[0]
    options = api.create_tracking_options(
        tenant, category.tracking_category_id, TrackingOption(name="North")
    ).options
    assert [option.name for option in options] == ["North"]
    archived = api.get_tracking_categories(tenant, include_archived=True).tracking_categories
    assert {row.status for row in archived} == {"ACTIVE", "ARCHIVED"}


def test_an_idempotency_key_repeats_the_answer(api: AccountingApi, tenant: str) -> None:
    batch = Contacts(contacts=[Contact(name="Once")])
    ids = {
        api.create_contacts(tenant, batch, idempotency_key="k-1").contacts[0].contact_id
        for _ in range(2)
    }
    assert len(ids) == 1


def test_errors_become_the_clients_exceptions(
    api: AccountingApi, tenant: str, xero_sandbox: Any
) -> None:
    with pytest.raises(AccountingBadRequestException) as bad:
        api.get_invoices(tenant, where="Nonsense==1")
    assert bad.value.error_data["Type"] == "QueryParseException"
    with pytest.raises(NotFoundException):
        api.get_invoice(tenant, "00000000-0000-4000-8000-000000000000")
    for effect, status in (("token_expired", 401), ("tenant_revoked", 403), ("unavailable", 503)):
        xero_sandbox.faults.add(effect)
        with pytest.raises(HTTPStatusException) as caught:
            api.get_organisations(tenant)
        assert caught.value.status == status
    xero_sandbox.faults.add("rate_concurrent")
    with pytest.raises(RateLimitException) as limited:
        api.get_organisations(tenant)
    assert limited.value.rate_limit == "concurrent"
    # Where Xero says when to come back, the client waits by itself.
    fault = xero_sandbox.faults.add("rate_minute", seconds=1)
    assert api.get_organisations(tenant).organisations
    assert fault.struck == 1
    with pytest.raises(HTTPStatusException) as unknown:
        api.get_organisations("00000000-0000-4000-8000-000000000000")
    assert unknown.value.status == 403


def test_a_custom_connection_authenticates_the_client(
    xero_sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api_client(xero_sandbox, monkeypatch)
    token = client.configuration.oauth2_token
    assert token.get_client_credentials_access_token(client, app_store_billing=False)
    accounting = AccountingApi(client, base_url=f"{xero_sandbox.url}/api.xro/2.0")
    rows = accounting.get_organisations("").organisations
    assert rows[0].name == xero_sandbox.tenants[0].name
