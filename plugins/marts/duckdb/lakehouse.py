"""Delta tables of a lakehouse folder as sources of dbt-duckdb.

A source says in its `meta.columns` which columns the models read, and of which type. Only these are
read. A table that is not there is empty and a column that is not there is null: which of them exist
depends on the tier, the scopes and the streams that were chosen.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.duckdb.utils import SourceConfig
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import TableNotFoundError

_TRACKING = ("tracking_category_id", "tracking_option_id", "name", "option")

_CLAIM_PAYMENT = [
    ("payment_id", pa.string()),
    ("date", pa.date32()),
    ("amount", pa.decimal128(38, 4)),
    ("account", pa.struct([("account_id", pa.string())])),
]

_BUDGET_BALANCE = [("period", pa.string()), ("amount", pa.decimal128(38, 4))]

_BATCH_PAYMENT = [
    *((name, pa.string()) for name in ("batch_payment_id", "type", "status")),
    ("date", pa.date32()),
    ("total_amount", pa.decimal128(38, 4)),
    ("is_reconciled", pa.bool_()),
    ("updated_date_utc", pa.timestamp("us", "UTC")),
]

_BALANCE = pa.struct([(name, pa.decimal128(38, 4)) for name in ("outstanding", "overdue")])

_BATCH_DETAILS = ("bank_account_number", "bank_account_name", "details", "code", "reference")

TYPES = {
    "string": pa.string(),
    "date": pa.date32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "amount": pa.decimal128(38, 4),
    "rate": pa.decimal128(38, 10),
    "tracking": pa.list_(pa.struct([(name, pa.string()) for name in _TRACKING])),
    "budget_balances": pa.list_(pa.struct(_BUDGET_BALANCE)),
    "batch_payment": pa.struct(_BATCH_PAYMENT),
    "balances": pa.struct([(f"accounts_{side}", _BALANCE) for side in ("receivable", "payable")]),
    "batch_details": pa.struct([(name, pa.string()) for name in _BATCH_DETAILS]),
    "claim_payments": pa.list_(pa.struct(_CLAIM_PAYMENT)),
}
"""Types of columns as `models/sources.yml` calls them; `macros/sources.sql` has them in SQL."""


class Plugin(BasePlugin):
    """Reads sources from the folder `path`, a folder for each schema in it."""

    def initialize(self, config: dict[str, Any]) -> None:
        """Take the settings of the profile: `path`, and `storage_options` of an object store."""
        self._path = str(config["path"]).rstrip("/")
        self._options = config.get("storage_options")
        self._cursors: list[Any] = []

    def configure_cursor(self, cursor: Any) -> None:
        """Remember a cursor that dbt opens, for sources that are read while it is open."""
        self._cursors.append(cursor)

    def load(self, source_config: SourceConfig) -> pa.Table:
        """The columns of a source, in the order in which it states them."""
        columns = {name: TYPES[kind] for name, kind in source_config["columns"].items()}
        try:
            table = DeltaTable(
                f"{self._path}/{source_config.schema}/{source_config.identifier}",
                storage_options=self._options,
            )
        except TableNotFoundError:
            return pa.schema(list(columns.items())).empty_table()
        there = {field.name for field in table.schema().fields}
        found = ", ".join(f'"{name}"' for name in columns if name in there)
        # Not by pyarrow's own reader: now and then it aborts the process at its end.
        answer = QueryBuilder().register("t", table).execute(f"SELECT {found} FROM t")  # noqa: S608
        rows = pa.RecordBatchReader.from_stream(answer).read_all()
        answered = pa.table(
            {
                name: pa.chunked_array([_fitted(c, kind) for c in rows[name].chunks], kind)
                if name in there
                else pa.nulls(rows.num_rows, kind)
                for name, kind in columns.items()
            }
        )
        # dbt-duckdb shows it to cursors that are opened from now on; a macro has its own already.
        shown = f"{source_config.table_name().replace('.', '_')}_df"
        self._cursors = [each for each in self._cursors if _registered(each, shown, answered)]
        return answered

    def default_materialization(self) -> str:
        """The rows are met where they are, and not copied into the database."""
        return "view"


def _registered(cursor: Any, name: str, rows: pa.Table) -> bool:
    """Show rows to a cursor under a name; whether it is open still."""
    try:
        cursor.register(name, rows)
    except Exception:  # noqa: BLE001 - DuckDB says in several ways that a cursor is closed
        return False
    return True


def _fitted(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Values as a type states them: of objects only its members, in its order, missing ones null.

    Views of strings, at which DuckDB's filters fail, become plain strings.
    """
    if pa.types.is_list(kind):
        values = values.cast(pa.list_(values.type.value_field))
        elements = _fitted(values.flatten(), kind.value_type)
        lengths = pc.fill_null(pc.list_value_length(values), 0)
        ends = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
        return pa.ListArray.from_arrays(ends, elements, type=kind, mask=values.is_null())
    if pa.types.is_struct(kind):
        there = {field.name for field in values.type}
        members = [
            _fitted(values.field(member.name), member.type)
            if member.name in there
            else pa.nulls(len(values), member.type)
            for member in kind
        ]
        return pa.StructArray.from_arrays(members, fields=list(kind), mask=values.is_null())
    return values.cast(kind)
