"""An organisation as its stories see it: ids, accounts, tax rates, tracking, exchange rates.

Everything here is a function of (seed, organisation): no clock and no store. What the organisation
looks like on the wire is in `reference`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from xero_sandbox.stories import profiles
from xero_sandbox.stories.timeline import START
from xero_sandbox.wire import DAY

_WORD = 0xFFFFFFFFFFFFFFFF


def uuid_text(bits: int) -> str:
    """Return 128 bits as a version 4 GUID."""
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


@dataclass(frozen=True)
class Account:
    """An account with its id; `foreign` holds the currency of a foreign bank account."""

    id: str
    fact: profiles.AccountFact
    foreign: str | None = None


@dataclass(frozen=True)
class TrackingOption:
    """An option of a tracking category, and the category it belongs to."""

    category_id: str
    category: str
    id: str
    name: str


@dataclass(frozen=True)
class ItemFact:
    """A product or service.

    Attributes:
        id: ItemID.
        code: Its code.
        name: Its name.
        price: Sales price in ten-thousandths.
        cost: Purchase price in ten-thousandths.
        on_hand: Units in stock when tracked as inventory, else None.
    """

    id: str
    code: str
    name: str
    price: int
    cost: int
    on_hand: int | None = None


class Organisation:
    """The unchanging facts of one organisation.

    Args:
        name: Its name.
        index: Its place among the sandbox's organisations, which decides its country.
        seed: What makes this sandbox's books differ from another's.
        invoices: How many invoices and bills it has between START and ANCHOR.
        features: What of `features.FEATURES` it has.
    """

    def __init__(
        self, name: str, index: int, seed: int, invoices: int, features: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.features = features
        self.invoices = invoices
        self.country = profiles.COUNTRIES[index % len(profiles.COUNTRIES)]
        self._root = f"{seed}/{index}/{name}"
        self.tenant_id = self.id_of("tenant")
        # One number spares each story the hashing of a text.
        self._salt = int.from_bytes(hashlib.sha256(self._root.encode()).digest()[:8], "big")

    def id_of(self, *path: object) -> str:
        """Return the GUID of the thing at `path`, always the same one."""
        text = "/".join([self._root, *map(str, path)])
        return uuid_text(int.from_bytes(hashlib.md5(text.encode()).digest(), "big"))  # noqa: S324

    def random(self, strand: int, index: int) -> Random:
        """Return the dice of one story."""
        return Random(self._salt + (index << 8) + strand)

    def jitter(self, strand: int, index: int) -> float:
        """Return a number in [0, 1) for one story, cheaper than its dice."""
        # The finaliser of splitmix64: neighbours in, strangers out.
        mixed = (self._salt + index * 0x9E3779B97F4A7C15 + strand * 0xD1B54A32D192ED03) & _WORD
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
        return (mixed >> 11) / 0x20000000000000

    @property
    def currency(self) -> str:
        """The base currency."""
        return self.country.currency

    def local_day(self, instant: int) -> int:
        """Return midnight UTC of the organisation's calendar date at `instant`."""
        local = instant + self.country.utc_offset * 3_600_000
        return local - local % DAY

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """The chart of accounts by key."""
        foreign = self.country.foreign[0][0]
        return {
            fact.key: Account(
                self.id_of("account", fact.key), fact, foreign if fact.key == "foreign" else None
            )
            for fact in profiles.CHART
        }

    @cached_property
    def sale_accounts(self) -> list[Account]:
        """Accounts that lines of sales use."""
        return [account for account in self.accounts.values() if account.fact.role == "sale"]

    @cached_property
    def cost_accounts(self) -> list[Account]:
        """Accounts that lines of purchases use."""
        return [account for account in self.accounts.values() if account.fact.role == "cost"]

    @cached_property
    def taxes(self) -> dict[str, profiles.Tax]:
        """Tax rates by TaxType."""
        return {tax.type: tax for tax in self.country.taxes}

    @cached_property
    def tracking(self) -> tuple[tuple[TrackingOption, ...], ...]:
        """Options in use, one tuple for each of the two active categories."""
        return tuple(
            tuple(
                TrackingOption(
                    self.id_of("tracking", category),
                    category,
                    self.id_of("tracking", category, option),
                    option,
                )
                for option in options
            )
            for category, options, _ in profiles.TRACKING
        )

    @cached_property
    def tracking_wire(self) -> tuple[tuple[list[dict[str, Any]], ...], ...]:
        """`Tracking` of a line for each pair of options; the last place of a row means none."""
        first, second = ([*options, None] for options in self.tracking)
        return tuple(
            tuple([_reference(o) for o in (one, two) if o is not None] for two in second)
            for one in first
        )

    @cached_property
    def items(self) -> tuple[ItemFact, ...]:
        """Products and services; the last few are tracked as inventory and never sold."""
        count = max(len(profiles.ITEM_WORDS), min(500, self.invoices // 50))
        tracked = 3
        items = []
        for number in range(count):
            dice = self.random(200, number)
            word = profiles.ITEM_WORDS[number % len(profiles.ITEM_WORDS)]
            size = number // len(profiles.ITEM_WORDS)
            price = dice.randrange(50_000, 4_000_000)
            # Cheap goods are priced below the cent, as people do who sell by the thousand.
            price -= price % (100 if number % 4 else 1)
            items.append(
                ItemFact(
                    self.id_of("item", number),
                    f"{word[:3].upper()}-{number:03d}",
                    f"{word} {size}" if size else word,
                    price,
                    price * 6 // 10,
                    dice.randrange(5, 60) if number >= count - tracked else None,
                )
            )
        return tuple(items)

    @cached_property
    def untracked_items(self) -> tuple[ItemFact, ...]:
        """Items that documents may use."""
        return tuple(item for item in self.items if item.on_hand is None)

    def rate(self, currency: str, day: int) -> int:
        """Return units of `currency` per one unit of the base currency on `day`, in millionths."""
        if currency == self.currency:
            return 1_000_000
        middle = dict(self.country.foreign)[currency]
        swing = math.sin((day - START) / DAY / 37 + len(self.name))
        return middle + int(middle * 0.03 * swing)


def _reference(option: TrackingOption) -> dict[str, Any]:
    return {
        "Name": option.category,
        "Option": option.name,
        "TrackingCategoryID": option.category_id,
        "TrackingOptionID": option.id,
    }
