"""Singer tap for Xero: every organisation, every document, nothing skipped."""

PACKAGE = "xero-to-databricks-tap-xero"
"""What pip and uv call it: on public indexes `tap-xero` is another project's."""
