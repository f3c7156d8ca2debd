"""Results on the wire: Spark's rows as Arrow batches plus the column descriptions beside them.

Clients choose what stays Arrow (`TSparkArrowTypes`); what they decline travels as text, as it does
from a warehouse. VARIANT is always JSON text, marked as such in the field's metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lz4.frame
import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

# Clients read VARIANT out of this key; everything else in it is for their information.
_SQL_NAME = b"Spark:DataType:SqlName"

# Spark's name of a type to Thrift's; DECIMAL carries precision and scale besides.
_THRIFT_TYPES = {
    "boolean": ttypes.TTypeId.BOOLEAN_TYPE,
    "byte": ttypes.TTypeId.TINYINT_TYPE,
    "short": ttypes.TTypeId.SMALLINT_TYPE,
    "integer": ttypes.TTypeId.INT_TYPE,
    "long": ttypes.TTypeId.BIGINT_TYPE,
    "float": ttypes.TTypeId.FLOAT_TYPE,
    "double": ttypes.TTypeId.DOUBLE_TYPE,
    "string": ttypes.TTypeId.STRING_TYPE,
    "binary": ttypes.TTypeId.BINARY_TYPE,
    "date": ttypes.TTypeId.DATE_TYPE,
    "timestamp": ttypes.TTypeId.TIMESTAMP_TYPE,
    "timestamp_ntz": ttypes.TTypeId.TIMESTAMP_TYPE,
    "decimal": ttypes.TTypeId.DECIMAL_TYPE,
    "array": ttypes.TTypeId.ARRAY_TYPE,
    "map": ttypes.TTypeId.MAP_TYPE,
    "struct": ttypes.TTypeId.STRUCT_TYPE,
    "void": ttypes.TTypeId.NULL_TYPE,
    "variant": ttypes.TTypeId.STRING_TYPE,
    "varchar": ttypes.TTypeId.STRING_TYPE,
    "char": ttypes.TTypeId.STRING_TYPE,
}
_NESTED = ("array", "map", "struct")


@dataclass(frozen=True)
class Accepts:
    """What a client can read: LZ4 frames, and which types it takes as Arrow."""

    lz4: bool = False
    complex_types: bool = True
    decimals: bool = True
    timestamps: bool = True

    @property
    def as_text(self) -> tuple[str, ...]:
        """Names of the plain types that are sent as text."""
        declined = {"decimal": not self.decimals, "timestamp": not self.timestamps}
        return tuple(name for name, text in declined.items() if text)

    @classmethod
    def of(cls, request: Any) -> Accepts:
        """Read from a `TExecuteStatementReq`."""
        types = request.useArrowNativeTypes
        return cls(
            lz4=bool(request.canDecompressLZ4Result),
            complex_types=bool(types.complexTypesAsArrow) if types else False,
            decimals=bool(types.decimalAsArrow) if types else False,
            timestamps=bool(types.timestampAsArrow) if types else False,
        )


class WireResult:
    """Rows ready to be handed out in pieces.

    Args:
        table: the rows.
        schema: Spark's schema of the same columns.
        accepts: what the client can read.
        modified_rows: rows inserted, updated and deleted; None when it changes none.
        staging: the one row tells the client to move a file itself.
    """

    def __init__(
        self,
        table: pa.Table,
        schema: StructType,
        accepts: Accepts,
        *,
        modified_rows: int | None = None,
        staging: bool = False,
    ) -> None:
        self.modified_rows = modified_rows
        self._table = _for_client(table, schema, accepts)
        self._schema = schema
        self._accepts = accepts
        self._staging = staging
        self._sent = 0

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return int(self._table.num_rows)

    def metadata(self) -> ttypes.TGetResultSetMetadataResp:
        """Columns, Arrow schema and format."""
        return ttypes.TGetResultSetMetadataResp(
            status=ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS),
            schema=ttypes.TTableSchema(
                columns=[
                    ttypes.TColumnDesc(
                        columnName=field.name,
                        position=position,
                        comment="",
                        typeDesc=_thrift_type(field.dataType),
                    )
                    for position, field in enumerate(self._schema.fields, 1)
                ]
            ),
            resultFormat=ttypes.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=self._accepts.lz4,
            arrowSchema=self._table.schema.serialize().to_pybytes(),
            isStagingOperation=self._staging,
        )

    def next_rows(self, limit: int | None) -> ttypes.TFetchResultsResp:
        """The next rows, at most `limit`; `hasMoreRows` says whether to ask again."""
        start = self._sent
        piece = self._table.slice(start, limit or None)
        self._sent += piece.num_rows
        return ttypes.TFetchResultsResp(
            status=ttypes.TStatus(statusCode=ttypes.TStatusCode.SUCCESS_STATUS),
            hasMoreRows=self._sent < self.rows,
            resultSetMetadata=self.metadata(),
            results=ttypes.TRowSet(
                startRowOffset=start,
                rows=[],
                arrowBatches=[
                    ttypes.TSparkArrowBatch(batch=self._bytes(batch), rowCount=batch.num_rows)
                    for batch in piece.to_batches()
                    if batch.num_rows
                ],
            ),
        )

    def _bytes(self, batch: pa.RecordBatch) -> bytes:
        data = batch.serialize().to_pybytes()
        return bytes(lz4.frame.compress(data)) if self._accepts.lz4 else data


def _thrift_type(kind: DataType) -> ttypes.TTypeDesc:
    name = kind.typeName().split("(")[0]
    qualifiers = None
    if name == "decimal":
        qualifiers = ttypes.TTypeQualifiers(
            qualifiers={
                "precision": ttypes.TTypeQualifierValue(i32Value=kind.precision),  # type: ignore[attr-defined]
                "scale": ttypes.TTypeQualifierValue(i32Value=kind.scale),  # type: ignore[attr-defined]
            }
        )
    entry = ttypes.TPrimitiveTypeEntry(
        type=_THRIFT_TYPES.get(name, ttypes.TTypeId.STRING_TYPE), typeQualifiers=qualifiers
    )
    return ttypes.TTypeDesc(types=[ttypes.TTypeEntry(primitiveEntry=entry)])


def _for_client(table: pa.Table, schema: StructType, accepts: Accepts) -> pa.Table:
    columns, fields = [], []
    for column, kind, field in zip(table.columns, schema.fields, table.schema, strict=True):
        name = kind.dataType.typeName().split("(")[0]
        values = column
        if name in _NESTED and not accepts.complex_types:
            values = _as_json(column)
        elif name in accepts.as_text:
            values = column.cast(pa.string())
        elif name == "timestamp":
            # The name a warehouse gives to the same time zone.
            values = column.cast(pa.timestamp("us", "Etc/UTC"))
        elif "interval" in name:
            values = pa.chunked_array(
                [pa.array([_text(x) for x in column.to_pylist()], pa.string())]
            )
        sql_name = kind.dataType.simpleString().upper().encode()
        columns.append(values)
        fields.append(pa.field(field.name, values.type, field.nullable, {_SQL_NAME: sql_name}))
    if not fields:
        return table
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _as_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = [
        None if value is None else json.dumps(_plain(value), default=str, separators=(",", ":"))
        for value in column.to_pylist(maps_as_pydicts="strict")
    ]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
