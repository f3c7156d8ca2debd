"""One self-contained page of the books, written from the marts."""

PACKAGE = "xero-to-databricks-report"
"""What pip and uv call it."""
