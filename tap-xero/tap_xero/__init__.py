"""Singer tap for Xero: every organisation, every document, nothing skipped."""
