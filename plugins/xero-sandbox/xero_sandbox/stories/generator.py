"""All strands of one organisation, and what they say between one instant and the next."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from xero_sandbox.stories.banking import BankTransactions, BankTransfers
from xero_sandbox.stories.contacts import Contacts
from xero_sandbox.stories.deals import Batches, Deals
from xero_sandbox.stories.features import LOCKS, Locks, SystemEntries
from xero_sandbox.stories.office import ExpenseClaims, ManualJournals
from xero_sandbox.stories.orders import BillableExpenses, OrdersOrQuotes
from xero_sandbox.stories.organisation import Organisation
from xero_sandbox.stories.reference import Reference
from xero_sandbox.stories.timeline import Agenda

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xero_sandbox.stories.story import Story, Strand

_CACHED_STORIES = 2_048
_POSTING = ("deals", "bank", "transfers", "manual", "claims", "system")
_LEDGER_ONLY = ("system",)
"""Strands that leave nothing but journals."""


class Generator:
    """The stories of an organisation.

    Attributes:
        organisation: Whose they are.
        contacts: Its customers and suppliers.
    """

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.contacts = contacts = Contacts(organisation)
        deals = Deals(organisation, contacts)
        strands: list[Strand] = [
            Reference(organisation, contacts),
            contacts,
            deals,
            Batches(deals),
            BankTransactions(organisation, contacts),
            BankTransfers(organisation),
            OrdersOrQuotes(organisation, contacts, is_order=True),
            OrdersOrQuotes(organisation, contacts, is_order=False),
            BillableExpenses(organisation, deals),
            ManualJournals(organisation),
            ExpenseClaims(organisation, contacts),
        ]
        if organisation.features:
            strands.append(SystemEntries(organisation))
        if LOCKS in organisation.features:
            strands.append(Locks(organisation))
        self._strands = {strand.name: strand for strand in strands}
        # Of small books each story is made once, also for the journals.
        self._story = lru_cache(_CACHED_STORIES)(self._new_story)

    def agenda(self, *, posting_only: bool = False) -> Agenda:
        """Return a new agenda, on which everything is still to come.

        Args:
            posting_only: The strands that touch the ledger, instead of those that leave documents.
        """
        return Agenda(
            {
                name: strand.birth
                for name, strand in self._strands.items()
                if name in _POSTING or not posting_only
                if posting_only or name not in _LEDGER_ONLY
            }
        )

    def changed(self, agenda: Agenda, now: int) -> Iterator[tuple[str, Story]]:
        """Yield the name and story of everything that changed since the agenda's last look."""
        for strand, index in agenda.due(now):
            story = self._story(strand, index)
            later = next((at for at in story.events if at > now), None)
            if later is not None:
                agenda.expect(later, strand, index)
            yield f"{strand}/{index}", story

    def _new_story(self, strand: str, index: int) -> Story:
        return self._strands[strand].story(index)


@lru_cache(maxsize=16)
def generator_of(
    name: str, index: int, seed: int, invoices: int, features: tuple[str, ...] = ()
) -> Generator:
    """Return the generator of an organisation, the same one for the same arguments.

    Stories are functions of the organisation alone, so all sandboxes of a process may share them.

    Args:
        name: The organisation's name.
        index: Its place among the sandbox's organisations.
        seed: What makes this sandbox's books differ from another's.
        invoices: Invoices and bills between START and ANCHOR.
        features: What of `features.FEATURES` it has.
    """
    return Generator(Organisation(name, index, seed, invoices, features))
