"""Unity Catalog's REST API: what a table looks like, without a warehouse."""

from __future__ import annotations

import json

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied


@pytest.fixture
def client(databricks_sandbox):
    def of(principal) -> WorkspaceClient:
        token = principal.access_token
        return WorkspaceClient(host=databricks_sandbox.url, token=token, auth_type="pat")

    return of


def test_a_table_is_shown_while_the_warehouse_sleeps(client, databricks_sandbox, databricks_schema):
    sandbox, schema = databricks_sandbox, f"main.{databricks_schema}"
    sandbox.sql(f"CREATE TABLE {schema}.p (`id` BIGINT NOT NULL, PRIMARY KEY (`id`))")
    sandbox.sql(
        f"CREATE TABLE {schema}.t (`id` BIGINT NOT NULL COMMENT 'which', `p_id` BIGINT, "
        "`a` STRUCT<`b_c`: ARRAY<STRUCT<`d`: DECIMAL(9,2)>>>, `at` TIMESTAMP, PRIMARY KEY (`id`), "
        f"CONSTRAINT t_p FOREIGN KEY (`p_id`) REFERENCES {schema}.p (`id`)) "
        "COMMENT 'things' TBLPROPERTIES ('mine' = 'yes')"
    )
    sandbox.warehouse.stop()
    workspace = client(sandbox.admin)

    assert workspace.schemas.get(schema).name == databricks_schema
    table = workspace.tables.get(f"{schema}.t")
    assert table.comment == "things"
    assert table.properties
    assert table.properties["mine"] == "yes"
    assert [(c.name, c.type_text, c.nullable) for c in table.columns or ()] == [
        ("id", "bigint", False),
        ("p_id", "bigint", True),
        ("a", "struct<b_c:array<struct<d:decimal(9,2)>>>", True),
        ("at", "timestamp", True),
    ]
    facts = json.loads(str((table.columns or [])[0].type_json))
    assert (facts["type"], facts["metadata"]) == ("long", {"comment": "which"})
    keys = {
        (c.primary_key_constraint or c.foreign_key_constraint).name: c.foreign_key_constraint
        for c in table.table_constraints or ()
    }
    assert set(keys) == {"t_pk", "t_p"}
    assert keys["t_p"]
    assert keys["t_p"].parent_table == f"{schema}.p"
    for missing in (f"{schema}.none", f"main.no_{databricks_schema}.t", "nowhere.at.all"):
        with pytest.raises(NotFound, match="does not exist"):
            workspace.tables.get(missing)
    assert sandbox.warehouse.state == "STOPPED"


def test_a_table_is_shown_to_those_who_may_read_it(client, databricks_sandbox, databricks_schema):
    sandbox, schema = databricks_sandbox, f"main.{databricks_schema}"
    sandbox.sql(f"CREATE TABLE {schema}.t (id INT)")
    workspace = client(sandbox.nobody)
    for privilege, on, then in (
        ("USE CATALOG", "CATALOG main", f"USE SCHEMA on Schema '{schema}'"),
        ("USE SCHEMA", f"SCHEMA {schema}", f"SELECT on Table '{schema}.t'"),
    ):
        sandbox.sql(f"GRANT {privilege} ON {on} TO `{sandbox.nobody.name}`")
        with pytest.raises(PermissionDenied, match=then):
            workspace.tables.get(f"{schema}.t")
    sandbox.sql(f"GRANT SELECT ON TABLE {schema}.t TO `{sandbox.nobody.name}`")
    assert workspace.tables.get(f"{schema}.t").full_name == f"{schema}.t"
