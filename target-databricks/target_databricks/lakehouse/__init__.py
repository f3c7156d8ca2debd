"""The lakehouse folder: Delta tables on a disk or in an object store, written with delta-rs."""

from target_databricks.lakehouse.folder import SPOOL, LakehouseFolder

__all__ = ["SPOOL", "LakehouseFolder"]
