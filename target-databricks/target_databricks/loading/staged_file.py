"""A batch as a file: Parquet that explains itself, under a name made of what is in it.

The file carries its plan along, so that a later run can apply it without the tap. Wherever files
are staged, they are called alike:

| file | meaning |
|---|---|
| `<table>-<digest>.parquet` | a staged batch |
| `<table>-v<version>-<digest>.seen` | keys that came with a version not yet activated |
| `<table>.stateful` | the tap of an appended stream sends states, so it resumes from them |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from target_databricks.loading.batch import Batch
from target_databricks.schema.plan import ChildPlan, Hints, Reference, StreamPlan
from target_databricks.schema.types import struct_node, struct_of_columns

STAGED, SEEN, STATEFUL = ".parquet", ".seen", ".stateful"

_PLAN_KEY = b"target_databricks.plan"


def table_of(name: str) -> str:
    """The table that a staged file is for, from its name; of a stranger's file the name."""
    name = name.removesuffix(STAGED)
    return name.rpartition("-")[0].removeprefix("-") or name


def version_of(name: str) -> int:
    """The version in the name of a note on keys that were seen."""
    return int(name.rpartition("-v")[2].rpartition("-")[0])


def write_staged(batch: Batch, sink: IO[bytes], compression: str = "lz4") -> None:
    """Write a batch and its plan as one Parquet file."""
    schema = batch.rows.schema.with_metadata({_PLAN_KEY: _plan_text(batch).encode()})
    rows = batch.rows.replace_schema_metadata(schema.metadata)
    # Read once at most, and soon: what costs time to write (dictionaries, statistics) is left out.
    pq.write_table(
        rows, sink, compression=compression, use_dictionary=False, write_statistics=False
    )


def read_staged(source: IO[bytes]) -> Batch:
    """Read a batch that an earlier run staged.

    Raises:
        pa.ArrowInvalid: When the file is not one of ours, or cut short.
    """
    rows = pq.read_table(source)
    text = (rows.schema.metadata or {}).get(_PLAN_KEY)
    if text is None:
        raise pa.ArrowInvalid("the file carries no plan of target-databricks")
    facts = json.loads(text)
    plan = _plan_from(facts["plan"], rows.schema)
    marks = facts.get("marks", {})
    return Batch(plan, rows.replace_schema_metadata(), facts["read"], marks=marks)


_PLAN_FACTS = (
    "stream",
    "table",
    "keys",
    "bookmark",
    "description",
    "sdk_metadata",
    "soft_delete",
)
_CHILD_FACTS = ("column", "table", "keys", "description")


def _plan_text(batch: Batch) -> str:
    plan = batch.plan
    facts: dict[str, Any] = {name: getattr(plan, name) for name in _PLAN_FACTS}
    facts["own_columns"] = len(plan.fields)
    facts["children"] = [
        {n: getattr(child, n) for n in _CHILD_FACTS} | {"references": _as_facts(child.references)}
        for child in plan.children
    ]
    facts["references"] = _as_facts(plan.references)
    facts["hints"] = asdict(plan.hints)
    return json.dumps({"plan": facts, "read": batch.read, "marks": dict(batch.marks)})


def _as_facts(references: Iterable[Reference]) -> list[dict[str, Any]]:
    return [asdict(reference) for reference in references]


def _references_from(facts: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    return tuple(Reference(tuple(f["columns"]), f["table"], tuple(f["to"])) for f in facts)


def _hints_from(facts: Mapping[str, Any]) -> Hints:
    cluster_by = facts.get("cluster_by")
    return Hints(
        cluster_by=None if cluster_by is None else tuple(cluster_by),
        properties=tuple((name, value) for name, value in facts.get("properties", ())),
    )


def _plan_from(facts: dict[str, Any], schema: pa.Schema) -> StreamPlan:
    root = struct_of_columns(list(schema)[: facts["own_columns"]])
    rows = {f.name: f.node.item for f in root.fields}
    children = tuple(
        ChildPlan(
            column=child["column"],
            table=child["table"],
            keys=tuple(child["keys"]),
            row=rows[child["column"]] or struct_node(()),
            description=child["description"],
            references=_references_from(child.get("references", ())),
        )
        for child in facts["children"]
    )
    plain = {name: facts[name] for name in _PLAN_FACTS} | {"keys": tuple(facts["keys"])}
    return StreamPlan(
        root=root,
        children=children,
        references=_references_from(facts.get("references", ())),
        hints=_hints_from(facts.get("hints", {})),
        **plain,
    )
