"""Reaching a workspace: credentials, connections, and what its errors mean."""
