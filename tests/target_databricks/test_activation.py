"""Versions of whole tables against a small model: what a run received is alive, and nothing else
is of a stream whose version was completed; a run that dies retires nothing."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from crashes import FOLDER_WRITES, WAREHOUSE_WRITES, Crash, Dying
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINES = {
    "type": "array",
    "items": {"type": "object", "properties": {"n": INTEGER, "w": TEXT}},
    "x-child-table": {"name": "lines"},
}
Rows = Counter[tuple[int, str]]


RUNS = st.fixed_dictionaries(
    {
        "ids": st.lists(st.integers(1, 4), max_size=4),
        "version": st.sampled_from(["new", "new", "new", "older", "none"]),
        "named": st.sampled_from(["before", "after", "twice"]),
        "bare": st.lists(st.booleans(), min_size=4, max_size=4),
        "files": st.booleans(),
        "certain": st.booleans(),
        "hard": st.booleans(),
        "batch": st.sampled_from([1, 2, 50]),
    }
)


class Model(RuleBasedStateMachine):
    """A stream in a place, run upon run, and beside it the rows that must be alive."""

    singer: Any
    new_place: Any
    folder: Path

    @initialize(kind=st.sampled_from(["upsert", "append-only", "keyless"]))
    def begin(self, kind: str) -> None:
        self.place = self.new_place()
        self.keys = [] if kind == "keyless" else ["id"]
        self.method = "upsert" if kind == "keyless" else kind
        self.merges = kind == "upsert"
        self.rows: Rows = Counter()
        self.version, self.number, self.purged = -1, 0, False

    # What is sent

    def messages(self, run: dict[str, Any], version: int) -> list[Any]:
        singer, stated = self.singer, {} if run["version"] == "none" else {"version": version}
        schema = singer.schema("items", {"id": INTEGER, "v": TEXT, "lines": LINES}, self.keys)
        # Child rows of appended rows are told apart by run and key, not by version.
        apart = self.merges or not self.keys
        bares = run["bare"] if apart else run["bare"][:1] * 4
        records = [
            singer.record("items", self.record(i), **({} if bare else stated))
            for i, bare in zip(run["ids"], bares, strict=False)
        ]
        if run["files"] and records:
            path = Path(tempfile.mkdtemp(dir=self.folder)) / "rows"
            path.write_text("".join(json.dumps(r["record"]) + "\n" for r in records[1:]))
            files = {"encoding": {"format": "jsonl"}, "manifest": [path.as_uri()]}
            records = [records[0], {"type": "BATCH", "stream": "items", **files}]
        activate = [singer.activate("items", version)] if stated else []
        before = activate if run["named"] != "after" else []
        after = activate if run["named"] != "before" else []
        certain = {"currently_syncing": None} if run["certain"] else {}
        return [schema, *before, *records, *after, singer.state({"n": self.number, **certain})]

    def record(self, number: int) -> dict[str, Any]:
        # Rows that are merged may come again as they were; others are told apart by their run.
        value = "same" if self.merges else f"run {self.number}"
        lines = [{"n": number, "w": value}]
        return {"id": number, "v": value, "lines": lines}

    # What must be

    def complete(
        self, run: dict[str, Any], sent: list[Any], whole: list[Any], version: int
    ) -> bool:
        """Whether what was sent says for certain that nothing else is there."""
        if run["version"] == "none" or version <= self.version:
            return False
        if run["named"] == "before":
            on_the_way = run["files"] and run["ids"] and not run["certain"]
            return len(sent) == len(whole) and not on_the_way
        return len(sent) >= len(whole) - 1

    def received(self, sent: list[Any]) -> Rows:
        rows: Rows = Counter()
        for message in sent:
            records = [message["record"]] if message["type"] == "RECORD" else []
            if message["type"] == "BATCH":
                text = Path(message["manifest"][0].removeprefix("file://")).read_text()
                records = [json.loads(line) for line in text.splitlines()]
            rows.update((r["id"], r["v"]) for r in records)
        return Counter(dict.fromkeys(rows, 1)) if self.merges else rows

    def loaded(
        self,
        run: dict[str, Any],
        sent: list[Any],
        whole: list[Any],
        version: int,
        perhaps: Rows | None = None,
    ) -> None:
        """Compare with the place; `perhaps` are rows of which some may be there as well."""
        rows, complete = self.received(sent), self.complete(run, sent, whole, version)
        kept = Counter() if complete else self.rows
        self.rows = rows | kept if self.merges else rows + kept
        if perhaps is not None and not complete:
            there = self.alive()
            assert self.rows <= there <= self.rows + perhaps
            self.rows = there
        if complete:
            self.version, self.purged = version, run["hard"]
        self.check()

    def alive(self, table: str = "items", *columns: str) -> Rows:
        if not self.place.exists(table):
            return Counter()
        rows = self.place.arrow(table).to_pylist()
        return Counter(
            tuple(r[c] for c in columns or ("id", "v"))
            for r in rows
            if r["_sdc_deleted_at"] is None
        )

    def check(self) -> None:
        assert self.alive() == self.rows
        if self.keys:
            assert self.alive("lines", "n", "w") == self.rows
        if self.purged and self.place.exists("items"):
            assert self.place.arrow("items").num_rows == self.rows.total()
            self.purged = False

    # What happens

    def begun(self, run: dict[str, Any]) -> tuple[int, list[Any]]:
        self.number += 1
        if not run["ids"]:
            run["named"] = "before"  # whatever it comes after, it is no record
        if run["version"] == "older" and self.version < 0:
            run["version"] = "none"
        version = 10 * self.number if run["version"] == "new" else self.version - 1
        return version, self.messages(run, version)

    def run(self, run: dict[str, Any], messages: list[Any]) -> None:
        self.place.run(
            messages,
            load_method=self.method,
            hard_delete=run["hard"],
            batch_size_rows=run["batch"],
        )

    @rule(run=RUNS)
    def run_to_the_end(self, run: dict[str, Any]) -> None:
        version, messages = self.begun(run)
        self.run(run, messages)
        self.loaded(run, messages, messages, version)

    @rule(run=RUNS, through=st.integers(1, 6))
    def the_tap_dies(self, run: dict[str, Any], through: int) -> None:
        version, messages = self.begun(run)
        self.run(run, messages[:through])
        self.loaded(run, messages[:through], messages, version)

    @rule(run=RUNS, call=st.integers(1, 9), after=st.booleans(), again=st.booleans())
    def the_target_is_killed(
        self, run: dict[str, Any], call: int, after: bool, again: bool
    ) -> None:
        version, messages = self.begun(run)
        writes = FOLDER_WRITES if self.place.quick else WAREHOUSE_WRITES
        with Dying(writes, call, after=after) as retiring, suppress(Crash):
            self.run(run, messages)
        perhaps = None
        if not self.place.last.states:
            if not retiring:
                assert self.rows.keys() <= self.alive().keys()
            # The tap starts over, with the version that it had or with a new one. A row that is
            # appended is another row then; what the killed run had appended may be there, too.
            if not again and run["version"] == "new":
                perhaps = None if self.merges else self.received(messages)
                version += 1
            messages = self.messages(run, version)
            self.run(run, messages)
        self.loaded(run, messages, messages, version, perhaps)


def model(singer: Any, new_place: Any, folder: Path, *, examples: int, steps: int) -> None:
    numbers = iter(range(10**9))

    class Here(Model):
        pass

    Here.singer, Here.folder = singer, folder
    Here.new_place = staticmethod(lambda: new_place(f"place {next(numbers)}"))
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    profile = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, phases=phases
    )
    run_state_machine_as_test(Here, settings=profile)


@pytest.mark.parametrize(
    "examples", [6, pytest.param(150, marks=pytest.mark.stress)], ids=["some", "many"]
)
def test_invariant_12_what_a_run_received_is_alive_and_a_run_that_dies_retires_nothing(
    new_place, singer, tmp_path, examples
):
    model(singer, new_place, tmp_path, examples=examples, steps=5)


@pytest.mark.stress
@pytest.mark.timeout(3_600)
def test_invariant_12_what_a_run_received_is_alive_in_a_warehouse_too(
    warehouse, new_schema, singer, tmp_path
):
    model(singer, new_schema, tmp_path, examples=5, steps=3)
