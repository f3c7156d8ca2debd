"""What an organisation plans before any business is done: repeating invoices and budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xero_sandbox.stories.common import total_properties
from xero_sandbox.stories.lines import EXCLUSIVE, draw, totals, wire_line
from xero_sandbox.stories.story import Document
from xero_sandbox.stories.timeline import ANCHOR, SET_UP, START
from xero_sandbox.wire import DAY, money, net_date, net_date_short, to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xero_sandbox.stories.contacts import Contacts
    from xero_sandbox.stories.organisation import Organisation

_REPEATING, _BUDGET = 201, 202


def repeating_invoices(organisation: Organisation, contacts: Contacts) -> Iterator[Document]:
    """Yield the templates from which Xero makes invoices and bills again and again."""
    for number in range(5):
        dice = organisation.random(_REPEATING, number)
        sale = number % 3 != 2
        contact = contacts.choose(dice, START, customer=sale, local=True)
        lines = draw(organisation, dice, sale=sale, mode=EXCLUSIVE)
        amounts = totals(lines, EXCLUSIVE)
        repeating_id = organisation.id_of("repeating", number)
        weekly = number == 1
        body: dict[str, Any] = {
            "RepeatingInvoiceID": repeating_id,
            "ID": repeating_id,
            "Type": "ACCREC" if sale else "ACCPAY",
            "Reference": "" if number % 2 else "Retainer",
            "Contact": contact.summary,
            "Schedule": {
                "Period": 1,
                "Unit": "WEEKLY" if weekly else "MONTHLY",
                "DueDate": contact.terms,
                "DueDateType": "DAYSAFTERBILLDATE",
                "StartDate": net_date_short(START),
                "NextScheduledDate": net_date_short(ANCHOR + 30 * DAY),
            },
            "LineItems": [wire_line(line) for line in lines],
            "LineAmountTypes": EXCLUSIVE,
            "CurrencyCode": organisation.currency,
            "Status": ("AUTHORISED", "AUTHORISED", "DRAFT", "AUTHORISED", "DELETED")[number],
            **total_properties(amounts),
            "TotalDiscount": money(amounts.discount),
            "HasAttachments": False,
            "ApprovedForSending": sale,
            "SendCopy": False,
            "MarkAsSent": sale,
            "IncludePDF": False,
        }
        if sale:
            body["BrandingThemeID"] = organisation.id_of("theme", 0)
        if weekly:
            body["Schedule"]["EndDate"] = net_date_short(ANCHOR + 365 * DAY)
        yield Document("RepeatingInvoices", repeating_id, body, SET_UP)


def _budget_months() -> list[int]:
    """Return the first day of each month that the budgets cover: history and a year on."""
    months, at = [], START
    while at < ANCHOR + 365 * DAY:
        day = to_datetime(at)
        if day.day == 1:
            months.append(at)
        at += DAY
    return months


def budgets(organisation: Organisation) -> Iterator[Document]:
    """Yield the overall budget and one of a tracking option."""
    option = organisation.tracking[0][0]
    months = [to_datetime(at).strftime("%Y-%m") for at in _budget_months()]
    for number, (name, kind) in enumerate((("Overall Budget", "OVERALL"), ("North", "TRACKING"))):
        dice = organisation.random(_BUDGET, number)
        budget_id = organisation.id_of("budget", number)
        accounts = [*organisation.sale_accounts[:2], *organisation.cost_accounts[:5]]
        body = {
            "BudgetID": budget_id,
            "Type": kind,
            "Description": name,
            "Status": "APPROVED",
            "UpdatedDateUTC": net_date(SET_UP),
            "BudgetLines": [
                {
                    "AccountID": account.id,
                    "AccountCode": account.fact.code,
                    "BudgetBalances": [
                        {
                            "Period": month,
                            "Amount": money(dice.randrange(1_000, 90_000) * 100),
                            "Notes": "",
                        }
                        for month in months
                    ],
                }
                for account in accounts
            ],
            "Tracking": []
            if kind == "OVERALL"
            else [
                {
                    "TrackingCategoryID": option.category_id,
                    "TrackingOptionID": option.id,
                    "Name": option.category,
                    "Option": option.name,
                }
            ],
        }
        yield Document("Budgets", budget_id, body, SET_UP)
