"""The books of one organisation: brought forward in time, changed by hand, and posted."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from xero_sandbox.ledger.chart import Chart
from xero_sandbox.ledger.contact_balances import ContactBalances
from xero_sandbox.ledger.journals import Journals
from xero_sandbox.shapes import RESOURCES
from xero_sandbox.store import Row
from xero_sandbox.stories.timeline import HOUR
from xero_sandbox.webhooks.announcements import Change
from xero_sandbox.wire import DAY, decode, iso_second, net_date, net_date_short, to_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xero_sandbox.clock import Clock
    from xero_sandbox.store import Store
    from xero_sandbox.stories.contacts import Contacts
    from xero_sandbox.stories.generator import Generator

_NEVER = -(10**15)


class TenantBooks:
    """The books of one organisation.

    Args:
        generator: Tells the organisation's stories.
        store: Where documents go.
        clock: Decides what has happened.

    Attributes:
        organisation: Whose they are.
        lock: Held during a change that is made of several.
        chart: The accounts.
        manual_count: Documents added by hand so far, which their ids are made of.
    """

    def __init__(self, generator: Generator, store: Store, clock: Clock) -> None:
        self.organisation = organisation = generator.organisation
        self.lock = threading.RLock()
        self.chart = Chart(organisation, store)
        self.manual_count = 0
        self._store, self._clock = store, clock
        self._generator = generator
        self._agenda = self._generator.agenda()
        self._balances = ContactBalances()
        self._journals = Journals(organisation, store, self._generator, self.chart)
        # Stories that somebody took over by hand, with the instant.
        self._takeovers: dict[str, int] = {}
        self._next_due = self._advanced_to = _NEVER
        self._today: int | None = None

    @property
    def contacts(self) -> Contacts:
        """Customers and suppliers."""
        return self._generator.contacts

    @property
    def now(self) -> int:
        """The clock's time in milliseconds."""
        return to_ms(self._clock.now())

    @property
    def is_due(self) -> bool:
        """Whether documents have changed since they were brought forward last."""
        return self.now >= self._next_due

    def advance(self) -> list[Change]:
        """Bring documents up to the clock.

        Returns:
            What has changed, in the order of time; nothing the first time, when there was no
            before.
        """
        with self.lock:
            now = self.now
            if now < self._next_due:
                return []
            changes: list[Change] = []
            with _uncollected():
                self._store.put_many(self._advanced_rows(now, changes))
            today = self.organisation.local_day(now)
            if today != self._today:
                self._balances.new_day()
                self._today = today
            self._write_balances(today)
            midnight = today + DAY - self.organisation.country.utc_offset * HOUR
            self._next_due = min(self._agenda.next_event(), midnight)
            self._advanced_to = now
            return sorted(changes, key=lambda change: change.at)

    def write_journals(self) -> None:
        """Bring the general ledger up to the clock, after the documents."""
        with self.lock, _uncollected():
            self._journals.write(self.now, self._takeovers)

    def cash_journals(self, journals: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return journals as they are on cash basis."""
        with self.lock:
            return self._journals.on_cash_basis(journals)

    def change(
        self, resource: str, old: dict[str, Any] | None, new: dict[str, Any], delay: float = 0.0
    ) -> Change:
        """Store a document that was changed by hand, and post the difference.

        Args:
            resource: Envelope key.
            old: The document before, None when it is new.
            new: The document after; the time of the change is filled in.
            delay: Seconds that the time of the change lies back.
        """
        shape, tenant_id, now = RESOURCES[resource], self.organisation.tenant_id, self.now
        story = None if old is None else self.take_over(resource, old)
        updated = stamp = now - round(1000 * delay)
        if old is not None and shape.updated == "CreatedDateUTC":
            updated = self._store.updated(tenant_id, resource, old[shape.key])
        elif shape.updated is not None:
            new[shape.updated] = net_date_short(stamp) if shape.short_dates else net_date(stamp)
        if shape.has_updated_string:
            new["UpdatedDateUTCString"] = iso_second(stamp)
        document_id = new[shape.key]
        self._balances.observe(resource, document_id, new)
        self._store.put_many([Row(tenant_id, resource, document_id, new, updated, None, story)])
        self._journals.book_change(now, resource, old, new)
        self._write_balances(self.organisation.local_day(now))
        return Change(tenant_id, resource, document_id, new, old is None, now)

    def take_over(self, resource: str, document: dict[str, Any]) -> str | None:
        """Stop the story a document belongs to, and return its name."""
        key = RESOURCES[resource].key
        story = self._store.story(self.organisation.tenant_id, resource, document[key])
        if story is not None:
            self._takeovers.setdefault(story, self.now)
        return story

    def _advanced_rows(self, now: int, changes: list[Change]) -> Iterator[Row]:
        """What business has changed; noted in `changes` too, once there is a before."""
        tenant_id = self.organisation.tenant_id
        for name, story in self._generator.changed(self._agenda, now):
            if name in self._takeovers:
                continue
            newborn = story.events[0] > self._advanced_to
            for resource, document_id, body, updated in story.documents(now):
                # What a client of the API has written since is in the client's hands.
                if not newborn and self._store.is_manual(tenant_id, resource, document_id):
                    continue
                self._balances.observe(resource, document_id, body)
                if self._today is not None and updated > self._advanced_to:
                    new = newborn or self._store.get(tenant_id, resource, document_id) is None
                    change = Change(tenant_id, resource, document_id, body, new, updated)
                    changes.append(change)
                yield Row(tenant_id, resource, document_id, body, updated, None, name, newborn)

    def _write_balances(self, today: int) -> None:
        tenant_id = self.organisation.tenant_id

        def rows() -> Iterator[Row]:
            for contact_id, balances in self._balances.changes(today):
                text = self._store.get(tenant_id, "Contacts", contact_id)
                contact = None if text is None else decode(text)
                if contact is None or contact.get("Balances") == balances:
                    continue
                contact["Balances"] = balances
                updated = self._store.updated(tenant_id, "Contacts", contact_id)
                story = self._store.story(tenant_id, "Contacts", contact_id)
                yield Row(tenant_id, "Contacts", contact_id, contact, updated, None, story)

        self._store.put_many(rows())


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
