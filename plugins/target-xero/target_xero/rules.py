"""What is refused here before Xero would, in Xero's reasons; and what is never touched.

Source: Xero, Accounts (system accounts, archiving), Contacts (names, GDPR requests), Tracking
categories (two active, four in all), Contact groups.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_xero.values import too_long

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_xero.resources import Resource

MOST_ACTIVE, MOST_CATEGORIES = 2, 4
_UNFIT_NAME = re.compile(r"[<>]|^\s|\s$|\s\s")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def refusal_of_values(resource: Resource, values: Mapping[str, Any]) -> list[str]:
    """What Xero would not take of these values; one sentence each."""
    problems = [
        line for name, value in values.items() for line in too_long(resource.fields[name], value)
    ]
    if "Name" in values and not values["Name"].strip():
        problems.append("a Name cannot be empty")
    if resource.stream == "contacts":
        if _UNFIT_NAME.search(values.get("Name", "")):
            problems.append("a contact's name has no < or >, and single spaces inside only")
        if (email := values.get("EmailAddress")) and not _EMAIL.fullmatch(email):
            problems.append(f"'{email}' is no e-mail address")
        if '"' in values.get("ContactNumber", ""):
            problems.append("a ContactNumber with a quotation mark cannot be looked up")
    if resource.stream == "accounts" and values.get("Type") == "BANK":
        problems.append("bank accounts are never written")
    return problems


def refusal_of_create(
    resource: Resource, values: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Why a record cannot be created; one sentence each.

    Args:
        resource: The stream.
        values: What it is to have.
        others: What Xero has of the stream, and what is planned to be created.
    """
    problems = [f"a new record needs {name}" for name in resource.required if not values.get(name)]
    if resource.stream == "tracking_categories":
        active = sum(other.get("Status") == "ACTIVE" for other in others)
        if active >= MOST_ACTIVE or len(others) >= MOST_CATEGORIES:
            problems.append(
                f"Xero has at most {MOST_ACTIVE} active and {MOST_CATEGORIES} categories in all"
            )
    status = values.get(resource.status, "ACTIVE")
    if status != "ACTIVE":
        problems.append(f"a new record is ACTIVE, not {status}")
    return problems


def refusal_of_parent(parent: str | None, parents: Mapping[str, str]) -> list[str]:
    """Why nothing of a tracking category is touched; one sentence each.

    Args:
        parent: Id of the category; None of what is no part of one.
        parents: Statuses of Xero's categories, by id.
    """
    if not parent:
        return []
    if parent not in parents:
        return ["Xero has no tracking category with this TrackingCategoryID"]
    if parents[parent] == "ARCHIVED":
        return ["its category is archived, and archived categories are never touched"]
    return []


def refusal_of_update(
    resource: Resource, now: Mapping[str, Any], changed: Mapping[str, Any]
) -> list[str]:
    """Why a record is not touched; one sentence each.

    Args:
        resource: The stream.
        now: As Xero has it.
        changed: Fields that would change, with their new values.
    """
    problems = []
    status = now.get(resource.status)
    if resource.stream == "accounts":
        if now.get("SystemAccount"):
            problems.append(f"it is Xero's system account {now['SystemAccount']}")
        if now.get("Type") == "BANK":
            problems.append("bank accounts are never written")
        if status == "ARCHIVED" and "Status" not in changed:
            problems.append("the account is archived; set its status to ACTIVE first")
        if "Status" in changed and len(changed) > 1:
            others = ", ".join(sorted(set(changed) - {"Status"}))
            problems.append(f"Xero changes the status of an account alone; leave out {others}")
    if resource.stream == "contacts":
        if status == "GDPRREQUEST":
            problems.append("it is locked by a GDPR request")
        if now.get("MergedToContactID"):
            problems.append(f"it was merged into {now['MergedToContactID']}")
    if resource.stream == "tracking_categories" and status == "ARCHIVED":
        problems.append("archived categories are never touched")
    restored = changed.get("Status") == "ACTIVE"
    if resource.stream == "tracking_options" and status == "ARCHIVED" and not restored:
        problems.append("the option is archived; set its status to ACTIVE to have it again")
    return problems
