"""A batch as a file: Parquet that explains itself, under a name made of what is in it.

The file carries its plan along, so that a later run can apply it without the tap. Wherever files
are staged, they are called alike:

| file | meaning |
|---|---|
| `<table>-<digest>.parquet` | a staged batch |
| `<table>-<digest>.applied` | an appended batch that is in its table, and may be sent again |
| `<table>-v<version>-<digest>.seen` | keys that came with a version not yet activated |
| `<table>.stateful` | the tap of an appended stream sends states, so it resumes from them |
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from target_databricks.errors import DamagedFileError
from target_databricks.loading.batch import Batch
from target_databricks.schema.plan import (
    ChildPlan,
    Hints,
    ParentColumn,
    Reference,
    StreamPlan,
)
from target_databricks.schema.types import struct_node, struct_of_columns

STAGED, APPLIED, SEEN, STATEFUL = ".parquet", ".applied", ".seen", ".stateful"

_PLAN_KEY = b"target_databricks.plan"
_CALENDAR = {b"org.apache.spark.version": b"4.0.0"}
"""Tells Spark which calendar the file's dates are in: that of its versions from 3.0 on, as Arrow's.

Without it a warehouse refuses dates before 1582 and times before 1900.
Source: Apache Spark, `DataSourceUtils.datetimeRebaseSpec`.
"""


def table_of(name: str) -> str:
    """The table that a staged file is for, from its name; of a stranger's file the name."""
    name = name.removesuffix(STAGED)
    return name.rpartition("-")[0].removeprefix("-") or name


def table_of_keys(name: str) -> str:
    """The table that a note on keys that were seen is for, from its name."""
    return name.rpartition("-v")[0].removeprefix("-")


def version_of(name: str) -> int:
    """The version in the name of a note on keys that were seen."""
    return int(name.rpartition("-v")[2].rpartition("-")[0])


def write_staged(batch: Batch, compression: str = "lz4") -> memoryview:
    """A batch and its plan as one Parquet file, with checksums of its pages and of all of it."""
    metadata = {_PLAN_KEY: _plan_text(batch).encode(), _CHECKSUM_KEY: _checksum(), **_CALENDAR}
    rows = batch.rows.replace_schema_metadata(metadata)
    file = io.BytesIO()
    # Read once at most, and soon: what costs time to write (dictionaries, statistics) is left out.
    pq.write_table(
        rows,
        file,
        compression=compression,
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
    )
    content = file.getbuffer()
    footer = len(content) - int.from_bytes(content[-8:-4], "little") - 8
    place = footer + bytes(content[footer:]).rfind(_checksum())
    content[place : place + len(_checksum())] = _checksum(content)
    return content


def read_staged(content: bytes) -> Batch:
    """Read a batch that an earlier run staged.

    Raises:
        DamagedFileError: The file is not one of ours, or not as it was written.
    """
    _verify(content)
    try:
        rows = pq.read_table(io.BytesIO(content), page_checksum_verification=True)
        facts = json.loads((rows.schema.metadata or {})[_PLAN_KEY])
        plan = _plan_from(facts["plan"], rows.schema)
        marks = facts.get("marks", {})
        return Batch(plan, rows.replace_schema_metadata(), facts["read"], marks=marks)
    except KeyError as error:
        raise DamagedFileError(f"it carries no plan of target-databricks: {error}") from error
    except (pa.ArrowException, OSError, ValueError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DamagedFileError(f"it cannot be read: {reason}") from error


def read_rows(content: bytes) -> pa.Table:
    """Read rows that need no plan: keys that were seen, rows of the ledger.

    Raises:
        DamagedFileError: It is not as it was written.
    """
    try:
        return pq.read_table(io.BytesIO(content), page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedFileError(str(error)) from error


def write_rows(rows: pa.Table) -> bytes:
    """Rows that need no plan as a Parquet file, with checksums of its pages."""
    file = io.BytesIO()
    dated = rows.replace_schema_metadata({**(rows.schema.metadata or {}), **_CALENDAR})
    pq.write_table(dated, file, write_page_checksum=True)
    return file.getvalue()


_CHECKSUM_KEY = b"target_databricks.checksum"
_CHECKSUM = re.compile(rb"target-databricks:([0-9a-f]{64})")


def _checksum(*content: bytes | memoryview) -> bytes:
    """The text that stands for a file's checksum; of nothing, what stands there while it is taken.

    The checksums of pages know nothing of the footer, in which the plan is.
    """
    digest = hashlib.sha256()
    for part in content:
        digest.update(part)
    return b"target-databricks:" + (digest.hexdigest() if content else "0" * 64).encode()


def _verify(content: bytes) -> None:
    """Compare a file with its checksum; one of an earlier version has none.

    Raises:
        DamagedFileError: It is not as it was written.
    """
    stated = max(_CHECKSUM.finditer(content), key=re.Match.start, default=None)
    if stated is None:
        if _CHECKSUM_KEY in content:
            raise DamagedFileError("its checksum is gone")
        return
    view = memoryview(content)
    if _checksum(view[: stated.start()], _checksum(), view[stated.end() :]) != stated[0]:
        raise DamagedFileError("its checksum is another")


_PLAN_FACTS = (
    "stream",
    "table",
    "keys",
    "bookmark",
    "description",
    "sdk_metadata",
    "soft_delete",
    "history",
)
_CHILD_FACTS = ("column", "table", "keys", "description")


def _plan_text(batch: Batch) -> str:
    plan = batch.plan
    facts: dict[str, Any] = {name: getattr(plan, name) for name in _PLAN_FACTS}
    facts["sources"] = plan.sources
    facts["own_columns"] = len(plan.fields)
    facts["children"] = [
        {n: getattr(child, n) for n in _CHILD_FACTS}
        | {"references": _as_facts(child.references), "parents": _as_facts(child.parents)}
        | {"hints": asdict(child.hints)}
        for child in plan.children
    ]
    facts["references"] = _as_facts(plan.references)
    facts["hints"] = asdict(plan.hints)
    return json.dumps({"plan": facts, "read": batch.read, "marks": dict(batch.marks)})


def _as_facts(items: Iterable[Reference | ParentColumn]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items]


def _references_from(facts: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    return tuple(Reference(tuple(f["columns"]), f["table"], tuple(f["to"])) for f in facts)


def _hints_from(facts: Mapping[str, Any]) -> Hints:
    cluster_by = facts.get("cluster_by")
    return Hints(
        cluster_by=None if cluster_by is None else tuple(cluster_by),
        properties=tuple((name, value) for name, value in facts.get("properties", ())),
        tags=tuple((column, key, value) for column, key, value in facts.get("tags", ())),
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
            hints=_hints_from(child.get("hints", {})),
            parents=tuple(ParentColumn(**facts) for facts in child.get("parents", ())),
        )
        for child in facts["children"]
    )
    facts = {"history": False, **facts}
    plain = {name: facts[name] for name in _PLAN_FACTS} | {"keys": tuple(facts["keys"])}
    return StreamPlan(
        root=root,
        children=children,
        references=_references_from(facts.get("references", ())),
        hints=_hints_from(facts.get("hints", {})),
        sources=facts.get("sources", ""),
        **plain,
    )
