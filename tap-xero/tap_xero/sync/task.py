"""The plan of a run: which streams of which organisations, and what is done with them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tap_xero.api.errors import DayLimitError, OrganisationGoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_xero.api.client import Tenant
    from tap_xero.streams import XeroStream
    from tap_xero.sync.reading import Page, Reading


class Progress:
    """Announces each stream before its first organisation, concludes it after its last."""

    def __init__(self, organisations: int) -> None:
        """Start with nothing done."""
        self._organisations = organisations
        self._begun: set[str] = set()
        self._ended: Counter[str] = Counter()

    def begin(self, stream: XeroStream) -> None:
        """An organisation is about to be written or found to have nothing."""
        if stream.name not in self._begun:
            self._begun.add(stream.name)
            stream.begin()

    def end(self, stream: XeroStream) -> None:
        """An organisation is done."""
        self._ended[stream.name] += 1
        if self._ended[stream.name] == self._organisations:
            stream.conclude()


class StreamOfOrganisation:
    """A task of `tap_xero.sync.scheduler`: reads one stream of one organisation and writes it."""

    def __init__(self, stream: XeroStream, tenant: Tenant, progress: Progress) -> None:
        """Prepare; nothing is read yet."""
        self._stream = stream
        self._tenant = tenant
        self._progress = progress

    def start(self, ahead: Callable[[], int], turn: Callable[[], None]) -> Reading | None:
        """Begin to read; None when the stream is not due."""
        return self._stream.open(
            self._tenant, verbatim=self._stream.writes_unchanged, ahead=ahead, turn=turn
        )

    def take(self, page: Page) -> None:
        """Write a page."""
        self._progress.begin(self._stream)
        self._stream.write(self._tenant, page)

    def end(self, reading: Reading | None, error: Exception | None) -> bool:
        """Keep in the state what is done; False when the organisation has to be left."""
        self._progress.begin(self._stream)
        if error is not None:
            self._stream.fail(self._tenant, error)
        elif reading is not None:
            self._stream.close(self._tenant, reading)
        self._progress.end(self._stream)
        return not isinstance(error, (DayLimitError, OrganisationGoneError))

    def leave(self) -> None:
        """Note that the stream was not read, as the organisation was left."""
        self._progress.begin(self._stream)
        self._stream.fail(self._tenant, None)
        self._progress.end(self._stream)


def plan(
    streams: Sequence[XeroStream], tenants: Sequence[Tenant]
) -> list[list[StreamOfOrganisation]]:
    """The tasks of each organisation, in the order of the streams."""
    progress = Progress(len(tenants))
    return [
        [StreamOfOrganisation(stream, tenant, progress) for stream in streams] for tenant in tenants
    ]
