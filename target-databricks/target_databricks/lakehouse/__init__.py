"""The lakehouse folder: Delta tables written by delta-rs, without a warehouse."""
