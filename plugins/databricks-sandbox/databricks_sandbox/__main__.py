"""`python -m databricks_sandbox` is the command line."""

from __future__ import annotations

from databricks_sandbox.cli import main

if __name__ == "__main__":
    main(prog_name="databricks-sandbox")
