"""The books of the sandbox's organisations: brought forward to the clock, and open to edits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xero_sandbox import edits
from xero_sandbox.irregularities import Irregularities
from xero_sandbox.reports import reports
from xero_sandbox.shapes import RESOURCES
from xero_sandbox.stories import profiles
from xero_sandbox.stories.features import FEATURES
from xero_sandbox.stories.generator import generator_of
from xero_sandbox.tenant_books import TenantBooks
from xero_sandbox.webhooks.announcements import Change
from xero_sandbox.wire import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xero_sandbox.clock import Clock
    from xero_sandbox.store import Store
    from xero_sandbox.stories.organisation import Organisation


class Books:
    """The books of the sandbox's organisations.

    Every organisation's history is a function of (seed, organisation, invoices): two sandboxes
    made alike agree, and books brought forward in many steps equal books brought forward in one.

    Args:
        store: Where documents go.
        clock: Decides what has happened.
        organisations: How many, or their names.
        seed: Another seed gives other books.
        invoices: Invoices and bills of each organisation between 1 January 2024 and
            1 January 2026; business goes on at that pace.
        features: What Xero does by itself, named in `stories.features`; nothing by default.

    Raises:
        ValueError: There is no such feature.

    Attributes:
        announce: Told of every change from now on; None when nobody wants to know.
        irregularities: Whether changes by hand become visible late.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        organisations: int | Sequence[str] = 3,
        seed: int = 1,
        invoices: int = 400,
        features: Sequence[str] = (),
    ) -> None:
        self.store = store
        self.clock = clock
        self.announce: Callable[[Change], None] | None = None
        self.irregularities = Irregularities()
        unknown = sorted(set(features) - set(FEATURES))
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; features are {', '.join(FEATURES)}")
        self._tenants: dict[str, TenantBooks] = {}
        for index, name in enumerate(_names(organisations)):
            generator = generator_of(name, index, seed, max(1, invoices), tuple(features))
            tenant = TenantBooks(generator, store, clock)
            self._tenants[tenant.organisation.tenant_id] = tenant

    @property
    def organisations(self) -> list[Organisation]:
        """The organisations in order; each has `tenant_id`, `name` and `currency`."""
        return [tenant.organisation for tenant in self._tenants.values()]

    def advance(self, tenant_id: str) -> None:
        """Bring an organisation's documents up to the clock; cheap when nothing is due.

        Raises:
            LookupError: The sandbox has no such organisation.
        """
        tenant = self._tenant(tenant_id)
        if tenant.is_due:
            with tenant.lock:
                self._announce(tenant.advance())

    def write_journals(self, tenant_id: str) -> None:
        """Bring an organisation's documents and its general ledger up to the clock.

        Journals come into the store by this call alone, so it precedes any reading of them.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            self.advance(tenant_id)
            tenant.write_journals()

    def cash_journals(self, tenant_id: str, texts: Sequence[bytes]) -> list[bytes]:
        """Return journals in wire form as they are on cash basis.

        Args:
            tenant_id: The organisation.
            texts: As they are on accrual basis, without those that count there alone.
        """
        journals = self._tenant(tenant_id).cash_journals([decode(text) for text in texts])
        return [encode(journal) for journal in journals]

    def report(self, tenant_id: str, name: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Return a report as an element of Xero's `Reports` array.

        Args:
            tenant_id: The organisation.
            name: TrialBalance, BalanceSheet, ProfitAndLoss, BankSummary, BudgetSummary or
                ExecutiveSummary.
            parameters: Xero's query parameters as text.

        Raises:
            LookupError: There is no such report or organisation.
            ValueError: A parameter cannot be read.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            self.write_journals(tenant_id)
            return reports.report(
                tenant.organisation,
                self.store,
                tenant.chart,
                name,
                parameters,
                tenant.now,
            )

    def get(self, tenant_id: str, resource: str, id_or_number: str | int) -> dict[str, Any]:
        """Return a document as it stands now, decimals exact.

        Raises:
            LookupError: There is none.
        """
        self.advance(tenant_id)
        text = self.store.get(tenant_id, resource, id_or_number)
        if text is None:
            name = self._tenant(tenant_id).organisation.name
            raise LookupError(f"{name} has no {id_or_number} among its {resource}.")
        document: dict[str, Any] = decode(text)
        return document

    def add(self, tenant_id: str, resource: str, **properties: Any) -> dict[str, Any]:
        """Add a document made by hand and post it if it counts.

        Args:
            tenant_id: The organisation.
            resource: Envelope key.
            properties: Wire form; the id and the time of the change are filled in, and so are
                amounts where it has line items.

        Returns:
            The document as stored.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            self.advance(tenant_id)
            made = dict(properties)
            key = RESOURCES[resource].key
            if not made.get(key):
                tenant.manual_count += 1
                made[key] = tenant.organisation.id_of("by hand", resource, tenant.manual_count)
            edits.complete(tenant.organisation, resource, made)
            return self._change(tenant, resource, None, made)

    def edit(self, tenant_id: str, resource: str, id: str, **changes: Any) -> dict[str, Any]:  # noqa: A002
        """Change properties of a document; what the generator had in store for it is off.

        Args:
            tenant_id: The organisation.
            resource: Envelope key.
            id: Its id.
            changes: Properties in wire form; None removes one. New `LineItems` change the
                amounts, and the ledger follows.

        Returns:
            The document as stored.

        Raises:
            LookupError: There is no such document.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            old = self.get(tenant_id, resource, id)
            new = {**old, **changes}
            for name in [name for name, value in changes.items() if value is None]:
                del new[name]
            if "LineItems" in changes:
                edits.complete(tenant.organisation, resource, new)
            return self._change(tenant, resource, old, new)

    def add_invoice(self, tenant_id: str, **properties: Any) -> dict[str, Any]:
        """Add an approved invoice; anything not given is filled in.

        Args:
            tenant_id: The organisation.
            properties: Wire form, such as `Type="ACCPAY"`, `Status="DRAFT"`, `LineItems=[…]`,
                `Contact={"ContactID": …}`.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            self.advance(tenant_id)
            invoice = edits.invoice(tenant.organisation, tenant.contacts, tenant.now, properties)
            if "InvoiceNumber" not in invoice:
                invoice["InvoiceNumber"] = f"HAND-{tenant.manual_count + 1:04d}"
            return self.add(tenant_id, "Invoices", **invoice)

    def pay(self, tenant_id: str, invoice_id: str, amount: Any = None) -> dict[str, Any]:
        """Pay an approved invoice, in part if `amount` says so; return the payment.

        Raises:
            LookupError: There is no such invoice.
            ValueError: The amount exceeds what is due, or nothing is due.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            invoice = self.get(tenant_id, "Invoices", invoice_id)
            now = tenant.now
            payment = edits.payment(tenant.organisation, invoice, amount, now)
            made = self.add(tenant_id, "Payments", **payment)
            self._change(tenant, "Invoices", invoice, edits.with_payment(invoice, made, now))
            return made

    def void(self, tenant_id: str, resource: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Void or delete a document, whichever Xero does to its kind and state.

        Raises:
            LookupError: There is no such document.
            ValueError: It is settled, at least in part, or its kind cannot be voided.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            old = self.get(tenant_id, resource, id)
            new = self._change(tenant, resource, old, edits.voided(resource, old))
            if resource == "Payments" and old["PaymentType"].startswith("ACC"):
                invoice = self.get(tenant_id, "Invoices", old["Invoice"]["InvoiceID"])
                self._change(tenant, "Invoices", invoice, edits.without_payment(invoice, old))
            if resource == "BankTransfers":
                for mirror in ("FromBankTransactionID", "ToBankTransactionID"):
                    self.void(tenant_id, "BankTransactions", old[mirror])
            return new

    def delete(self, tenant_id: str, resource: str, id: str) -> None:  # noqa: A002
        """Remove a document without trace (items, linked transactions).

        Raises:
            LookupError: There is no such document.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            tenant.take_over(resource, self.get(tenant_id, resource, id))
            self.store.delete(tenant_id, resource, id)

    def _tenant(self, tenant_id: str) -> TenantBooks:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            raise LookupError(f"The sandbox has no organisation {tenant_id}.")
        return tenant

    def _change(
        self, tenant: TenantBooks, resource: str, old: dict[str, Any] | None, new: dict[str, Any]
    ) -> dict[str, Any]:
        organisation = self.get(
            tenant.organisation.tenant_id, "Organisations", tenant.organisation.tenant_id
        )
        edits.refuse_locked(tenant.organisation, organisation, resource, old, new)
        delay = self.irregularities.switches.commit_delay
        self._announce([tenant.change(resource, old, new, delay)])
        return new

    def _announce(self, changes: Sequence[Change]) -> None:
        if self.announce is not None:
            for change in changes:
                self.announce(change)


def _names(organisations: int | Sequence[str]) -> list[str]:
    if not isinstance(organisations, int):
        return list(organisations)
    names = []
    for number in range(organisations):
        name = profiles.ORGANISATION_NAMES[number % len(profiles.ORGANISATION_NAMES)]
        lap = number // len(profiles.ORGANISATION_NAMES)
        names.append(f"{name} {lap + 1}" if lap else name)
    return names
