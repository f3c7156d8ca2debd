"""Everything one sandbox serves from, handed to the routes as one object."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xero_sandbox.app.idempotency import IdempotencyKeys
from xero_sandbox.calls import CallLog
from xero_sandbox.faults import FaultPlan
from xero_sandbox.hooks import Hooks

if TYPE_CHECKING:
    from xero_sandbox.books import Books
    from xero_sandbox.clock import Clock
    from xero_sandbox.identity import Identity
    from xero_sandbox.limits import Limits
    from xero_sandbox.store import Store
    from xero_sandbox.webhooks import Webhooks


@dataclass(frozen=True)
class Behaviour:
    """How the HTTP face behaves, apart from the rules of Xero that never change.

    Attributes:
        latency: Seconds that every Accounting call takes at least.
        latency_per_row: Seconds more for each record in the answer.
        journals: Whether the app may read journals (Advanced tier, or an old custom connection).
        auto_approve: Whether the consent page approves by itself, for all organisations.
        high_volume: Rows above which an unpaged list is refused.
    """

    latency: float = 0.0
    latency_per_row: float = 0.0
    journals: bool = True
    auto_approve: bool = False
    high_volume: int = 100_000


@dataclass(frozen=True)
class Services:
    """The parts of one sandbox."""

    clock: Clock
    store: Store
    books: Books
    identity: Identity
    limits: Limits
    webhooks: Webhooks
    behaviour: Behaviour = field(default_factory=Behaviour)
    faults: FaultPlan = field(default_factory=FaultPlan)
    hooks: Hooks = field(default_factory=Hooks)
    calls: CallLog = field(default_factory=CallLog)
    idempotency: IdempotencyKeys = field(default_factory=IdempotencyKeys)
    # Xero settles concurrent writes one after the other; so does the sandbox.
    writing: threading.RLock = field(default_factory=threading.RLock)
