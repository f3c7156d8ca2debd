"""Reading the books: lists, single documents, reports.

A list is what `selection` chose, cut into pages by the rules of its endpoint, in the form that
`forms` gives it.

Source: Xero, "Requests and responses" and "Budgets"; quirks by their numbers in the reference notes
on the API.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from xero_sandbox import annexes, wire
from xero_sandbox.app.answers import (
    Answer,
    bad_request,
    not_found,
    not_implemented,
    timed_out,
    unsortable,
)
from xero_sandbox.app.representation import lighten, unit_decimals, without
from xero_sandbox.app.selection import select
from xero_sandbox.columns import column
from xero_sandbox.endpoint import Endpoint, Paging
from xero_sandbox.endpoints import ENDPOINTS, REPORT_SCOPES
from xero_sandbox.irregularities import Irregularities

if TYPE_CHECKING:
    from xero_sandbox.app.request import AccountingCall
    from xero_sandbox.books import Books
    from xero_sandbox.clock import Clock
    from xero_sandbox.store import Store

_FIXED_PAGE = 100
_LARGEST_PAGE = 1000
_BUDGET_MONTHS = 24


@dataclass(frozen=True)
class Reader:
    """Answers GETs.

    Attributes:
        books: Brought up to the clock before anything is read.
        store: Where documents are.
        clock: Decides which months of a budget are shown.
        high_volume: Rows above which an unpaged list is refused.
        irregularities: In what its answers are unusual.
    """

    books: Books
    store: Store
    clock: Clock
    high_volume: int
    irregularities: Irregularities = field(default_factory=Irregularities)

    def read(self, call: AccountingCall) -> Answer:
        """Answer a GET.

        Raises:
            ApiError: 400 for parameters that cannot be used, 404 for what does not exist, 501
                for what Xero has and the sandbox has not.
        """
        self.books.advance(call.tenant.tenant_id)
        name, *rest = call.segments
        if name == "Reports":
            return self._report(call, rest)
        endpoint = ENDPOINTS[name]
        if not rest:
            return self._list(call, endpoint)
        if endpoint.name == "Organisations" and rest == ["Actions"]:
            return Answer(
                "Actions", [wire.encode({"Name": "UseMulticurrency", "Status": "ALLOWED"})]
            )
        if endpoint.name == "BrandingThemes" and rest[1:] == ["PaymentServices"]:
            self._document(call, endpoint, rest[0])
            listing = self.store.page(call.tenant.tenant_id, "PaymentServices")
            return Answer("PaymentServices", listing.documents)
        if len(rest) == 2 and (answer := self._annex(call, endpoint, *rest)) is not None:
            return answer
        if len(rest) > 1:
            raise not_implemented(call.method, call.path)
        if endpoint.list_only:
            raise not_found(call.path)
        return self._single(call, endpoint, rest[0])

    def _annex(
        self, call: AccountingCall, endpoint: Endpoint, identity: str, kind: str
    ) -> Answer | None:
        """The history or the attachments of a document; None where it can have none."""
        if kind == "History" and endpoint.name in annexes.HISTORY:
            document = wire.decode(self._document(call, endpoint, identity))
            entries = annexes.history(document)
            return Answer("HistoryRecords", [wire.encode(entry) for entry in entries])
        if kind == "Attachments" and endpoint.name in annexes.ATTACHMENTS:
            document = wire.decode(self._document(call, endpoint, identity))
            key = str(document[endpoint.shape.key])
            files = annexes.attachments(endpoint.name, key, document)
            return Answer("Attachments", [wire.encode(file) for file in files])
        return None

    def _list(self, call: AccountingCall, endpoint: Endpoint) -> Answer:
        if endpoint.paging is Paging.OFFSET:
            return self._journals(call, endpoint)
        switches = self.irregularities.of(endpoint.name)
        paged, size = _page_size(call, endpoint)
        page = max(1, call.number("page") or 1)
        if switches.slow_above is not None and (size or 0) > switches.slow_above:
            raise timed_out()
        if size and switches.short_pages:
            size = max(1, size - 1)
        selection = select(self.store, call, endpoint, self.high_volume)
        if switches.most_sorted is not None and selection.order:
            listed = selection.page(self.store, call, endpoint.name, 0).total
            if listed > switches.most_sorted:
                raise unsortable()
        if endpoint.name == "ManualJournals" and selection.order:
            # Quirk 11: with an order, the whole list comes as page 1.
            size = None
        if not paged and endpoint.high_volume:
            self._refuse_high_volume(selection.page(self.store, call, endpoint.name, 0).total)
        limit = size if size or page == 1 else 0
        listing = selection.page(self.store, call, endpoint.name, limit, (page - 1) * (size or 0))
        if page > 1 and not listing.documents and switches.past_the_end != "empty":
            if switches.past_the_end == "missing":
                raise not_found(f"{call.path}, page {page}")
            return self._list(replace(call, query={**call.query, "page": str(page - 1)}), endpoint)
        rows = lighten(call, endpoint, listing.documents, paged=paged)
        pagination = None
        if paged and endpoint.paging is Paging.SIZED:
            items = self.irregularities.count(
                endpoint.name,
                (call.tenant.tenant_id, selection.since, selection.where),
                listing.total,
                self.clock.now().timestamp(),
            )
            per_page = size or max(1, listing.total)
            pagination = {
                "page": page,
                "pageSize": per_page,
                "pageCount": -(-items // per_page),
                "itemCount": items,
            }
        return Answer(endpoint.name, rows, pagination, page if paged else None)

    def _refuse_high_volume(self, total: int) -> None:
        most = self.high_volume
        if total > most:
            raise bad_request(
                f"This request would return {total} records, above the high volume threshold of "
                f"{most}; ask for pages"
            )

    def _journals(self, call: AccountingCall, endpoint: Endpoint) -> Answer:
        """Journals above an offset, oldest first, 100 at a time."""
        self.books.write_journals(call.tenant.tenant_id)
        tenant_id = call.tenant.tenant_id
        number = column(endpoint.name, "JournalNumber", "n")
        offset = call.number("offset") or 0
        cash = call.flag("paymentsOnly")
        of_basis, tenant = "1", []
        if cash:
            journals = "SELECT journal FROM ledger WHERE tenant = ? AND NOT accrual_only"
            of_basis = f"{number} IN ({journals})"
            tenant = [tenant_id]
        rows = self.store.page(
            tenant_id,
            endpoint.name,
            since=call.modified_since,
            where=f"{number} > ? AND {of_basis}",
            parameters=[offset, *tenant],
            order=[(number, False)],
            limit=_FIXED_PAGE - self.irregularities.of(endpoint.name).short_pages,
        ).documents
        if not rows and offset and not self._journals_above(tenant_id, number, offset):
            # Quirk 19: an offset beyond the end answers with journals all the same.
            latest = self.store.page(
                tenant_id,
                endpoint.name,
                where=of_basis,
                parameters=tenant,
                order=[(number, True)],
                limit=_FIXED_PAGE,
            )
            rows = latest.documents[::-1]
        if cash:
            rows = self.books.cash_journals(tenant_id, rows)
        return Answer(endpoint.name, rows, page=offset)

    def _journals_above(self, tenant_id: str, number: str, offset: int) -> bool:
        above = self.store.page(
            tenant_id, "Journals", where=f"{number} > ?", parameters=[offset], limit=0
        )
        return above.total > 0

    def _document(self, call: AccountingCall, endpoint: Endpoint, name: str) -> bytes:
        """One stored document by its id or, where Xero takes it, by its number."""
        if endpoint.name == "Journals":
            self.books.write_journals(call.tenant.tenant_id)
        shape = endpoint.shape
        tenant_id = call.tenant.tenant_id
        key: str | int = int(name) if endpoint.name == "Journals" and name.isdigit() else name
        text = self.store.get(tenant_id, endpoint.name, key)
        if text is None and isinstance(key, str):
            text = self.store.get(tenant_id, endpoint.name, key.lower())
        if text is not None and not endpoint.by_number:
            identity = wire.decode(text).get(shape.key)
            text = text if str(identity).lower() == name.lower() else None
        if text is None:
            raise not_found(call.path)
        return text

    def _single(self, call: AccountingCall, endpoint: Endpoint, name: str) -> Answer:
        document = self._document(call, endpoint, name)
        for path, value, parameter in endpoint.hidden_status:
            # What vanishes for good is not found by its id either.
            if parameter is None and wire.decode(document).get(path) == value:
                raise not_found(call.path)
        rows = without([document], endpoint.shape.single_omits)
        if endpoint.name == "Budgets":
            rows = [self._budget_between(rows[0], call)]
        return Answer(endpoint.name, unit_decimals(call, endpoint, rows))

    def _budget_between(self, row: bytes, call: AccountingCall) -> bytes:
        """A budget whose balances lie between DateFrom and DateTo, by their months.

        Without them Xero shows three months: the last, this and the next one.

        Raises:
            ApiError: 400 for more months than Xero gives in one answer.
        """
        now = self.clock.now()
        this = now.year * 12 + now.month - 1
        first = _month(call, "DateFrom", this - 1)
        last = _month(call, "DateTo", max(first, this + 1))
        if last - first >= _BUDGET_MONTHS:
            raise bad_request(
                f"A maximum of {_BUDGET_MONTHS} months of a budget can be retrieved in a single "
                f"request, not {last - first + 1}"
            )
        budget = wire.decode(row)
        shown = {f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(first, last + 1)}
        for line in budget.get("BudgetLines", ()):
            line["BudgetBalances"] = [
                balance for balance in line["BudgetBalances"] if balance["Period"] in shown
            ]
        return wire.encode(budget)

    def _report(self, call: AccountingCall, rest: list[str]) -> Answer:
        if len(rest) != 1 or rest[0] not in REPORT_SCOPES:
            raise not_found(call.path)
        try:
            report = self.books.report(call.tenant.tenant_id, rest[0], dict(call.query))
        except ValueError as error:
            raise bad_request(str(error)) from None
        return Answer("Reports", [wire.encode(report)])


def _page_size(call: AccountingCall, endpoint: Endpoint) -> tuple[bool, int | None]:
    """Whether the list is paged, and the rows of a page (None for all)."""
    if endpoint.paging is Paging.FIXED:
        return True, _FIXED_PAGE
    is_paged = "page" in call.query or (endpoint.summary_only and call.flag("summaryOnly"))
    if endpoint.paging is not Paging.SIZED or not is_paged:
        return False, None
    size = call.number("pageSize")
    if size is None:
        return True, _FIXED_PAGE
    if not 1 <= size <= _LARGEST_PAGE:
        raise bad_request(f"pageSize must be between 1 and {_LARGEST_PAGE}, not {size}")
    return True, size


def _month(call: AccountingCall, name: str, default: int) -> int:
    """The month of a date parameter, counted from year 0."""
    text = call.query.get(name.lower())
    if text is None:
        return default
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        raise bad_request(f"{name} is no date: {text}") from None
    return day.year * 12 + day.month - 1
