"""What a run left open that died: read back, and sent again only where that cannot double anything.

Source: Xero, Idempotent requests: for six minutes the same key brings the same answer.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from singer_sdk.exceptions import RetriableAPIError, SkippableAPIError

from target_xero.calls import call_of
from target_xero.ledger import APPLIED, OPEN, REJECTED, UNKNOWN, latest, value_of
from target_xero.resources import RESOURCES
from target_xero.values import canonical, projection, same
from target_xero.wishes import loaded_values
from target_xero.writing import REMEMBERED, read_back

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_xero.current import Books
    from target_xero.ledger import Entry
    from target_xero.writing import Writer

_NOT_APPLIED = "Xero does not have it: not applied, and to be planned anew"


def left_open(entries: Sequence[Entry]) -> dict[str, list[list[Entry]]]:
    """By organisation, the calls of which nobody knows what came; all rows of each.

    Args:
        entries: The ledger.
    """
    last = latest(entries)
    keys = {each.idempotency_key for each in last.values() if each.status in OPEN}
    by_call: dict[str, dict[tuple[str, str, str], Entry]] = defaultdict(dict)
    for each in entries:
        if each.idempotency_key in keys and each.status in OPEN:
            # The first row says when the call was made: Xero counts the six minutes from there.
            by_call[str(each.idempotency_key)].setdefault(each.record, each)
    found: dict[str, list[list[Entry]]] = defaultdict(list)
    for rows in by_call.values():
        listed = list(rows.values())
        found[listed[0].tenant_id].append(listed)
    return found


def recover(
    writer: Writer, books: Books, open_calls: Sequence[Sequence[Entry]], streams: Collection[str]
) -> list[Entry]:
    """Find out what came of calls; the rows that were open, as they are now.

    Args:
        writer: Sends and notes.
        books: What the organisation has.
        open_calls: Calls of the organisation.
        streams: Streams that may be written.
    """
    done: list[Entry] = []
    last = latest(writer.ledger.entries())
    still_open = {record for record, each in last.items() if each.status in OPEN}
    for entries in open_calls:
        try:
            came = _found_out(writer, books, entries, streams)
        except (RetriableAPIError, SkippableAPIError) as error:
            came = [replace(each, status=UNKNOWN, words=str(error)) for each in entries]
        came = [each for each in came if each.record in still_open]
        writer.ledger.append(came)
        books.forget()
        done += came
    return done


def _found_out(
    writer: Writer, books: Books, entries: Sequence[Entry], streams: Collection[str]
) -> list[Entry]:
    """What came of one call."""
    came = read_back(books, entries, _NOT_APPLIED)
    missing = [each for each in came if each.status != APPLIED]
    if not missing:
        return came
    age = writer.clock.time() - entries[0].written_at.timestamp()
    remembered = 0 <= age < REMEMBERED and entries[0].stream in streams
    if remembered and all(_is_as_before(books, each) for each in missing):
        return writer.send(books, call_of(entries))
    return [each if each.status == APPLIED else replace(each, status=REJECTED) for each in came]


def _is_as_before(books: Books, entry: Entry) -> bool:
    """Whether nobody has edited a record since the call was planned; true for one to create."""
    resource, before = RESOURCES[entry.stream], value_of(entry.before)
    if entry.action == "create":
        return True
    documents = books.records(resource, {entry.key}, ())
    for document in documents:
        if str(document[resource.id]).lower() != entry.key:
            continue
        values, after = loaded_values(resource, document), value_of(entry.after)
        return all(
            same(field, projection(field, values[name], canonical(field, after[name])), value)
            for name, value in before.items()
            for field in (resource.fields[name],)
        )
    return False
