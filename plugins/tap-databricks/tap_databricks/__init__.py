"""Singer tap for Databricks: tables and views of a warehouse or of a folder of Delta tables."""

PACKAGE = "xero-to-databricks-tap-databricks"
"""What pip and uv call it."""
