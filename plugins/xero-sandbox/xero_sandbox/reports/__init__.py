"""Xero's reports, summed up from the lines of the ledger."""
