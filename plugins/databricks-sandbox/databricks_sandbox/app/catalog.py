"""Unity Catalog's REST API as far as loaders ask it: what a table looks like, whether there is one.

Answers come from the metastore, so that no warehouse has to run. Nothing is said of a table's rows.
Source: Databricks REST API reference: Unity Catalog, Tables and Schemas.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from databricks_sandbox.app.messages import error_response, path_of
from databricks_sandbox.app.workspace import not_found
from databricks_sandbox.engine import tables
from databricks_sandbox.engine.spark import Engine
from databricks_sandbox.identity import Principal
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Constraint, Metastore, Name, Policy, Securable

if TYPE_CHECKING:
    from pyspark.sql.types import StructField

    from databricks_sandbox.engine.session import EngineSession

_TYPE_NAMES = {"integer": "INT", "bigint": "LONG", "smallint": "SHORT", "tinyint": "BYTE"}


_PIPELINE = "8d2f0f5e-6f0b-4a7e-9a51-3f6b1c0d7e22"


class CatalogCalls:
    """`/api/2.1/unity-catalog/tables/<full name>` and `…/schemas/<full name>`, to be read only.

    Args:
        engine: knows tables and columns.
        metastore: what Spark does not keep.
        grants: who may see what.
    """

    def __init__(self, engine: Engine, metastore: Metastore, grants: Grants) -> None:
        self._engine = engine
        self._metastore = metastore
        self._grants = grants
        self._session: EngineSession | None = None
        self._lock = threading.Lock()

    async def catalog(self, request: Request, principal: Principal) -> Response:
        """Name and kind of a catalog."""
        return await self._answer(request, principal, "catalogs", 1, self._catalog)

    async def table(self, request: Request, principal: Principal) -> Response:
        """Columns, properties and constraints of a table or view."""
        return await self._answer(request, principal, "tables", 3, self._table)

    async def schema(self, request: Request, principal: Principal) -> Response:
        """Name and owner of a schema."""
        return await self._answer(request, principal, "schemas", 2, self._schema)

    async def _answer(
        self, request: Request, principal: Principal, kind: str, parts: int, show: Any
    ) -> Response:
        full_name = path_of(request).rpartition(f"/{kind}/")[2].rstrip("/")
        name = tuple(full_name.lower().split("."))
        if request.method != "GET":
            return await not_found(request, principal)
        if len(name) != parts:
            return error_response(
                400, "INVALID_PARAMETER_VALUE", f"'{full_name}' is not a valid name."
            )
        response: Response = await run_in_threadpool(show, principal, name)
        return response

    def _catalog(self, principal: Principal, name: Name) -> Response:
        if name[0] not in self._metastore.catalogs:
            return error_response(
                404, "CATALOG_DOES_NOT_EXIST", f"Catalog '{name[0]}' does not exist."
            )
        self._grants.require(principal, "USE CATALOG", Securable("CATALOG", name))
        kind = self._metastore.catalog_types.get(name[0], "MANAGED_CATALOG")
        return JSONResponse({"name": name[0], "full_name": name[0], "catalog_type": kind})

    def _schema(self, principal: Principal, name: Name) -> Response:
        missing = self._missing_schema(principal, name)
        if missing is not None:
            return missing
        return JSONResponse(
            {
                "name": name[1],
                "catalog_name": name[0],
                "full_name": ".".join(name),
                "owner": self._grants.owner(Securable("SCHEMA", name)),
            }
        )

    def _missing_schema(self, principal: Principal, name: Name) -> Response | None:
        """The answer where there is no such schema, or no catalog above it."""
        if name[0] not in self._metastore.catalogs:
            return error_response(
                404, "CATALOG_DOES_NOT_EXIST", f"Catalog '{name[0]}' does not exist."
            )
        self._grants.require(principal, "USE CATALOG", Securable("CATALOG", name[:1]))
        catalog = self._metastore.schemas.get(name[1], self._metastore.default_catalog)
        with self._lock:
            there = catalog == name[0] and tables.schema_exists(self._reading, name[1])
        if not there:
            return error_response(
                404, "SCHEMA_DOES_NOT_EXIST", f"Schema '{'.'.join(name[:2])}' does not exist."
            )
        self._grants.require(principal, "USE SCHEMA", Securable("SCHEMA", name[:2]))
        return None

    def _table(self, principal: Principal, name: Name) -> Response:
        missing = self._missing_schema(principal, name[:2])
        if missing is not None:
            return missing
        with self._lock:
            there = tables.exists(self._reading, name[1], name[2])
        if not there:
            return error_response(
                404, "TABLE_DOES_NOT_EXIST", f"Table '{'.'.join(name)}' does not exist."
            )
        securable = Securable("TABLE", name)
        self._grants.require(principal, "SELECT", securable)
        with self._lock:
            table = tables.table(self._reading, *name)
        keys = self._metastore.constraints.get(name, [])
        filters = self._metastore.row_filters
        return JSONResponse(
            {
                "name": name[2],
                "catalog_name": name[0],
                "schema_name": name[1],
                "full_name": ".".join(name),
                "table_type": self._metastore.pipelines.get(
                    name, "VIEW" if table.is_view else "MANAGED"
                ),
                "data_source_format": (table.provider or "delta").upper(),
                "owner": self._grants.owner(securable),
                "columns": self._masked(name, self.show(table)),
                "properties": table.properties,
                **({"pipeline_id": _PIPELINE} if name in self._metastore.pipelines else {}),
                **(
                    {"row_filter": _shown(filters[name], "input_column_names")}
                    if name in filters
                    else {}
                ),
                **({"comment": table.comment} if table.comment else {}),
                **({"view_definition": table.definition} if table.is_view else {}),
                **({"table_constraints": [_constraint(key) for key in keys]} if keys else {}),
            }
        )

    def _masked(self, table: Name, columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        masks = self._metastore.masks.get(table, {})
        return [
            {**column, "mask": _shown(masks[name], "using_column_names")}
            if (name := column["name"].lower()) in masks
            else column
            for column in columns
        ]

    @staticmethod
    def show(table: tables.Table) -> list[dict[str, Any]]:
        """The columns of a table; a test may have it say what was true before."""
        return [_column(field, place) for place, field in enumerate(table.schema.fields)]

    @property
    def _reading(self) -> EngineSession:
        if self._session is None:
            self._session = self._engine.session("catalog")
        return self._session


def _column(field: StructField, place: int) -> dict[str, Any]:
    text = field.dataType.simpleString()
    kind = text.partition("<")[0].partition("(")[0]
    comment = (field.metadata or {}).get("comment")
    return {
        "name": field.name,
        "type_text": text,
        "type_name": _TYPE_NAMES.get(kind, kind.upper()),
        "type_json": json.dumps(field.jsonValue(), separators=(",", ":")),
        "position": place,
        "nullable": field.nullable,
        **({"comment": comment} if comment else {}),
    }


def _shown(policy: Policy, columns: str) -> dict[str, Any]:
    return {"function_name": policy.function, columns: list(policy.columns)}


def _constraint(key: Constraint) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": key.name, "child_columns": list(key.columns)}
    if key.parent is None:
        return {"primary_key_constraint": facts}
    return {
        "foreign_key_constraint": {
            **facts,
            "parent_table": ".".join(key.parent),
            "parent_columns": list(key.parent_columns),
        }
    }
