"""From a SCHEMA message to the plan of its tables."""
