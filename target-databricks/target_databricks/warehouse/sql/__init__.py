"""Statements as text: pure functions."""
