"""Receivers for tests: in this process or as the real command, and deliveries for them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from tap_xero.webhooks.inbox import Inbox
from tap_xero.webhooks.metrics import Metrics
from tap_xero.webhooks.server import WebhookServer
from tap_xero.webhooks.signature import SigningKeys
from xero_sandbox import wire
from xero_sandbox.sandbox import Sandbox
from xero_sandbox.shapes import RESOURCES

KEY = "c2lnbmluZyBrZXkgb2YgdGVzdHM="
TENANT = "11111111-1111-4111-8111-111111111111"


def event(number: int = 0, **changes: str) -> dict[str, str]:
    """An event of an invoice; another number is another invoice."""
    return {
        "resourceUrl": "https://api.xero.com/api.xro/2.0/Invoices/x",
        "resourceId": str(uuid.UUID(int=number)),
        "tenantId": TENANT,
        "tenantType": "ORGANISATION",
        "eventCategory": "INVOICE",
        "eventType": "UPDATE",
        "eventDateUtc": "2026-02-02T09:00:00.000",
        **changes,
    }


def body_of(*events: object) -> bytes:
    """A delivery of events; without any, that of the handshake."""
    sequence = len(events)
    content = {
        "events": list(events),
        "firstEventSequence": min(1, sequence),
        "lastEventSequence": sequence,
        "entropy": "ABCDEFGHIJKLMNOPQRST",
    }
    return json.dumps(content).encode()


def signature(body: bytes, key: str = KEY) -> str:
    """The signature as Xero makes it."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def deliver(url: str, body: bytes, key: str = KEY, **headers: str) -> requests.Response:
    """Post a delivery."""
    signed = {"x-xero-signature": signature(body, key), "Content-Type": "application/json"}
    return requests.post(url, body, headers={**signed, **headers}, timeout=10)


class RunningReceiver:
    """A receiver in this process."""

    def __init__(self, path: Path, keys: str = KEY, **options: object) -> None:
        self.metrics = Metrics()
        self.inbox = Inbox(path)
        self.told = threading.Event()
        self.server = WebhookServer(
            path, SigningKeys.parse(keys), self.metrics, self.told.set, **options
        )
        self.url = f"{self.server.url}/webhooks"
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.server.stop()
        self._thread.join(10)
        self.inbox.close()

    def stored(self) -> list[tuple[str, str, str]]:
        """Category, id and time of the events in the inbox, as they came."""
        found = self.inbox.waiting({}, self.inbox.last_position(), most=1_000_000)
        return [(each.event.category, each.event.resource_id, each.event.at) for each in found]


class ReceiverProcess:
    """`tap-xero-webhooks serve`, as somebody would start it."""

    def __init__(self, path: Path, *arguments: str, **env: str) -> None:
        clean = {name: value for name, value in os.environ.items() if "TAP_XERO" not in name}
        self.log = path.with_suffix(".log")
        self.process = subprocess.Popen(
            [
                Path(sys.executable).with_name("tap-xero-webhooks"),
                "serve",
                "--port=0",
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=self.log.open("ab"),
            env={
                **clean,
                "TAP_XERO_WEBHOOK_SIGNING_KEY": KEY,
                "TAP_XERO_WEBHOOK_INBOX_PATH": str(path),
                **env,
            },
        )
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else b""
        assert line, self.log.read_text()
        self.url = json.loads(line)["url"]

    def kill(self) -> None:
        """As a machine that loses its power would, as far as this process is concerned."""
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def stop(self) -> int:
        """Stop it as a service manager does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.stdout.close()

    def logged(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@dataclass
class Wired:
    """A sandbox whose webhook ends in an inbox, and the tap that reads it."""

    xero: Sandbox
    receiver: RunningReceiver
    run_tap: Any

    @property
    def tenant(self) -> str:
        return self.xero.tenants[0].tenant_id

    @property
    def inbox(self) -> Inbox:
        return self.receiver.inbox

    def edited(self, resource: str, number: int = 1, tenant: int = 0) -> list[str]:
        """Edit some records that exist; gives their ids, in the order of their edits."""
        tenant_id = self.xero.tenants[tenant].tenant_id
        key = RESOURCES[resource].key
        page = self.xero.store.page(tenant_id, resource, limit=number).documents
        ids = [wire.decode(text)[key] for text in page]
        assert len(ids) == number, f"the books have too few {resource}"
        for each in ids:
            self.xero.clock.advance(seconds=1)
            self.xero.books.edit(tenant_id, resource, each, Reference=f"edited {each}")
        return ids

    def run(self, state=None, **settings):
        """A run for events only, once all of them have come."""
        assert self.xero.webhooks.settle()
        self.xero.calls.clear()
        settings = {"webhook_only": True, "webhook_inbox_path": str(self.inbox.path), **settings}
        return self.run_tap(self.xero, state=state, **settings)

    @property
    def calls(self) -> list[str]:
        """Calls of the Accounting API in the last run; tokens and connections are none."""
        return [call.path for call in self.xero.calls.of("*") if not call.path.startswith("conn")]
