"""Commands of dbt in one process, for the Python that dbt is in.

The argument is a project as an earlier run of dbt read it: to read it again would take longer than
the commands. Standard input has a list of `[arguments, environment]`. Ends with 1 where one fails.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest


def main() -> int:
    """Run the commands; what dbt says goes where it always does."""
    project = Path(sys.argv[1]).read_bytes()
    for arguments, environment in json.load(sys.stdin):
        os.environ.update(environment)
        # Runs leave traces in a manifest, such as models that have been put into others.
        manifest = Manifest.from_msgpack(project)
        manifest.build_flat_graph()
        if not dbtRunner(manifest=manifest).invoke(arguments).success:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
