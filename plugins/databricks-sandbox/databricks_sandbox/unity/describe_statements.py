"""DESCRIBE … AS JSON, which Spark refuses for Delta tables.

Source: Databricks SQL, "DESCRIBE TABLE", section on JSON formatted output.
"""

from __future__ import annotations

import json
from typing import Any

from databricks_sandbox.engine import tables
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Metastore
from databricks_sandbox.unity.result_set import ResultSet, result_set


class DescribeStatements:
    """DESCRIBE in the forms that Spark refuses.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
    """

    def __init__(self, metastore: Metastore, grants: Grants) -> None:
        self._metastore = metastore
        self._grants = grants

    def as_json(self, execution: Execution) -> ResultSet:
        """`DESCRIBE [TABLE] EXTENDED name AS JSON`: one row, one column `json_metadata`."""
        reader = execution.reader()
        reader.next()
        reader.accept("TABLE")
        reader.expect("EXTENDED")
        name = reader.name()
        reader.expect("AS", "JSON")
        reader.expect_end()
        if len(name) == 1 and execution.engine.has_view(name[0]):
            # A temporary view is nobody's but the session's, and no Delta table.
            return execution.run(execution.text)
        securable = execution.securable(name, "TABLE")
        self._grants.require(execution.principal, "SELECT", securable)
        catalog, schema, table_name = securable.name
        table = tables.table(execution.engine, catalog, schema, table_name)
        keys = self._metastore.constraints.get(securable.name, [])
        metadata = {
            "table_name": table_name,
            "catalog_name": catalog,
            "schema_name": schema,
            "namespace": [schema],
            "columns": [
                {
                    "name": field.name,
                    "type": _json_type(field.dataType.jsonValue()),
                    **({"comment": c} if (c := (field.metadata or {}).get("comment")) else {}),
                    "nullable": field.nullable,
                }
                for field in table.schema.fields
            ],
            "type": "VIEW" if table.is_view else "MANAGED",
            "owner": self._grants.owner(securable),
            "provider": table.provider,
            "comment": table.comment,
            "table_properties": table.properties,
            "view_text": table.definition,
            "table_constraints": str(
                [(key.name, f"{key.kind} ({', '.join(key.columns)})") for key in keys]
            )
            if keys
            else None,
        }
        text = json.dumps({key: value for key, value in metadata.items() if value is not None})
        return result_set(("json_metadata",), [(text,)])


def _json_type(value: Any) -> Any:
    """Spark's JSON of a type in the form of DESCRIBE AS JSON: an object with a name for each."""
    if isinstance(value, str):
        plain = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint",
                 "timestamp": "timestamp_ltz"}  # fmt: skip
        if value.startswith("decimal("):
            precision, scale = value[8:-1].split(",")
            return {"name": "decimal", "precision": int(precision), "scale": int(scale)}
        return {"name": plain.get(value, value)}
    if value["type"] == "struct":
        fields = [
            {"name": f["name"], "type": _json_type(f["type"]), "nullable": f["nullable"]}
            for f in value["fields"]
        ]
        return {"name": "struct", "fields": fields}
    if value["type"] == "array":
        return {
            "name": "array",
            "element_type": _json_type(value["elementType"]),
            "element_nullable": value["containsNull"],
        }
    return {
        "name": "map",
        "key_type": _json_type(value["keyType"]),
        "value_type": _json_type(value["valueType"]),
        "value_nullable": value["valueContainsNull"],
    }
