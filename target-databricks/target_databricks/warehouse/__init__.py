"""The SQL warehouse as a destination: Unity Catalog tables, through Databricks' own clients.

The clients come with the extra `warehouse`; nothing here is imported before the settings ask for a
warehouse.
"""
