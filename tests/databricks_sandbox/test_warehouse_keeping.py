"""A sandbox with a folder of its own goes on where the one before it was."""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path

import pytest
from databricks_sandbox import sandbox as sandboxes
from databricks_sandbox.engine.restoring import restore_tables, restore_views
from databricks_sandbox.sandbox import Sandbox
from databricks_sandbox.unity.keeping import MetastoreFile
from databricks_sandbox.unity.metastore import (
    Constraint,
    Metastore,
    Policy,
    Securable,
    Volume,
)

TABLE = ("main", "books", "invoices")


def everything() -> Metastore:
    table = Securable("TABLE", TABLE)
    return Metastore(
        catalogs={"main": None, "other": "of others"},
        schemas={"books": "main"},
        owners={table: "somebody"},
        volumes={("main", "books", "v"): Volume(("main", "books", "v"), "files", read_only=True)},
        grants={("somebody", table): {"SELECT", "MODIFY"}},
        constraints={
            TABLE: [
                Constraint("pk", "PRIMARY KEY", ("id",)),
                Constraint("fk", "FOREIGN KEY", ("contact",), ("main", "books", "c"), ("id",)),
            ]
        },
        tags={(table, None): {"pii": "no"}, (table, "name"): {"pii": "yes"}},
        locations={"books": "s3://external/books"},
        views={("main", "books", "w"): ("CREATE VIEW main.books.w AS SELECT 1",)},
        row_filters={TABLE: Policy("f", ("id",))},
        masks={TABLE: {"name": Policy("m")}},
        pipelines={TABLE: "STREAMING_TABLE"},
        catalog_types={"other": "FOREIGN_CATALOG"},
    )


def test_all_of_a_metastore_is_the_same_when_it_is_read_again(tmp_path):
    kept = everything()
    names = [each.name for each in fields(Metastore) if each.name != "lock"]
    assert all(getattr(kept, name) for name in names)
    MetastoreFile(tmp_path / "metastore.json", kept).save()
    again = Metastore(catalogs={"main": None})
    MetastoreFile(tmp_path / "metastore.json", again)
    assert {n: getattr(again, n) for n in names} == {n: getattr(kept, n) for n in names}


def test_a_metastore_is_written_when_it_has_changed(tmp_path):
    metastore = everything()
    file = MetastoreFile(tmp_path / "metastore.json", metastore)
    file.save()
    (tmp_path / "metastore.json").unlink()
    file.save()
    assert not (tmp_path / "metastore.json").exists()
    metastore.schemas["more"] = "main"
    file.save()
    assert '"more"' in (tmp_path / "metastore.json").read_text()


def test_two_sandboxes_do_not_share_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sandboxes, "_LEFT_WITHIN", 0.01)
    refused = pytest.raises(RuntimeError, match="another sandbox has the folder")
    with Sandbox(folder=tmp_path), refused:
        Sandbox(folder=tmp_path).start()
    with Sandbox(folder=tmp_path):
        pass


def test_what_an_earlier_spark_has_left_is_there_again(databricks_sandbox, databricks_schema):
    """As after a restart: files and statements are there, Spark's catalog knows of neither."""
    earlier, here = f"main.{databricks_schema}", f"{databricks_schema}_again"
    databricks_sandbox.sql(f"CREATE TABLE {earlier}.t (id INT NOT NULL, name STRING)")
    databricks_sandbox.sql(f"INSERT INTO {earlier}.t VALUES (1, 'Harakeke'), (2, 'Kōwhai')")
    warehouse = databricks_sandbox.folder / "warehouse"
    files = warehouse / f"{here}.db" / "t"
    shutil.copytree(warehouse / f"{databricks_schema}.db" / "t", files)
    session = databricks_sandbox.engine.session("sandbox")
    restore_tables(session, warehouse, [here])
    restore_views(
        session,
        {
            ("main", here, "w"): ("CREATE VIEW w AS SELECT name FROM t WHERE id = 2",),
            ("main", here, "lost"): ("CREATE VIEW lost AS SELECT * FROM no_such_table",),
        },
    )
    assert databricks_sandbox.sql(f"SELECT * FROM main.{here}.w") == [{"name": "Kōwhai"}]
    databricks_sandbox.sql(f"UPDATE main.{here}.t SET name = 'x' WHERE id = 1")
    shown = databricks_sandbox.sql(f"DESCRIBE TABLE EXTENDED main.{here}.t")
    assert {row["col_name"]: row["data_type"] for row in shown}["Type"] == "MANAGED"
    databricks_sandbox.sql(f"DROP TABLE main.{here}.t")
    assert not Path(files).exists()
    databricks_sandbox.sql(f"DROP SCHEMA main.{here} CASCADE")
