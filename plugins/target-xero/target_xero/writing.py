"""Sending what is planned: once, whatever happens to the call.

Before a call its rows are `sent` in the ledger; after it they are what came of it. What may have
reached Xero without an answer is tried again under the same Idempotency-Key for as long as Xero
remembers it, then read back.

Source: Xero, Idempotent requests (six minutes from the first call; internal errors are repeated).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import RetriableAPIError, SkippableAPIError
from tap_xero.api.errors import (
    AccessDeniedError,
    DayLimitError,
    NotFoundError,
    OrganisationGoneError,
    RequestRefusedError,
    TemporaryError,
    ThrottledError,
)

from target_xero.calls import applied, outcomes, rejected
from target_xero.ledger import PLANNED, SENT, UNKNOWN, Entry, value_of
from target_xero.planning import is_applied
from target_xero.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_xero.api.client import Client
    from tap_xero.api.retries import Clock
    from tap_xero.api.usage import Usage

    from target_xero.calls import Call
    from target_xero.current import Books
    from target_xero.ledger import Ledger
    from target_xero.resources import Resource

REMEMBERED = 300.0
"""Seconds for which a key is counted on: Xero keeps it for 360 from the first call."""

TRIES = 3
"""How often a call without an answer is sent before it is read back."""

_THROTTLED = 20
_PAUSE = 2.0


@dataclass
class Writer:
    """Sends calls.

    Attributes:
        client: Calls Xero.
        ledger: Is told before and after.
        clock: Time.
        usage: Is told what it costs.
    """

    client: Client
    ledger: Ledger
    clock: Clock
    usage: Usage

    def write(self, books: Books, calls: Iterable[Call]) -> list[Entry]:
        """Send calls one after the other; the last row of each record.

        Args:
            books: What the organisation has, to read back from.
            calls: Calls for the organisation.
        """
        done: list[Entry] = []
        stopped = ""
        closed: dict[str, str] = {}
        for call in calls:
            stream = call.resource.stream
            if stopped:
                done += [replace(each, status=PLANNED, words=stopped) for each in call.entries]
                continue
            if stream in closed:
                came = rejected(call, None, closed[stream])
                self.ledger.append(came)
                done += came
                continue
            self.ledger.append([replace(each, status=SENT, words=None) for each in call.entries])
            try:
                came = self.send(books, call)
            except DayLimitError as error:
                stopped = str(error)
                came = [replace(each, status=PLANNED, words=stopped) for each in call.entries]
            except (AccessDeniedError, OrganisationGoneError) as error:
                closed[stream] = (
                    f"{error} To write it takes the scope {call.resource.scope}: name the stream "
                    "in the setting write_streams of tap-xero and sign in again."
                )
                came = rejected(call, None, closed[stream])
            self.ledger.append(came)
            done += came
        return done

    def send(self, books: Books, call: Call) -> list[Entry]:
        """Send one call until it is known what came of it, or cannot be.

        Raises:
            DayLimitError: Xero takes no more calls today; this one was not carried out.
            AccessDeniedError: The app may not write the stream.
            OrganisationGoneError: The organisation is not connected any more.
        """
        lost: float | None = None
        tries = throttled = 0
        while True:
            began = self.clock.time()
            try:
                content = self.client.write(
                    books.tenant, call.change, call.params, call.key, usage=self.usage
                )
                came = outcomes(call, content)
            except ThrottledError as error:
                throttled += 1
                pause = _PAUSE if error.wait is None else error.wait
                late = lost is not None and began + pause - lost > REMEMBERED
                if late or throttled > _THROTTLED:
                    return self.read_back(books, call, str(error))
                self.clock.sleep(pause)
            except TemporaryError as error:
                tries += 1
                lost = began if lost is None else lost
                if tries >= TRIES or self.clock.time() + _PAUSE - lost > REMEMBERED:
                    return self.read_back(books, call, str(error))
                self.clock.sleep(_PAUSE)
            except (AccessDeniedError, DayLimitError, OrganisationGoneError) as error:
                if lost is not None:
                    return self.read_back(books, call, str(error))
                raise
            except RequestRefusedError as error:
                return rejected(call, error.body, str(error))
            except NotFoundError as error:
                return rejected(call, None, str(error))
            else:
                if any(each.status == UNKNOWN for each in came):
                    return self.read_back(books, call, "an odd answer")
                return came

    def read_back(self, books: Books, call: Call, words: str) -> list[Entry]:
        """Look what Xero has: what it has is applied, the rest stays unknown."""
        try:
            return read_back(books, call.entries, words)
        except (RetriableAPIError, SkippableAPIError):
            return [replace(each, status=UNKNOWN, words=words) for each in call.entries]


def read_back(books: Books, entries: Sequence[Entry], words: str) -> list[Entry]:
    """Rows as Xero shows them: `applied` where it has what was sent, else `unknown`.

    Args:
        books: What the organisation has.
        entries: Rows of one stream.
        words: Why it is not known otherwise.
    """
    resource = RESOURCES[entries[0].stream]
    payloads = [value_of(each.payload) for each in entries]
    books.forget()
    documents = books.records(
        resource,
        {str(each[resource.id]).lower() for each in payloads if resource.id in each},
        {str(each[resource.natural]) for each in payloads if resource.id not in each},
    )
    came = []
    for entry, payload in zip(entries, payloads, strict=True):
        document = next((each for each in documents if _is_of(resource, payload, each)), None)
        if document is not None and is_applied(payload, resource, document):
            came.append(applied(entry, document, "read back"))
        else:
            came.append(replace(entry, status=UNKNOWN, words=words))
    return came


def _is_of(resource: Resource, payload: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether a record is the one that a payload is for: by id, else by natural key."""
    if resource.id in payload:
        return str(document[resource.id]).lower() == str(payload[resource.id]).lower()
    if resource.parent and document[resource.parent] != payload[resource.parent]:
        return False
    has, wanted = document.get(resource.natural), payload[resource.natural]
    return str(has or "").casefold() == str(wanted).casefold()
