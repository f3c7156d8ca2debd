"""The SQL protocol of a warehouse: Thrift messages over HTTP, sessions, operations, Arrow results.

Source: the generated service in `databricks.sql.thrift_api`, and what databricks-sql-connector
sends and accepts.
"""
