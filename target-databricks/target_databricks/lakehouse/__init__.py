"""The lakehouse folder: Delta tables on a disk or in an object store, written with delta-rs."""
