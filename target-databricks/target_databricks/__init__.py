"""Singer target for Databricks: any Singer stream, merged into Delta tables."""

PACKAGE = "xero-to-databricks-target-databricks"
"""What pip and uv call it."""
