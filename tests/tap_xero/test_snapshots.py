"""The messages of a small run, line by line, as they were when last looked at.

Run with `UPDATE_SNAPSHOTS=1` to take new ones, and read the diff.
"""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from tap_xero.api import wire
from tap_xero.tap import TapXero

SNAPSHOTS = Path(__file__).parent / "snapshots"
URL = "http://xero.test"
CONFIG = {
    "client_id": "client",
    "client_secret": "secret",
    "refresh_token": "token",
    "api_url": URL,
    "identity_url": URL,
}
AT = '"DateTimeUTC":"/Date(1767225600250)/"'
ANSWERS = {
    "Organisation": f"""{{{AT},"Organisations":[{{"OrganisationID":"t-1","Name":"Kauri Joinery",
        "BaseCurrency":"NZD","PeriodLockDate":"/Date(1743379200000+0000)/","PaymentTerms":{{}},
        "CreatedDateUTC":"/Date(-86399000)/"}}]}}""",
    "Invoices": f"""{{{AT},"pagination":{{"page":1,"pageSize":1000,"pageCount":1,"itemCount":2}},
        "Invoices":[
        {{"Type":"ACCREC","InvoiceID":"i-1","InvoiceNumber":"INV-1","Status":"PAID",
          "Contact":{{"ContactID":"c-1","Name":"Rimu","Phones":[],"HasValidationErrors":false}},
          "Date":"/Date(1767139200000+0000)/","DateString":"2025-12-31T00:00:00",
          "LineItems":[{{"LineItemID":"l-1","Quantity":1.0000,"UnitAmount":0.1250,
            "LineAmount":0.13,"Item":{{"ItemID":"it-1","Code":"RIMU"}}}}],
          "Payments":[{{"PaymentID":"p-1","Date":"/Date(1767139200000)/","Amount":0.13}}],
          "Total":0.13,"CurrencyRate":0.0000001234,"HasErrors":false,
          "UpdatedDateUTC":"/Date(1767200000123+0000)/","NewInXero":"kept"}},
        {{"Type":"ACCPAY","InvoiceID":"i-2","Status":"VOIDED","Contact":{{}},"LineItems":[],
          "Date":"/Date(0+0000)/","Total":100,"UpdatedDateUTC":"/Date(1767200000000)/"}}]}}""",
    "Payments": f"""{{{AT},"pagination":{{"page":1,"pageSize":1000,"pageCount":1,"itemCount":1}},
        "Payments":[{{"PaymentID":"p-2","Amount":50.00,"PaymentType":"ARCREDITPAYMENT",
          "Invoice":{{"Type":"ACCRECCREDIT","InvoiceID":"cn-1","InvoiceNumber":"CN-1"}},
          "Account":{{"AccountID":"a-1"}},"BatchPayment":{{"BatchPaymentID":"b-1",
            "TotalAmount":"50.00","IsReconciled":"false"}},
          "UpdatedDateUTC":"/Date(1767200000000+0000)/","StatusAttributeString":"OK"}}]}}""",
    "Budgets": f"""{{{AT},"Budgets":[{{"BudgetID":"bu-1","Type":"OVERALL",
        "UpdatedDateUTC":"2017-08-14T01:18:26.74"}}]}}""",
    "Budgets/bu-1": f"""{{{AT},"Budgets":{{"BudgetID":"bu-1","Type":"OVERALL",
        "UpdatedDateUTC":"2017-08-14T01:18:26.74","BudgetLines":[{{"AccountID":"a-2",
          "BudgetBalances":[{{"Period":"2026-01","Amount":"1000"}}]}}]}}}}""",
}


@pytest.fixture
def answers(requests_mock):
    requests_mock.post(f"{URL}/connect/token", json={"access_token": "a", "expires_in": 1800})
    requests_mock.get(
        f"{URL}/connections",
        json=[
            {"tenantId": "t-1", "tenantName": "Kauri Joinery", "tenantType": "ORGANISATION"},
            {"tenantId": "t-2", "tenantName": "A practice", "tenantType": "PRACTICE"},
        ],
    )
    for path, body in ANSWERS.items():
        requests_mock.get(f"{URL}/api.xro/2.0/{path}", text=body)


def test_messages_are_as_they_were(answers, selecting):
    tap = TapXero(
        config=CONFIG, catalog=selecting("organisations", "invoices", "payments", "budgets")
    )
    output = io.TextIOWrapper(io.BytesIO(), write_through=True)
    with redirect_stdout(output):
        tap.run_sync()
    output.seek(0)
    lines = []
    for line in output.read().splitlines():
        message = wire.decode(line.encode(), verbatim=True)
        message.pop("time_extracted", None)
        for stream in message.get("value", {}).get("bookmarks", {}).values():
            for partition in stream["partitions"]:
                partition.get("answer", {}).pop("sent", None)
        lines.append(wire.encode(message).decode())
    path = SNAPSHOTS / "messages.jsonl"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    assert lines == path.read_text().splitlines()
