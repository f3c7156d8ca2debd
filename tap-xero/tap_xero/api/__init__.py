"""Calls to Xero: the client, its limits, retries and errors, and the JSON that travels."""
