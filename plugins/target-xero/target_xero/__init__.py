"""Singer target that writes reference data into Xero, planned before it is sent."""

PACKAGE = "xero-to-databricks-target-xero"
"""What pip and uv call it."""
