"""What Databricks takes at most: one table for the whole package.

Source: Unity Catalog, Names; Databricks SQL language reference, DECIMAL type; Liquid clustering;
databricks-sql-connector, statements over Thrift.
"""

from __future__ import annotations

IDENTIFIER = 255
"""Characters of a name."""
DECIMAL_DIGITS = 38
"""Digits of a DECIMAL."""
TABLE_BYTES = 190
"""Bytes of a table's name: of the 255 that a file's may have, staged files of the table add 60."""
CLUSTERED_COLUMNS = 4
"""Columns that a table is clustered by."""
STATEMENT_BYTES = 16 << 20
"""Bytes of a statement's text."""
LONGEST_STATEMENT = 8 << 20
"""Bytes of the longest statement that is sent: half of what a warehouse takes."""
