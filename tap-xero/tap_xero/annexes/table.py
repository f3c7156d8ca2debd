"""The table of annexes, and the settings `history` and `attachments` that say of which streams.

Source: Xero's Accounting API specification 16.1.0 (paths, scopes); Xero, History and notes, and
Attachments.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tap_xero.api import wire
from tap_xero.models import dates
from tap_xero.models.fields import Model, flag, moment, text, whole
from tap_xero.models.resources import BY_STREAM, FIXED_PAGE_SIZE, PAGE_SIZE, Resource
from tap_xero.models.schema import stream_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_xero.api.envelope import Row

_OF = (
    text("Stream", "Stream of the record."),
    text("RecordID", "Identifier of the record there."),
    moment("UpdatedDateUTC", "When the record had last changed when this was read."),
)

_HISTORY = Model(
    "HistoryRecord",
    "What was done to a record, by whom and when, and the notes that people left.",
    (
        text("HistoryID", "Digest of the entry and its record; Xero gives entries no id."),
        *_OF,
        moment("DateUTC", "When it was done."),
        text("Changes", "What was done: Created, Approved, Edited, Note …"),
        text("User", "Who did it."),
        text("Details", "More about it, or the note."),
        moment("DateUTCString", "The same as DateUTC, to the second."),
    ),
)

_ATTACHMENT = Model(
    "Attachment",
    "A file attached to a record: what it is, not what is in it.",
    (
        text("AttachmentID", "Identifier of the file."),
        *_OF,
        text("FileName", "Its name."),
        text("Url", "Where the API has it."),
        text("MimeType", "What kind of file it is."),
        whole("ContentLength", "Its size in bytes."),
        flag("IncludeOnline", "Shown with the online invoice."),
    ),
)


@dataclass(frozen=True)
class Annex:
    """A kind of annex, the stream made of it, and the setting of the same name.

    Attributes:
        stream: Name of the stream and of the setting.
        path: Last part of the path of a call for one record, and property of the answer.
        envelope: Property of the answer that holds the rows.
        model: Fields of a row.
        key: Properties that identify a row within its organisation.
        parents: Streams whose records can have it.
        scope: Scope it takes besides that of the records; None when that is enough.
        mark: Property by which a record says whether it has any; None where none says so.
        page_size: Records of a page of their list. A run that is stopped reads those of its last
            page again, and each is a call.
    """

    stream: str
    path: str
    envelope: str
    model: Model
    key: tuple[str, ...]
    parents: tuple[str, ...]
    scope: str | None = None
    mark: str | None = None
    page_size: int = FIXED_PAGE_SIZE

    def has(self, record: Row) -> bool:
        """Whether a record can have any."""
        return self.mark is None or bool(record.get(self.mark, True))

    def rows(self, parent: Resource, record: Row, answer: Sequence[Any]) -> Iterator[Row]:
        """What an answer says of a record.

        Args:
            parent: What the record is.
            record: As Xero sent it.
            answer: Rows of the answer as they came.
        """
        identity = record[parent.identity]
        of = {
            "Stream": parent.stream,
            "RecordID": identity,
            "UpdatedDateUTC": record.get(parent.updated or ""),
        }
        numbers: dict[bytes, int] = {}
        for each in answer:
            if not isinstance(each, dict):
                continue
            row = {**each, **of}
            if self.key[0] in row:
                yield row
            elif self.stream == "history":
                said = _said(identity, row)
                numbers[said] = numbers.get(said, 0) + 1
                yield {"HistoryID": _digest(said, numbers[said]), **row}


HISTORY = Annex(
    "history",
    "History",
    "HistoryRecords",
    _HISTORY,
    ("HistoryID",),
    (
        *("contacts", "items", "repeating_invoices", "invoices", "credit_notes", "prepayments"),
        *("overpayments", "batch_payments", "payments", "bank_transactions", "bank_transfers"),
        *("purchase_orders", "quotes", "manual_journals", "receipts", "expense_claims"),
    ),
)

ATTACHMENTS = Annex(
    "attachments",
    "Attachments",
    "Attachments",
    _ATTACHMENT,
    ("AttachmentID", "RecordID"),
    (
        *("accounts", "contacts", "repeating_invoices", "invoices", "credit_notes"),
        *("bank_transactions", "bank_transfers", "purchase_orders", "quotes", "manual_journals"),
        "receipts",
    ),
    scope="accounting.attachments.read",
    mark="HasAttachments",
    page_size=PAGE_SIZE,
)

ANNEXES = (HISTORY, ATTACHMENTS)
NAMES = tuple(annex.stream for annex in ANNEXES)


class AnnexResource(Resource):
    """An annex in the shape in which the rest of the tap knows its resources."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the stream's records."""
        return _schema(self.stream)


def resource(annex: Annex, parents: Sequence[Resource] = ()) -> AnnexResource:
    """The resource of an annex.

    Args:
        annex: The annex.
        parents: What it is read of; without a scope of its own it takes the first one's.
    """
    (parent, *_) = parents or [BY_STREAM[annex.parents[0]]]
    return AnnexResource(
        stream=annex.stream,
        path=annex.path,
        envelope=annex.envelope,
        key=annex.key,
        model=annex.model,
        scope=annex.scope or parent.scope,
        granular=annex.scope or parent.granular,
        updated="UpdatedDateUTC",
        since=True,
        single=False,
        detail=tuple(field.name for field in annex.model.fields if field not in _OF),
    )


def named(config: Mapping[str, Any]) -> list[tuple[Annex, list[Resource]]]:
    """The annexes that the settings ask for, and of which streams, in the order of these."""
    wanted = [(annex, config.get(annex.stream) or ()) for annex in ANNEXES]
    return [
        (annex, [parent for name, parent in BY_STREAM.items() if name in names])
        for annex, names in wanted
        if names
    ]


def problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings, one sentence each."""
    return [
        f"Setting {annex.stream}: {name} is no stream that has {annex.stream}; those are "
        f"{', '.join(annex.parents)}."
        for annex in ANNEXES
        for name in config.get(annex.stream) or ()
        if name not in annex.parents
    ]


def query(annex: Annex, parent: Resource, *, include_archived: bool) -> dict[str, str]:
    """The parameters of every call for the list of the records."""
    params = parent.query(include_archived=include_archived)
    params.pop("unitdp", None)
    if "pageSize" in params:
        params["pageSize"] = str(min(annex.page_size, int(params["pageSize"])))
    return params


def _said(identity: Any, entry: Row) -> bytes:
    """What tells an entry of a history from others, however its time is spelled."""
    at = entry.get("DateUTC")
    with suppress(TypeError, ValueError):
        at = dates.instant(at)
    return wire.encode(
        [identity, at, *(entry.get(name) for name in ("Changes", "User", "Details"))]
    )


def _digest(said: bytes, number: int) -> str:
    """Identifier of an entry, and of which of several equal ones it is."""
    return hashlib.blake2b(said + b" %d" % number, digest_size=16).hexdigest()


@cache
def _schema(stream: str) -> dict[str, Any]:
    (annex,) = (each for each in ANNEXES if each.stream == stream)
    return stream_schema(annex.model, annex.key, {})
