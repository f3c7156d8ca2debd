"""A Databricks SQL warehouse to run against, on loopback, with Apache Spark and Delta Lake behind.

`Sandbox` (in `databricks_sandbox.sandbox`) is the whole of it as one object; `databricks-sandbox
serve` runs one as a process, and the pytest fixture `databricks_sandbox` one for a test session.
"""
