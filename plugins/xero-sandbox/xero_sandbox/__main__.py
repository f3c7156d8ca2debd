"""`python -m xero_sandbox`."""

from __future__ import annotations

import sys

from xero_sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
