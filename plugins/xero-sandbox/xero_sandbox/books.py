"""The books of the sandbox's organisations: brought forward to the clock, and open to edits."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xero_sandbox import edits
from xero_sandbox.ledger.balances import Balances
from xero_sandbox.ledger.journals import AccountFace, Journals
from xero_sandbox.reports import reports
from xero_sandbox.shapes import RESOURCES
from xero_sandbox.store import Row
from xero_sandbox.stories import profiles
from xero_sandbox.stories.generator import Generator
from xero_sandbox.stories.organisation import Organisation
from xero_sandbox.stories.timeline import HOUR
from xero_sandbox.webhooks.announcements import Change
from xero_sandbox.wire import DAY, decode, iso_second, net_date, net_date_short, to_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from xero_sandbox.clock import Clock
    from xero_sandbox.store import Store


class _Tenant:
    """What is known of one organisation's books."""

    def __init__(self, organisation: Organisation, store: Store) -> None:
        self.organisation = organisation
        self.lock = threading.RLock()
        self.generator = Generator(organisation)
        self.agenda = self.generator.agenda()
        self.balances = Balances()
        self.taken: dict[str, int] = {}
        self.next_due = self.seen = -(10**15)
        self.today = 0
        self.made_by_hand = 0
        self.journals = Journals(organisation, store, self.generator, self.face)
        self._store = store
        self._faces = {
            account.id: (account.fact.code, account.fact.type, account.fact.name)
            for account in organisation.accounts.values()
        }

    def face(self, account_id: str) -> AccountFace:
        """Return code, type and name of an account, also of one a client has added."""
        if account_id not in self._faces:
            text = self._store.get(self.organisation.tenant_id, "Accounts", account_id)
            if text is None:
                raise LookupError(
                    f"{self.organisation.name} has no account {account_id}; post to one it has."
                )
            account = decode(text)
            self._faces[account_id] = (account.get("Code", ""), account["Type"], account["Name"])
        return self._faces[account_id]


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

    Attributes:
        announce: Told of every change from now on; None when nobody wants to know.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        organisations: int | Sequence[str] = 3,
        seed: int = 1,
        invoices: int = 400,
    ) -> None:
        self.store = store
        self.clock = clock
        self.announce: Callable[[Change], None] | None = None
        self._tenants: dict[str, _Tenant] = {}
        for index, name in enumerate(_names(organisations)):
            organisation = Organisation(name, index, seed, max(1, invoices))
            self._tenants[organisation.tenant_id] = _Tenant(organisation, store)

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
        now = to_ms(self.clock.now())
        if now < tenant.next_due:
            return
        with tenant.lock:
            if now < tenant.next_due:
                return
            changes: list[Change] = []
            with _uncollected():
                self.store.put_many(self._changed(tenant, now, changes))
            today = tenant.organisation.local_day(now)
            if today != tenant.today:
                tenant.balances.new_day()
                tenant.today = today
            self._write_balances(tenant)
            midnight = today + DAY - tenant.organisation.country.utc_offset * HOUR
            tenant.next_due = min(tenant.agenda.next_event(), midnight)
            tenant.seen = now
            self._announce(sorted(changes, key=lambda change: change.at))

    def write_journals(self, tenant_id: str) -> None:
        """Bring an organisation's documents and its general ledger up to the clock.

        Journals come into the store by this call alone, so it precedes any reading of them.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            self.advance(tenant_id)
            with _uncollected():
                tenant.journals.write(to_ms(self.clock.now()), tenant.taken)

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
                tenant.face,
                name,
                parameters,
                to_ms(self.clock.now()),
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
                tenant.made_by_hand += 1
                made[key] = tenant.organisation.id_of("by hand", resource, tenant.made_by_hand)
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
            invoice = edits.invoice(
                tenant.organisation, tenant.generator.contacts, to_ms(self.clock.now()), properties
            )
            if "InvoiceNumber" not in invoice:
                invoice["InvoiceNumber"] = f"HAND-{tenant.made_by_hand + 1:04d}"
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
            now = to_ms(self.clock.now())
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

    def archive_contact(self, tenant_id: str, contact_id: str) -> dict[str, Any]:
        """Archive a contact; return it."""
        return self.edit(tenant_id, "Contacts", contact_id, ContactStatus="ARCHIVED")

    def delete_item(self, tenant_id: str, item_id: str) -> None:
        """Delete an item for good, as Xero does."""
        self.delete(tenant_id, "Items", item_id)

    def delete(self, tenant_id: str, resource: str, id: str) -> None:  # noqa: A002
        """Remove a document without trace (items, linked transactions).

        Raises:
            LookupError: There is no such document.
        """
        tenant = self._tenant(tenant_id)
        with tenant.lock:
            self._take(tenant, resource, self.get(tenant_id, resource, id))
            self.store.delete(tenant_id, resource, id)

    def _tenant(self, tenant_id: str) -> _Tenant:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            raise LookupError(f"The sandbox has no organisation {tenant_id}.")
        return tenant

    def _changed(self, tenant: _Tenant, now: int, changes: list[Change]) -> Iterator[Row]:
        """What business has changed; noted in `changes` too, once there is a before."""
        tenant_id = tenant.organisation.tenant_id
        announced = self.announce is not None and tenant.today != 0
        for name, story in tenant.generator.changed(tenant.agenda, now):
            if name in tenant.taken:
                continue
            newborn = story.events[0] > tenant.seen
            for resource, document_id, body, updated in story.documents(now):
                # What a client of the API has written since is in the client's hands.
                if not newborn and self.store.is_by_hand(tenant_id, resource, document_id):
                    continue
                tenant.balances.observe(resource, document_id, body)
                if announced and updated > tenant.seen:
                    new = newborn or self.store.get(tenant_id, resource, document_id) is None
                    change = Change(tenant_id, resource, document_id, body, new, updated)
                    changes.append(change)
                yield Row(tenant_id, resource, document_id, body, updated, None, name, newborn)

    def _change(
        self,
        tenant: _Tenant,
        resource: str,
        old: dict[str, Any] | None,
        new: dict[str, Any],
    ) -> dict[str, Any]:
        """Store a document that was changed by hand, and post the difference."""
        shape = RESOURCES[resource]
        now = to_ms(self.clock.now())
        story = self._take(tenant, resource, old) if old is not None else None
        updated = now
        if old is not None and shape.updated == "CreatedDateUTC":
            updated = self.store.updated(tenant.organisation.tenant_id, resource, old[shape.key])
        elif shape.updated is not None:
            new[shape.updated] = net_date_short(now) if shape.short_dates else net_date(now)
        if shape.has_updated_string:
            new["UpdatedDateUTCString"] = iso_second(now)
        tenant.balances.observe(resource, new[shape.key], new)
        row = Row(
            tenant.organisation.tenant_id, resource, new[shape.key], new, updated, None, story
        )
        self.store.put_many([row])
        tenant.journals.book_change(now, resource, old, new)
        self._write_balances(tenant)
        self._announce([Change(row.tenant_id, resource, row.id, new, old is None, now)])
        return new

    def _announce(self, changes: Sequence[Change]) -> None:
        if self.announce is not None:
            for change in changes:
                self.announce(change)

    def _take(self, tenant: _Tenant, resource: str, document: dict[str, Any]) -> str | None:
        """Stop the story a document belongs to: from here on it is in other hands."""
        key = RESOURCES[resource].key
        story = self.store.story(tenant.organisation.tenant_id, resource, document[key])
        if story is not None:
            tenant.taken.setdefault(story, to_ms(self.clock.now()))
        return story

    def _write_balances(self, tenant: _Tenant) -> None:
        tenant_id = tenant.organisation.tenant_id

        def rows() -> Iterator[Row]:
            for contact_id, balances in tenant.balances.changes(tenant.today):
                text = self.store.get(tenant_id, "Contacts", contact_id)
                contact = None if text is None else decode(text)
                if contact is None or contact.get("Balances") == balances:
                    continue
                contact["Balances"] = balances
                updated = self.store.updated(tenant_id, "Contacts", contact_id)
                story = self.store.story(tenant_id, "Contacts", contact_id)
                yield Row(tenant_id, "Contacts", contact_id, contact, updated, None, story)

        self.store.put_many(rows())


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector out of mass production.

    Stories and documents refer to nothing that refers back, so there is nothing for it to find;
    looking costs a fifth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _names(organisations: int | Sequence[str]) -> list[str]:
    if not isinstance(organisations, int):
        return list(organisations)
    found = []
    for number in range(organisations):
        name = profiles.ORGANISATION_NAMES[number % len(profiles.ORGANISATION_NAMES)]
        lap = number // len(profiles.ORGANISATION_NAMES)
        found.append(f"{name} {lap + 1}" if lap else name)
    return found
