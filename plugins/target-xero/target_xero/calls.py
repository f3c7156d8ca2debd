"""The calls that write, and what Xero's answers to them say.

Pure: rows of the ledger in, requests and outcomes out. A body is made of the payloads as the ledger
has them, byte for byte, so that a call can be sent again with the Idempotency-Key that it had.

Source: Xero, HTTP PUT and POST; Idempotent requests; Requests and responses (`summarizeErrors`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tap_xero.api import envelope as envelope_of
from tap_xero.api.client import Change, read
from tap_xero.api.envelope import rows as rows_of
from tap_xero.models.dates import instant, parse_instant

from target_xero.current import chunks
from target_xero.ledger import APPLIED, REJECTED, UNKNOWN, Entry, text_of, value_of
from target_xero.planning import is_applied
from target_xero.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_xero.current import Document
    from target_xero.resources import Resource


@dataclass(frozen=True)
class Call:
    """One write and the rows of the ledger that it carries.

    Attributes:
        entries: The rows, in their order in the body.
        change: What is sent where.
        params: Query.
        key: Idempotency-Key.
    """

    entries: tuple[Entry, ...]
    change: Change
    params: dict[str, str]
    key: str

    @property
    def resource(self) -> Resource:
        """The stream that is written."""
        return RESOURCES[self.entries[0].stream]


def calls(entries: Iterable[Entry], updated: Mapping[tuple[str, str, str], str]) -> Iterator[Call]:
    """The calls that carry planned rows: of an organisation, a stream and an action each.

    Args:
        entries: Rows, in the order of the plan.
        updated: Xero's UpdatedDateUTC of each record before, so that a value that comes back after
            another one is not taken for the same write.
    """
    for _, group in groupby(entries, lambda each: (each.tenant_id, each.stream, each.action)):
        listed = list(group)
        for some in chunks(listed, RESOURCES[listed[0].stream].batch):
            parts = [[*each.record, each.payload, updated.get(each.record, "")] for each in some]
            key = sha256(text_of(parts).encode()).hexdigest()
            yield call_of(
                [
                    replace(each, idempotency_key=key, position=position)
                    for position, each in enumerate(some)
                ]
            )


def call_of(entries: Sequence[Entry]) -> Call:
    """The call of rows that have an Idempotency-Key already."""
    entries = sorted(entries, key=lambda each: each.position or 0)
    first, resource = entries[0], RESOURCES[entries[0].stream]
    method = "PUT" if first.action == "create" else "POST"
    payloads = ",".join(each.payload or "" for each in entries)
    body = payloads if method in resource.bare else f'{{"{resource.path}":[{payloads}]}}'
    params = {"summarizeErrors": "false"} if resource.batch > 1 else {}
    change = Change(method, _path(resource, first), body.encode())
    return Call(tuple(entries), change, params, str(first.idempotency_key))


def _path(resource: Resource, entry: Entry) -> str:
    payload = value_of(entry.payload)
    parts = [resource.path]
    if resource.parent:
        parts += [payload[resource.parent], "Options"]
    if resource.batch == 1 and entry.action == "update":
        parts.append(payload[resource.id])
    return "/".join(parts)


def outcomes(call: Call, content: bytes) -> list[Entry]:
    """What an answer says of each row: applied, rejected, or unknown where it is odd."""
    name = "Options" if call.resource.parent else call.resource.path
    rows = rows_of(read(content, verbatim=False), name) or []
    if len(rows) != len(call.entries):
        return [replace(each, status=UNKNOWN, words="an odd answer") for each in call.entries]
    return [outcome(each, row) for each, row in zip(call.entries, rows, strict=True)]


def outcome(entry: Entry, row: Any) -> Entry:
    """What Xero's answer says of one row."""
    resource = RESOURCES[entry.stream]
    if not isinstance(row, dict):
        return replace(entry, status=UNKNOWN, words="an odd answer")
    if errors := _messages(row):
        return replace(entry, status=REJECTED, words=errors)
    if not is_applied(value_of(entry.payload), resource, row):
        words = "Xero took it and has something else now; see the record in Xero"
        return replace(entry, status=REJECTED, words=words)
    return applied(entry, row)


def applied(entry: Entry, document: Document, words: str | None = None) -> Entry:
    """The row of a write that Xero has."""
    resource = RESOURCES[entry.stream]
    updated = instant(document.get("UpdatedDateUTC"))
    return replace(
        entry,
        status=APPLIED,
        words=words,
        xero_id=str(document[resource.id]).lower(),
        xero_updated_utc=parse_instant(updated) if updated else None,
    )


def rejected(call: Call, body: Any, otherwise: str) -> list[Entry]:
    """The rows of a call that Xero refused as a whole."""
    elements = envelope_of.rows(body, "Elements") if isinstance(body, dict) else None
    found = [_messages(each) for each in elements or () if isinstance(each, dict)]
    words = "; ".join(filter(None, found)) or otherwise
    return [replace(each, status=REJECTED, words=words) for each in call.entries]


def _messages(row: Mapping[str, Any]) -> str:
    errors = row.get("ValidationErrors") or ()
    said = [str(each.get("Message")) for each in errors if isinstance(each, dict)]
    if not said and row.get("StatusAttributeString") == "ERROR":
        return "Xero says ERROR and not why"
    return "; ".join(said)
