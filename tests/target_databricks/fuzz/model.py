"""The model: what the tables must hold, from the messages alone.

| rule | here |
|---|---|
| every record is in its table: the last of its key, or each one where there are no keys | `Row` |
| what a run received is alive after it | `Row.alive` |
| a completed version retires the rest: marked, or gone with `hard_delete` | `completion` |
| a run that dies retires nothing, and has any part of its records in | `_dying` |
| a STATE that came out covers all before it | `safe` |

Where the rules leave room (a run that died, a version of which nobody can tell whether it was
completed), the model has room, too: a set of records, of which one is in, or `None` for none.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fuzz.cases import Run
from fuzz.messages import Key, Reading, Sent, Stream


@dataclass
class Row:
    """What the table may hold of one key, or of one record where there are no keys.

    Attributes:
        serials: Records of which one is in the table; None among them if there may be none.
        alive: Whether the row is alive: True, False, or either.
        versions: Versions that the row may have been sent with last.
    """

    serials: set[int | None]
    alive: set[bool] = field(default_factory=lambda: {True})
    versions: set[int | None] = field(default_factory=set)


@dataclass
class Count:
    """How often a record that is appended is there.

    Attributes:
        least: At least, alive.
        most: At most, alive or marked.
        marked: At most, marked.
        versions: Versions that it was sent with.
    """

    least: int = 0
    most: int = 0
    marked: int = 0
    versions: set[int | None] = field(default_factory=set)


@dataclass
class Table:
    """What is expected of the table of one stream.

    Attributes:
        worlds: Ways in which it may be; the table must be in one of them. By key.
        counts: Of a stream that appends, how often each record is there.
        owed: Of these, how many may be taken for their own repetition when they come again.
        sent: All records so far, by number.
        activated: The highest version that was certainly activated.
        named: The highest version that was perhaps activated.
        latest: Records that the last run received, if it ended well.
        odd: Whether some record had a key that cannot be stored.
    """

    keyed: bool
    worlds: list[dict[Key, Row]] = field(default_factory=lambda: [{}])
    counts: dict[int, Count] = field(default_factory=dict)
    owed: dict[int, int] = field(default_factory=dict)
    sent: dict[int, Sent] = field(default_factory=dict)
    activated: int | None = None
    named: int | None = None
    latest: set[int] = field(default_factory=set)
    odd: bool = False


@dataclass
class Versions:
    """What the ACTIVATE_VERSION messages of a stream do.

    Attributes:
        done: Place and number of those that say that their stream is complete: records came first.
        waiting: Of the one of which its stream's end must tell, or None.
    """

    done: list[tuple[int, int]] = field(default_factory=list)
    waiting: tuple[int, int] | None = None


def versions_of(stream: Stream, reading: Reading) -> Versions:
    """Which versions say that a stream is complete, and which waits for its end."""
    places = [sent.place for sent in (*stream.records, *stream.odd)]
    result = Versions()
    for place, version in stream.versions:
        schemas = (at for at, name in reading.schemas if name == stream.name and at < place)
        began = max(schemas, default=-1)
        before = [at for at in places if at < place]
        if any(at > began for at in before) or (before and result.waiting is None):
            result.done.append((place, version))
            result.waiting = None
        else:
            result.waiting = (place, version)
    return result


def completion(
    stream: Stream, reading: Reading, table: Table, settings: Mapping[str, Any]
) -> tuple[str, int]:
    """Whether a version of a stream was completed in a run that ended well, and which.

    Returns:
        ``surely``, ``perhaps`` or ``never``. A version takes effect once its stream is complete: it
        is named after the records, or named before and the stream ends with a STATE of its own.
    """
    versions = versions_of(stream, reading)
    never = "never", 0
    if settings.get("process_activate_version_messages") is False:
        return never
    if settings.get("add_record_metadata") is False:
        return never
    if versions.done:
        version = max(number for _, number in versions.done)
        if table.activated is None or version > table.activated:
            plain = (table.named is None or version > table.named) and not table.odd
            return "surely" if plain else "perhaps", version
    if versions.waiting is None:
        return never
    place, version = versions.waiting
    if table.activated is not None and version <= table.activated:
        return never
    end = max(stream.last, place)
    states = [at for at, _ in reading.states if at > end]
    if not states:
        return never
    others = [at for at, name in reading.schemas if at > end and name != stream.name]
    own = not others or states[0] < others[0]
    first = min((sent.place for sent in stream.records), default=place + 1)
    syncing = any("currently_syncing" in str(value) for _, value in reading.states)
    proven = own and place < first and not syncing and not stream.batches
    alone = len(stream.versions) == 1 and not table.odd
    plain = (table.named is None or version > table.named) and alone
    return "surely" if plain and proven else "perhaps", version


def expect(
    tables: dict[str, Table], run: Run, reading: Reading, *, died: bool, safe: Mapping[str, int]
) -> None:
    """Bring what is expected of the tables up to what a run did.

    Args:
        tables: By stream; changed.
        run: The run.
        reading: Its messages.
        died: Whether it ended in an error, or was killed.
        safe: By stream, the place up to which states that came out say that all is in.
    """
    for stream in reading.streams.values():
        appends = run.settings.get("load_method") == "append-only" or not stream.keys
        table = tables.setdefault(stream.name, Table(keyed=not appends))
        table.sent |= {sent.serial: sent for sent in (*stream.records, *stream.odd)}
        table.odd = table.odd or bool(stream.odd)
        table.latest = set() if died else {sent.serial for sent in stream.records}
        if appends:
            _appending(table, run, reading, stream, died=died, safe=safe[stream.name])
        elif died:
            _dying(table, run, reading, stream, safe[stream.name])
        else:
            _merging(table, run, reading, stream)
        numbers = [number for _, number in stream.versions]
        table.named = max([*numbers, *({table.named} - {None})], default=None)


def _merging(table: Table, run: Run, reading: Reading, stream: Stream) -> None:
    done, version = completion(stream, reading, table, run.settings)
    hard = bool(run.settings.get("hard_delete"))
    received: dict[Key, list[Sent]] = {}
    for sent in stream.records:
        received.setdefault(sent.key or (), []).append(sent)
    before = copy.deepcopy(table.worlds)
    overwrite = run.settings.get("load_method") == "overwrite"
    if overwrite:
        table.worlds = [{}]
    for world in table.worlds:
        for key in world.keys() - received.keys():
            row = world[key]
            certain = not any(v is not None and v >= version for v in row.versions)
            if done == "surely" and certain:
                row.alive = {False}
                row.serials = {None} if hard else row.serials
            elif done != "never":
                row.alive = row.alive | {False}
                row.serials = row.serials | ({None} if hard else set())
        for key, sents in received.items():
            world[key] = _received(table, world.get(key), sents)
    if done == "surely" and not overwrite:
        table.activated = version
    if overwrite and (reading.is_cut(stream) or stream.odd):
        # Nothing says that the stream is complete, or it is not: the old rows may be there yet.
        table.worlds += before


def _received(table: Table, before: Row | None, sents: Sequence[Sent]) -> Row:
    """The row of a key that was received in a run that ended well."""
    serials: set[int | None] = {sents[-1].serial}
    orders = [s.order for s in sents if s.order is not None]
    if orders:
        # A later version is not overwritten by one with an older bookmark.
        serials = {[s for s in sents if s.order == max(orders)][-1].serial}
        for serial in (before.serials if before and True in before.alive else set()) - {None}:
            order = table.sent[serial].order  # type: ignore[index]
            if order is not None and order > max(orders):
                certain = before == Row({serial}, {True}, before.versions)  # type: ignore[union-attr]
                serials = (set() if certain else serials) | {serial}
    gone = any(sent.record.get("_sdc_deleted_at") for sent in sents)
    if gone and orders:
        # What is older than its deletion revives it, if that was in another batch.
        serials |= {sent.serial for sent in sents}
    alive = {True, False} if gone else {True}
    # A record that comes as it was is not written again: its row has the version of before.
    same = before is not None and before.serials == {sents[-1].serial}
    versions = {sents[-1].version} | (before.versions if before and same else set())
    return Row(serials | ({None} if gone else set()), alive, versions)


def _dying(table: Table, run: Run, reading: Reading, stream: Stream, safe: int) -> None:
    """A run that died: some of its records are in, and all that a STATE covers."""
    before = copy.deepcopy(table.worlds)
    overwrite = run.settings.get("load_method") == "overwrite"
    # It may have come to the end of its input.
    done = not reading.dies and completion(stream, reading, table, run.settings)[0] != "never"
    hard = bool(run.settings.get("hard_delete"))
    for world in table.worlds:
        if overwrite:
            world.clear()
        for row in world.values() if done else ():
            row.alive = row.alive | {False}
            row.serials = row.serials | ({None} if hard else set())
        for sent in stream.records:
            _perhaps_received(world, sent, covered=sent.place < safe)
    if overwrite and not any(sent.place < safe for sent in stream.records):
        table.worlds += before


def _perhaps_received(world: dict[Key, Row], sent: Sent, *, covered: bool) -> None:
    row = world.setdefault(sent.key or (), Row({None}, set(), set()))
    if covered and sent.order is None:
        row.serials, row.alive, row.versions = set(), set(), set()
    row.serials = (row.serials - ({None} if covered else set())) | {sent.serial}
    row.alive.add(True)
    row.versions.add(sent.version)
    if sent.record.get("_sdc_deleted_at"):
        row.alive.add(False)
        row.serials.add(None)


def _appending(
    table: Table, run: Run, reading: Reading, stream: Stream, *, died: bool, safe: int
) -> None:
    """Records that are appended: each as often as it was sent, unless it waits for a STATE."""
    covered = safe
    done, version = completion(stream, reading, table, run.settings)
    if died and done != "never":
        done = "never" if reading.dies else "perhaps"
    overwrite = run.settings.get("load_method") == "overwrite"
    if overwrite:
        done = "surely" if not (died or reading.is_cut(stream)) else "perhaps"
        emptied = True
    else:
        emptied = bool(run.settings.get("hard_delete"))
    for count in table.counts.values() if done != "never" else ():
        newer = not overwrite and any(v is not None and v >= version for v in count.versions)
        gone = emptied and done == "surely" and not newer
        count.least = 0
        count.marked = 0 if gone else count.most
        count.most = 0 if gone else count.most
    table.owed = {} if emptied and done == "surely" else table.owed
    spare = dict(table.owed)
    for sent in stream.records:
        count = table.counts.setdefault(sent.serial, Count())
        sure = sent.place < safe or not (died or (overwrite and done != "surely"))
        if sure and spare.get(sent.serial, 0) > 0:
            spare[sent.serial] -= 1
            sure = False
        gone = bool(sent.record.get("_sdc_deleted_at"))
        count.versions.add(sent.version)
        count.least += sure and not gone
        count.most += 1
        count.marked += gone
        # A process may die between the state and the note that it went out.
        if sent.place > covered or run.killed:
            table.owed[sent.serial] = table.owed.get(sent.serial, 0) + 1
        else:
            table.owed.pop(sent.serial, None)
    if done == "surely" and not overwrite:
        table.activated = version
