"""Quarantine: rows that cannot be applied, out of the way of all others until somebody decides.

What cannot be applied is kept beside the staged batches, with a note of why. A note lasts as long
as the decision is out, and speaks for its content, not for a file: the same rows are set aside
once, however often the tap sends them again, and are passed over meanwhile.

| file | meaning |
|---|---|
| `<table>-<digest>.quarantine` | the note, in JSON |
| `<table>-<digest>.parquet` | rows that the next run tries again |
| `<table>-<digest>.rows` | rows that have failed in `TRIES` runs, or a file that is damaged |
| `<table>-<digest>.records` | records that could not become rows, as JSON lines |

| status | the rows | a state that covers them | leaves it by |
|---|---|---|---|
| waiting | are tried by the next run | is not let through | a run in which they go in, `drop` |
| quarantined | are not tried | is not let through | `retry`, `drop`, a newer version of them all |
| dropped | are gone, passed over if they come again | goes out | `retry` |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from target_databricks.loading.backend import Staging
from target_databricks.loading.batch import Batch
from target_databricks.loading.rows import key_column
from target_databricks.loading.staged_file import STAGED, table_of
from target_databricks.reading.unfit import Unfit
from target_databricks.schema.plan import RECORD_HASH, StreamPlan

SHOWN = 5
"""Entries that the last line of a run names."""
TRIES = 3
"""Runs in which rows may fail before they are tried no more."""
COMMAND = "meltano invoke target-databricks:staged"
NOTE, ROWS, RECORDS = ".quarantine", ".rows", ".records"
UNREADABLE = ".unreadable"
"""What earlier versions made of a damaged file."""
WAITING, QUARANTINED, DROPPED = "waiting", "quarantined", "dropped"

_STRAYS = {WAITING: (ROWS,), QUARANTINED: (STAGED,), DROPPED: (STAGED, ROWS, RECORDS)}
"""Files that an entry has only when a run died while its status changed."""


@dataclass(frozen=True)
class Entry:
    """What is set aside together.

    Attributes:
        name: Name of its files, without suffix.
        stream: The stream; empty where a damaged file does not tell.
        table: Its table.
        count: Rows, or records.
        reason: Why they cannot be applied, as a sentence.
        status: `waiting`, `quarantined` or `dropped`.
        tries: Runs that have tried; 0 where that is kept nowhere.
        whole: Whether it lies with the table, so that no other row would do better.
        since: When they failed first, ISO 8601.
        hashes: Record hashes: its content.
        keys: Keys of its rows, as `key_column` spells them; none of records without one.
    """

    name: str
    stream: str
    table: str
    count: int
    reason: str
    status: str = WAITING
    tries: int = 0
    whole: bool = False
    since: str = ""
    hashes: tuple[str, ...] = field(default=(), repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)

    @property
    def sentence(self) -> str:
        """What is set aside, why, and how it stands."""
        what = f"{self.count:,} rows" if self.count != 1 else "1 row"
        if not self.count:
            what = "a file"
        stands = self.status
        if stands == WAITING:
            stands = f"try {self.tries} of {TRIES}" if self.tries else "tried in every run"
        of = f" of stream '{self.stream}'" if self.stream else ""
        return f"{self.name}: {what}{of} for table {self.table} ({stands}): {self.reason}"

    @classmethod
    def read(cls, name: str, text: bytes) -> Entry:
        """An entry from its note; of a note that cannot be read, what its name tells."""
        try:
            facts = json.loads(text)
            lists = {key: tuple(facts.pop(key)) for key in ("hashes", "keys")}
            return cls(**{**facts, **lists, "name": name})
        except (ValueError, TypeError, KeyError, AttributeError):
            reason = "The note on it is damaged."
            return cls(name, "", table_of(name), 0, reason, status=QUARANTINED)


@dataclass(frozen=True)
class Passage:
    """A batch, sorted by what is set aside already.

    Attributes:
        batch: What of it is to be applied.
        barred: Entries that some of its rows are in, and no state may cover.
        barred_rows: How many rows that is.
        dropped: Rows that are passed over because somebody dropped them.
    """

    batch: Batch
    barred: tuple[Entry, ...] = ()
    barred_rows: int = 0
    dropped: pa.Table | None = None


class Quarantine:
    """What is set aside of one schema.

    Args:
        staging: Where it is kept.
    """

    def __init__(self, staging: Staging[Any]) -> None:
        self._staging = staging
        self._entries: dict[str, Entry] = {}
        self._missing: dict[str, set[str]] = {}
        """Keys of each entry of which no newer version was applied in this run."""

    def load(self) -> None:
        """Read what earlier runs have set aside, and what people have decided on it."""
        files = self._staging.files("")
        self._entries = {entry.name: entry for entry in self._read(files)}
        for entry in list(self._entries.values()):
            if any(f"{entry.name}{suffix}" in files for suffix in _STRAYS[entry.status]):
                self.settle(entry)
        for file in files:
            if file.endswith(UNREADABLE):
                self.damaged(file, "as an earlier version found")

    def read(self) -> Iterator[Entry]:
        """The entries as they are kept now, oldest first."""
        return self._read(self._staging.files(NOTE))

    def _read(self, files: Iterable[str]) -> Iterator[Entry]:
        for file in files:
            text = self._staging.read_file(file) if file.endswith(NOTE) else None
            if text is not None:
                yield Entry.read(file.removesuffix(NOTE), text)

    def of(self, tables: Collection[str]) -> list[Entry]:
        """What is set aside for some tables and not dropped."""
        return [e for e in self._entries.values() if e.table in tables and e.status != DROPPED]

    def entry(self, name: str) -> Entry | None:
        """The entry of a file."""
        return self._entries.get(_stem(name))

    # Passing over

    def sort(self, batch: Batch) -> Passage:
        """Take out of a batch what is set aside already, and what was dropped."""
        owners = self._owners(batch.plan.table)
        if not owners:
            return Passage(batch)
        found = [owners.get(h) for h in batch.rows.column(RECORD_HASH).to_pylist()]
        if not any(found):
            return Passage(batch)
        dropped = [e is not None and e.status == DROPPED for e in found]
        barred = {e.name: e for e in found if e is not None and e.status != DROPPED}
        fresh = batch.rows.filter(pa.array([e is None for e in found], pa.bool_()))
        passed = batch.rows.num_rows - fresh.num_rows
        return Passage(
            replace(batch, rows=fresh),
            tuple(barred.values()),
            passed - sum(dropped),
            batch.rows.filter(pa.array(dropped, pa.bool_())) if any(dropped) else None,
        )

    def _owners(self, table: str) -> Mapping[str, Entry]:
        return {h: e for e in self._entries.values() if e.table == table for h in e.hashes}

    # Setting aside

    def fail(self, batch: Batch, reason: str, *, tries: int, whole: bool, path: Any) -> Entry:
        """Set a batch aside that failed once more.

        Args:
            batch: Rows that could not be applied.
            reason: Why, as a sentence.
            tries: Runs in which they failed before.
            whole: Whether it lies with the table.
            path: Where they are staged.
        """
        plan = batch.plan
        name = _stem(self._staging.name(path))
        keys = key_column(batch.rows, plan.keys).to_pylist() if _has_text_keys(batch) else ()
        tries = tries + 1 if self._staging.keeps else 0
        entry = Entry(
            name=name,
            stream=plan.stream,
            table=plan.table,
            count=batch.rows.num_rows,
            reason=reason,
            status=QUARANTINED if tries >= TRIES else WAITING,
            tries=tries,
            whole=whole,
            since=self._since(name),
            hashes=tuple(batch.rows.column(RECORD_HASH).to_pylist()),
            keys=tuple(keys),
        )
        self._keep(entry)
        self.settle(entry)
        return entry

    def settle(self, entry: Entry) -> None:
        """Make the files of an entry those of its status, should a run have died in between."""
        if entry.status == WAITING:
            self._staging.move_file(f"{entry.name}{ROWS}", f"{entry.name}{STAGED}")
        elif entry.status == QUARANTINED:
            self._staging.move_file(f"{entry.name}{STAGED}", f"{entry.name}{ROWS}")
        elif entry.status == DROPPED:
            for suffix in (STAGED, ROWS, RECORDS):
                self._staging.remove_file(f"{entry.name}{suffix}")

    def refuse(self, plan: StreamPlan, records: Sequence[Unfit]) -> tuple[list[Entry], int]:
        """Set records aside that cannot become rows. To try them again is of no use.

        Returns:
            The entries that they are in, and how many were dropped earlier.
        """
        owners = self._owners(plan.table)
        known = [owners[r.digest] for r in records if r.digest in owners]
        entries = {e.name: e for e in known if e.status != DROPPED}
        new = {r.digest: r for r in records if r.digest not in owners}
        reasons: dict[str, list[Unfit]] = {}
        for record in new.values():
            reasons.setdefault(record.reason, []).append(record)
        for reason, some in reasons.items():
            entry = self._refused(plan, reason, some)
            entries[entry.name] = entry
        return list(entries.values()), sum(e.status == DROPPED for e in known)

    def _refused(self, plan: StreamPlan, reason: str, records: Sequence[Unfit]) -> Entry:
        digest = hashlib.sha256("\n".join(sorted(r.digest for r in records)).encode()).hexdigest()
        entry = Entry(
            name=f"{self._staging.prefix(plan.table)}-{digest[:32]}",
            stream=plan.stream,
            table=plan.table,
            count=len(records),
            reason=reason,
            status=QUARANTINED,
            tries=1,
            since=_now(),
            hashes=tuple(r.digest for r in records),
        )
        text = b"".join(r.line.strip() + b"\n" for r in records)
        self._staging.write_file(f"{entry.name}{RECORDS}", text)
        self._keep(entry)
        return entry

    def damaged(self, file: str, reason: str) -> Entry:
        """Set a staged file aside that cannot be read."""
        name = _stem(file)
        reason = (
            f"The file is damaged ({reason}). No state covers its rows: the tap sends them again."
        )
        entry = Entry(
            name, "", table_of(name), 0, reason, status=QUARANTINED, tries=1, since=_now()
        )
        self._keep(entry)
        self._staging.move_file(file, f"{name}{ROWS}")
        return entry

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.name] = entry
        facts = {key: value for key, value in asdict(entry).items() if key != "name"}
        self._staging.write_file(f"{entry.name}{NOTE}", json.dumps(facts).encode())

    def _since(self, name: str) -> str:
        earlier = self._entries.get(name)
        return earlier.since if earlier else _now()

    # Leaving it

    def forget(self, name: str) -> None:
        """Drop a note: its rows went in, or count under another name now."""
        stem = _stem(name)
        if self._entries.pop(stem, None) is not None:
            self._staging.remove_file(f"{stem}{NOTE}")

    def note_applied(self, batch: Batch) -> None:
        """Note that rows went in, which may be newer versions of rows that are set aside."""
        entries = [e for e in self.of([batch.plan.table]) if e.keys]
        if not entries or not _has_text_keys(batch):
            return
        keys = set(key_column(batch.rows, batch.plan.keys).to_pylist())
        for entry in entries:
            self._missing.setdefault(entry.name, set(entry.keys)).difference_update(keys)

    def superseded(self, barred: Collection[str]) -> list[Entry]:
        """Let go of what newer versions have gone in of. Returns these entries.

        Args:
            barred: Names of the entries whose content came again in this run.
        """
        names = [n for n, missing in self._missing.items() if not missing and n not in barred]
        gone = [self._entries[name] for name in names if name in self._entries]
        for entry in gone:
            self._remove(entry)
        return gone

    def retry(self, entry: Entry) -> bool:
        """Put an entry back: its rows are tried by the next run, as if they had not failed.

        Returns:
            Whether there are rows to try. Records, and what was dropped, are tried when the tap
            sends them again.
        """
        if self._staging.read_file(f"{entry.name}{RECORDS}") is not None or entry.status == DROPPED:
            self._remove(entry)
            return False
        waiting = replace(entry, status=WAITING, tries=0)
        self._keep(waiting)
        self.settle(waiting)
        return True

    def drop(self, entry: Entry) -> None:
        """Go on without an entry: its rows go, and are passed over if they come again."""
        dropped = replace(entry, status=DROPPED, keys=())
        self._keep(dropped)
        self.settle(dropped)
        if not entry.hashes:
            self.forget(entry.name)

    def advice(self, entries: Iterable[Entry]) -> str:
        """What a person can do about entries."""
        if not self._staging.keeps:
            return (
                "Mend the cause and run again. With 'staging: inline' nothing is kept: the tap "
                "sends the rows again, and every run tries and names them, for good. To have them "
                "quarantined after three tries, or to drop them, set 'staging' to volume."
            )
        shown = list(entries)
        few = len(shown) <= SHOWN
        names = " ".join(entry.name for entry in shown) if few else "--all"
        if not names:
            return "Mend the cause and run again."
        return (
            f"Mend the cause; then `{COMMAND} retry {names}` puts them back, or `{COMMAND} drop "
            f"{names}` goes on without them."
        )

    def _remove(self, entry: Entry) -> None:
        for suffix in (STAGED, ROWS, RECORDS):
            self._staging.remove_file(f"{entry.name}{suffix}")
        self._entries[entry.name] = entry
        self.forget(entry.name)


def _stem(file: str) -> str:
    for suffix in (STAGED, NOTE, ROWS, RECORDS, UNREADABLE):
        file = file.removesuffix(suffix)
    return file


def _has_text_keys(batch: Batch) -> bool:
    """Whether the keys of a batch's rows can be spelled as text."""
    kinds = [batch.rows.schema.field(key).type for key in batch.plan.keys]
    return bool(kinds) and not any(pa.types.is_binary(kind) for kind in kinds)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
