"""Webhooks as Xero sends them: what changes becomes an event, and events are delivered.

`announcements` says which changes are announced and how a delivery looks on the wire, `post` makes
one attempt, `subscription` is the app's webhook: its queue, retries, handshake and counts.
"""

from __future__ import annotations

from xero_sandbox.webhooks.subscription import Webhooks

__all__ = ["Webhooks"]
