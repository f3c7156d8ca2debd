"""`python -m databricks_sandbox` is the command line."""

from __future__ import annotations

import sys

from databricks_sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
