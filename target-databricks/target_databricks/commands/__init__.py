"""The small commands: check the settings, print the grants."""
