"""A trial: a case is given to the real target, run by run; what it does is held to the model."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from singer_sdk.exceptions import SingerSDKError
from target_databricks.lakehouse.spool import Spool
from target_databricks.lakehouse.table import LakehouseTable
from target_databricks.loading.load import Load

from fuzz.cases import FILES, Case, Run
from fuzz.comparison import compare
from fuzz.known import known
from fuzz.messages import Reading, understood
from fuzz.model import Table, expect
from fuzz.names import letters


@dataclass(frozen=True)
class Finding:
    """Something that must not be.

    Attributes:
        run: In which run of the case, from 1.
        kind: ``traceback``, ``refused``, ``accepted``, ``state`` or ``table``.
        text: What.
    """

    run: int
    kind: str
    text: str

    @property
    def sort(self) -> str:
        """What it has in common with the same finding of other values."""
        return self.kind + re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "", self.text)[:60]

    def __str__(self) -> str:
        return f"run {self.run}: {self.kind}: {self.text}"


ASIDE = "Not all is loaded"
CUT = "It was cut short"
"""How the target says that some rows were set aside and all others loaded."""
COLLISION = "would be loaded into the table"

Safe = dict[str, Any]
"""By stream the place in the input up to which all is in the tables; -1 for nothing."""


class Killed(BaseException):
    """Stands for the end of the process."""


INSTANTS = (
    (Spool, "stage"),
    (LakehouseTable, "append"),
    (LakehouseTable, "replace"),
    (LakehouseTable, "widen"),
    (LakehouseTable, "remove"),
    (Spool, "done"),
    (Spool, "keep"),
    (Load, "confirm"),
)
"""Calls before or after which a process may die."""


@contextmanager
def _killed(instant: int, call: int) -> Iterator[list[int]]:
    """Let the process die at a call. Gives a list that fills when it did."""
    owner, name = INSTANTS[instant // 2]
    real = getattr(owner, name)
    calls: list[int] = []
    gone: list[int] = []

    def fatal(self: Any, *arguments: Any, **more: Any) -> Any:
        if gone:
            raise Killed
        calls.append(1)
        if len(calls) == call and instant % 2:
            gone.append(1)
            raise Killed
        result = real(self, *arguments, **more)
        if len(calls) == call:
            gone.append(1)
            raise Killed
        return result

    def close(self: Any, *, failed: bool) -> None:
        if gone:
            self._backend.release()
        else:
            really(self, failed=failed)

    really = Load.close
    with mock.patch.object(owner, name, fatal), mock.patch.object(Load, "close", close):
        yield gone


def findings(case: Case, place: Any, folder: Path) -> list[Finding]:
    """Load a case into an empty place; what goes wrong first, if nobody is mending it yet."""
    tables: dict[str, Table] = {}
    logging.disable(logging.CRITICAL)
    try:
        for number in range(1, len(case.runs) + 1):
            found = [
                Finding(number, kind, text)
                for kind, text in _of_run(case.runs[:number], place, folder / str(number), tables)
            ]
            if found:
                return [] if any(map(known, found)) else found
        if case.again and _says_nothing_new(case.runs[-1], tables):
            return [*_of_rerun(case.runs, place, folder / "again")]
    finally:
        logging.disable(logging.NOTSET)
    return []


def _of_run(
    runs: Sequence[Run], place: Any, folder: Path, tables: dict[str, Table]
) -> Iterator[tuple[str, str]]:
    """What is wrong with the last of some runs."""
    run = runs[-1]
    reading = understood(run)
    text = b"".join(line + b"\n" for line in _with_files(run, folder).lines)
    died, aside = reading.dies is not None, False
    with _killed(*run.killed) if run.killed else nullcontext([]) as gone:
        try:
            place.run_text(text, **run.settings, **_batch_config(run, folder))
            if reading.dies is not None and not gone:
                yield "accepted", reading.dies
        except SingerSDKError as error:
            aside = ASIDE in str(error) or (CUT in str(error) and _is_cut(reading, run))
            # Which stream has the table, and from which SCHEMA on the other is left out, is not
            # followed.
            aside = aside and COLLISION not in str(error)
            died = not aside
            if not gone and not _may_be_refused(reading, run, str(error), tables):
                yield "refused", str(error)
        except Killed:
            died = True
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            if not gone:
                yield "traceback", _traceback(error)
            died = True
    died = died or bool(gone)
    safe, wrong = _covered(reading, place.last.states, died=died or aside or _is_cut(reading, run))
    yield from (("state", text) for text in wrong)
    expect(tables, run, reading, died=died, safe=safe)
    settings = [each.settings for each in runs]
    for text in compare(place, tables, settings, torn=bool(gone)):
        yield "table", text


def _says_nothing_new(run: Run, tables: Mapping[str, Table]) -> bool:
    """Whether a run that comes a second time has nothing to write: keys are sent once, and stay."""
    reading = understood(run)
    odd = any(table.odd for table in tables.values())
    if reading.dies or run.killed or odd or "load_method" in run.settings:
        return False
    if not run.settings.get("add_record_metadata", True):
        # Nothing tells whether a row is older than a column that was added.
        return False
    return all(
        stream.keys
        and not stream.unusable
        and len({sent.key for sent in stream.records}) == len(stream.records)
        and not any(sent.record.get("_sdc_deleted_at") for sent in stream.records)
        for stream in reading.streams.values()
    )


def _of_rerun(runs: Sequence[Run], place: Any, folder: Path) -> Iterator[Finding]:
    """What the last run writes where it comes a second time."""
    run = _with_files(runs[-1], folder)
    before = {table: place.files(table) for table in place.tables()}
    try:
        place.run_text(
            b"".join(line + b"\n" for line in run.lines),
            **run.settings,
            **_batch_config(run, folder),
        )
    except SingerSDKError:
        return  # It did so the first time.
    for table in place.tables():
        if place.files(table) != before.get(table):
            yield Finding(len(runs) + 1, "rerun", f"table {table!r} is written to again")


def _traceback(error: BaseException) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
    return f"{type(error).__name__}: {str(error)[:300]} ({where})"


def _with_files(run: Run, folder: Path) -> Run:
    """The run, its BATCH files written into a folder and named by where they are."""
    if not run.files:
        return run
    folder.mkdir(parents=True)
    for name, data in run.files.items():
        (folder / name).write_bytes(data)
    uri = f"{folder.as_uri()}/".encode()
    return replace(run, lines=[line.replace(FILES.encode(), uri) for line in run.lines])


def _is_cut(reading: Reading, run: Run) -> bool:
    """Whether a stream that is to be overwritten is not complete: then states wait for it."""
    cut = any(map(reading.is_cut, reading.streams.values()))
    return cut and run.settings.get("load_method") == "overwrite"


def _batch_config(run: Run, folder: Path) -> dict[str, Any]:
    """The setting that lets BATCH files be read from a folder."""
    encoding = {"format": "jsonl", "compression": "gzip"}
    storage = {"root": folder.as_uri()}
    return {"batch_config": {"encoding": encoding, "storage": storage}} if run.files else {}


def _may_be_refused(reading: Reading, run: Run, message: str, tables: Mapping[str, Table]) -> bool:
    """Whether there is a reason for ending a run with a sentence."""
    if COLLISION in message:
        return True
    if CUT in message and _is_cut(reading, run):
        return True
    if ASIDE in message:
        # Rows that were set aside are named until somebody decides about them.
        odd = {name for name, stream in reading.streams.items() if stream.odd or stream.unusable}
        odd |= {name for name, table in tables.items() if table.odd}
        return any(repr(name) in message for name in odd)
    names = [letters(name) for name in reading.streams]
    collide = len(set(names)) < len(names)
    return reading.dies is not None or collide or bool(run.settings.get("validate_records"))


def _covered(reading: Reading, states: list[Any], *, died: bool) -> tuple[Safe, list[str]]:
    """Up to which place of each stream the states that came out promise that all is in the tables.

    Of a state of bookmarks a stream's part may be held back, until the end of the input or for
    longer: then each part is one that was sent.
    """
    wrong = []
    safe = dict.fromkeys(reading.streams, -1)
    for state in states:
        places = [place for place, value in reading.states if _plain(value) == _plain(state)]
        parts = dict.fromkeys(
            safe, next((p for p in places if p >= max(safe.values(), default=-1)), None)
        )
        if None in parts.values() or (died and "bookmarks" in state):
            # A part that is as it was may have been held: it promises what it did the first time.
            parts = _parts(reading, state, safe)
        if any(parts[name] is None or parts[name] < place for name, place in safe.items()):
            wrong.append(f"{json.dumps(state)} came out, which was not sent, or is out of order")
        else:
            safe = parts
    last = reading.states[-1][1] if reading.states else None
    if not died and reading.states and (not states or _plain(states[-1]) != _plain(last)):
        wrong.append("the last state did not come out")
    return safe, wrong


def _parts(reading: Reading, state: Any, safe: Safe) -> Safe:
    """Where each stream's part of a state of bookmarks was sent first."""
    parts = dict(safe)
    marks = state.get("bookmarks") if isinstance(state, dict) else None
    for name, mark in (marks or {}).items():
        sent = [
            place
            for place, value in reading.states
            if isinstance(value, dict)
            and _plain(value.get("bookmarks", {}).get(name)) == _plain(mark)
        ]
        # A stream whose part is no news may have been held since before.
        parts[name] = max(safe.get(name, -1), sent[0]) if sent else None
    if marks == {} and any(_plain(value) == _plain(state) for _, value in reading.states):
        return parts  # It says nothing of any stream.
    return parts if marks else dict.fromkeys(safe)


def _plain(value: Any) -> str:
    return re.sub(r'"(-?\d+)"', r"\1", json.dumps(value, sort_keys=True))
