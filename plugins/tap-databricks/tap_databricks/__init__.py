"""Singer tap for Databricks: tables and views of a warehouse or of a folder of Delta tables."""
