"""Reading the books: lists, single documents, reports.

A list is the stored documents, narrowed and ordered by SQL that `query` wrote, cut into pages by
the rules of its endpoint, and lightened as `books.shapes` says. Documents pass through as text; a
list that needs no lightening is never parsed.

Source: Xero, "Requests and responses"; quirks by their numbers in the reference notes on the API.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from xero_sandbox import expressions, query, wire
from xero_sandbox.app.answers import Answer, bad_query, bad_request, not_found
from xero_sandbox.endpoints import ENDPOINTS, REPORT_SCOPES, Endpoint, ListFilter, Paging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xero_sandbox.app.request import AccountingCall
    from xero_sandbox.services import Services

_FIXED_PAGE = 100
_LARGEST_PAGE = 1000
_UNIT_AMOUNT = re.compile(rb'"(UnitAmount|UnitPrice)":(-?\d+\.\d{3,})')
_CENT = Decimal("0.01")
# Journals that move money, which is what paymentsOnly=true asks for.
_CASH_SOURCES = (
    "ACCRECPAYMENT",
    "ACCPAYPAYMENT",
    "ARCREDITPAYMENT",
    "APCREDITPAYMENT",
    "CASHREC",
    "CASHPAID",
    "TRANSFER",
    "EXPPAYMENT",
)


def read(services: Services, call: AccountingCall) -> Answer:
    """Answer a GET.

    Raises:
        ApiError: 400 for parameters that cannot be used, 404 for what does not exist.
    """
    services.books.advance(call.tenant.tenant_id)
    name, *rest = call.segments
    if name == "Reports":
        return _report(services, call, rest)
    endpoint = ENDPOINTS[name]
    if not rest:
        return _list(services, call, endpoint)
    if endpoint.name == "Organisations" and rest == ["Actions"]:
        return Answer("Actions", [wire.encode({"Name": "UseMulticurrency", "Status": "ALLOWED"})])
    if endpoint.name == "BrandingThemes" and rest[1:] == ["PaymentServices"]:
        _document(services, call, endpoint, rest[0])
        found = services.store.page(call.tenant.tenant_id, "PaymentServices")
        return Answer("PaymentServices", found.documents)
    if len(rest) == 1 and not endpoint.list_only:
        return _single(services, call, endpoint, rest[0])
    raise not_found(call.path)


# -- lists ----------------------------------------------------------------------------------------


def _list(services: Services, call: AccountingCall, endpoint: Endpoint) -> Answer:
    if endpoint.paging is Paging.OFFSET:
        return _journals(services, call, endpoint)
    paged, size = _page_size(call, endpoint)
    page = max(1, call.number("page") or 1)
    order = _order(services, call, endpoint)
    if endpoint.name == "ManualJournals" and order:
        # Quirk 11: with an order, the whole list comes as page 1.
        size = None
    since = call.modified_since if endpoint.modified_since else None
    where, parameters = _where(services, call, endpoint)
    offset = (page - 1) * size if size else 0
    if not paged and endpoint.high_volume:
        total = services.store.page(
            call.tenant.tenant_id,
            endpoint.name,
            since=since,
            where=where,
            parameters=parameters,
            limit=0,
        ).total
        if total > services.behaviour.high_volume:
            raise bad_request(
                f"This request would return {total} records, above the high volume threshold of "
                f"{services.behaviour.high_volume}; ask for pages"
            )
    found = services.store.page(
        call.tenant.tenant_id,
        endpoint.name,
        since=since,
        where=where,
        parameters=parameters,
        order=order,
        limit=size if size or page == 1 else 0,
        offset=offset,
    )
    rows = _lighten(call, endpoint, found.documents, paged=paged)
    pagination = None
    if paged and endpoint.paging is Paging.SIZED:
        per_page = size or max(1, found.total)
        pagination = {
            "page": page,
            "pageSize": per_page,
            "pageCount": -(-found.total // per_page),
            "itemCount": found.total,
        }
    return Answer(endpoint.name, rows, pagination, page if paged else None)


def _page_size(call: AccountingCall, endpoint: Endpoint) -> tuple[bool, int | None]:
    """Whether the list is paged, and the rows of a page (None for all)."""
    if endpoint.paging is Paging.FIXED:
        return True, _FIXED_PAGE
    asked = "page" in call.query or (endpoint.summary_only and call.flag("summaryOnly"))
    if endpoint.paging is not Paging.SIZED or not asked:
        return False, None
    size = call.number("pageSize")
    if size is None:
        return True, _FIXED_PAGE
    if not 1 <= size <= _LARGEST_PAGE:
        raise bad_request(f"pageSize must be between 1 and {_LARGEST_PAGE}, not {size}")
    return True, size


def _order(services: Services, call: AccountingCall, endpoint: Endpoint) -> list[tuple[str, bool]]:
    text = call.query.get("order")
    if not endpoint.order or not text:
        return []
    types = endpoint.types
    try:
        keys = query.parse_order(text, types, _entity(endpoint))
    except query.QueryError as error:
        raise bad_query(str(error)) from None
    column = services.store.column
    return [(column(endpoint.name, path, types[path]), down) for path, down in keys]


def _where(
    services: Services, call: AccountingCall, endpoint: Endpoint
) -> tuple[str | None, Sequence[expressions.Scalar]]:
    """The SQL condition of all parameters that narrow the list."""
    types = endpoint.types
    parts: list[expressions.Expression] = []
    text = call.query.get("where")
    try:
        if endpoint.where and text:
            parts.append(query.parse_where(text, types, _entity(endpoint)))
        for item in endpoint.filters:
            value = call.query.get(item.parameter.lower())
            if value:
                parts.append(_narrow(item, value, types))
    except query.QueryError as error:
        raise bad_query(str(error)) from None
    for path, value, parameter in endpoint.hidden_status:
        if parameter is None or not call.flag(parameter):
            status = expressions.property_of(path, types)
            parts.append(expressions.Comparison(status, "!=", expressions.Literal(value, "s")))
    tree = expressions.all_of(parts)
    if tree is None:
        return None, ()
    return expressions.to_sql(
        tree, lambda path, kind: services.store.column(endpoint.name, path, kind)
    )


def _narrow(item: ListFilter, value: str, types: dict[str, str]) -> expressions.Expression:
    if item.operator == "search":
        return expressions.Junction(
            "OR",
            tuple(
                expressions.TextTest(
                    expressions.property_of(path, types), "contains", value, ignore_case=True
                )
                for path in item.field.split()
            ),
        )
    subject = expressions.property_of(item.field, types)
    values = [part.strip() for part in value.split(",")] if item.operator == "in" else [value]
    if subject.kind == "u":
        values = [part.lower() for part in values]
    if item.operator == "in":
        return expressions.Membership(subject, tuple(values))
    if subject.kind != "d":
        return expressions.Comparison(
            subject, item.operator, expressions.Literal(values[0], subject.kind)
        )
    try:
        literal = expressions.date_literal(query.parse_moment(value))
    except ValueError:
        raise query.QueryError(f"{item.parameter} must be a date, not '{value}'") from None
    return expressions.Comparison(subject, item.operator, literal)


def _entity(endpoint: Endpoint) -> str:
    return endpoint.shape.key.removesuffix("ID") or endpoint.name


def _journals(services: Services, call: AccountingCall, endpoint: Endpoint) -> Answer:
    """Journals above an offset, oldest first, 100 at a time."""
    services.books.write_journals(call.tenant.tenant_id)
    tenant_id, column = call.tenant.tenant_id, services.store.column
    number = column(endpoint.name, "JournalNumber", "n")
    offset = call.number("offset") or 0
    conditions, parameters = [f"{number} > ?"], [offset]
    if call.flag("paymentsOnly"):
        sources = ", ".join(f"'{source}'" for source in _CASH_SOURCES)
        conditions.append(f"{column(endpoint.name, 'SourceType', 's')} IN ({sources})")
    found = services.store.page(
        tenant_id,
        endpoint.name,
        since=call.modified_since,
        where=" AND ".join(conditions),
        parameters=parameters,
        order=[(number, False)],
        limit=_FIXED_PAGE,
    )
    rows = found.documents
    if not rows and offset and not _journals_above(services, tenant_id, number, offset):
        # Quirk 19: an offset beyond the end answers with journals all the same.
        latest = services.store.page(
            tenant_id, endpoint.name, order=[(number, True)], limit=_FIXED_PAGE
        )
        rows = latest.documents[::-1]
    return Answer(endpoint.name, rows, page=offset)


def _journals_above(services: Services, tenant_id: str, number: str, offset: int) -> bool:
    above = services.store.page(
        tenant_id, "Journals", where=f"{number} > ?", parameters=[offset], limit=0
    )
    return above.total > 0


# -- single documents and reports -----------------------------------------------------------------


def _document(services: Services, call: AccountingCall, endpoint: Endpoint, name: str) -> bytes:
    """One stored document by its id or, where Xero takes it, by its number."""
    if endpoint.name == "Journals":
        services.books.write_journals(call.tenant.tenant_id)
    shape = endpoint.shape
    tenant_id = call.tenant.tenant_id
    asked: str | int = int(name) if endpoint.name == "Journals" and name.isdigit() else name
    found = services.store.get(tenant_id, endpoint.name, asked)
    if found is None and isinstance(asked, str):
        found = services.store.get(tenant_id, endpoint.name, asked.lower())
    if found is not None and not endpoint.by_number:
        identity = wire.decode(found).get(shape.key)
        found = found if str(identity).lower() == name.lower() else None
    if found is None:
        raise not_found(call.path)
    return found


def _single(services: Services, call: AccountingCall, endpoint: Endpoint, name: str) -> Answer:
    document = _document(services, call, endpoint, name)
    for path, value, parameter in endpoint.hidden_status:
        # What vanishes for good is not found by its id either.
        if parameter is None and wire.decode(document).get(path) == value:
            raise not_found(call.path)
    rows = _without([document], endpoint.shape.single_omits)
    if endpoint.name == "Budgets":
        rows = [_budget_between(rows[0], call)]
    return Answer(endpoint.name, unit_decimals(call, endpoint, rows))


def _budget_between(row: bytes, call: AccountingCall) -> bytes:
    """A budget whose balances lie between DateFrom and DateTo, where these are given."""
    first = call.query.get("datefrom", "")[:7]
    last = call.query.get("dateto", "9999-12")[:7]
    budget = wire.decode(row)
    for line in budget.get("BudgetLines", ()):
        line["BudgetBalances"] = [
            balance for balance in line["BudgetBalances"] if first <= balance["Period"] <= last
        ]
    return wire.encode(budget)


def _report(services: Services, call: AccountingCall, rest: list[str]) -> Answer:
    if len(rest) != 1 or rest[0] not in REPORT_SCOPES:
        raise not_found(call.path)
    try:
        report = services.books.report(call.tenant.tenant_id, rest[0], dict(call.query))
    except ValueError as error:
        raise bad_request(str(error)) from None
    return Answer("Reports", [wire.encode(report)])


# -- lighter forms --------------------------------------------------------------------------------


def _lighten(
    call: AccountingCall, endpoint: Endpoint, rows: list[bytes], *, paged: bool
) -> Sequence[bytes]:
    shape = endpoint.shape
    rows = _without(rows, shape.paged_omits)
    if endpoint.paging is Paging.SIZED and not paged:
        rows = _without(rows, shape.unpaged_omits, emptied=True)
    if endpoint.summary_only and call.flag("summaryOnly"):
        rows = _without(rows, shape.summary_omits)
    if endpoint.name == "TrackingCategories":
        rows = [_visible_options(row, archived=call.flag("includeArchived")) for row in rows]
    return unit_decimals(call, endpoint, rows)


def _without(rows: list[bytes], names: tuple[str, ...], *, emptied: bool = False) -> list[bytes]:
    """The documents without some properties; those that have none of them are not parsed.

    Args:
        rows: The documents.
        names: The properties to leave out.
        emptied: Leave arrays in place but empty, as unpaged lists do.
    """
    if not names:
        return rows
    marks = [f'"{name}":'.encode() for name in names]
    light = []
    for row in rows:
        if any(mark in row for mark in marks):
            document = wire.decode(row)
            for name in names:
                value = document.pop(name, None)
                if emptied and isinstance(value, list):
                    document[name] = []
            light.append(wire.encode(document))
        else:
            light.append(row)
    return light


def _visible_options(row: bytes, *, archived: bool) -> bytes:
    category = wire.decode(row)
    hidden = {"DELETED"} if archived else {"DELETED", "ARCHIVED"}
    category["Options"] = [
        option for option in category.get("Options", ()) if option.get("Status") not in hidden
    ]
    return wire.encode(category)


def unit_decimals(call: AccountingCall, endpoint: Endpoint, rows: list[bytes]) -> list[bytes]:
    """Unit amounts rounded to two places, unless four are asked for."""
    if not endpoint.unitdp or call.query.get("unitdp") == "4":
        return rows
    return [_UNIT_AMOUNT.sub(_rounded, row) for row in rows]


def _rounded(match: re.Match[bytes]) -> bytes:
    amount = Decimal(match[2].decode()).quantize(_CENT, ROUND_HALF_UP)
    return b'"%s":%s' % (match[1], format(amount, "f").encode())
