"""What a workspace limits, and how long things live there, in one table.

Source: Databricks, "Authorize service principal access with OAuth" (tokens) and "Statement
Execution API" (text of a statement); the rest as a serverless SQL warehouse and
databricks-sql-connector behave towards each other.
"""

from __future__ import annotations

TOKEN_SECONDS = 3600
"""How long an OAuth access token lives."""

IDLE_SESSION_SECONDS = 900.0
"""How long a warehouse keeps a session that nobody uses."""

SIGNED_URL_SECONDS = 900.0
"""How long a signed URL of a volume is of use."""

ANSWER_SECONDS = 5.0
"""How long a warehouse holds an ExecuteStatement back before it lets the client poll."""

POLL_SECONDS = 5.0
"""How long it holds a poll back before it tells the client to poll again."""

STATEMENT_BYTES = 16 << 20
"""How long the text of a statement may be."""

SECRET_BYTES = 128 << 10
"""How long the value of a secret may be."""

SECRETS_A_SCOPE = 1000
"""How many secrets a scope has at most."""

FILES_A_PAGE = 3
"""How many files a list has before the next page is asked for; a workspace gives 1,000."""

STATEMENTS_AT_ONCE = 16
"""How many statements run at once; more wait for their turn, as they queue at a warehouse."""

RETRY_AFTER_SECONDS = 5
"""The most that a Retry-After says while a warehouse starts, however long the start takes."""
