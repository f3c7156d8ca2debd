"""Commands of dbt in one process, which reads the project once; for the Python that dbt is in.

Standard input has a list of `[arguments, environment]`. Ends with 1 at the first command that fails.
"""

from __future__ import annotations

import json
import os
import sys

from dbt.cli.main import dbtRunner


def main() -> int:
    """Run the commands; what dbt says goes where it always does."""
    manifest = None
    for arguments, environment in json.load(sys.stdin):
        os.environ.update(environment)
        manifest = manifest or dbtRunner().invoke(["parse"]).result
        if not dbtRunner(manifest=manifest).invoke(arguments).success:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
