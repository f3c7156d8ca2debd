"""The pipeline as a job of a Databricks workspace: secrets from a scope, state in a volume."""
