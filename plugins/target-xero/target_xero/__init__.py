"""Singer target that writes reference data into Xero, planned before it is sent."""
