"""Entry point of `python <this folder>`, as the Meltano plugin calls it."""

import sys
from pathlib import Path

# Run by its path, Python looks for modules in this folder only; the package is in the one above.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from reconcile.command import main  # noqa: E402

sys.exit(main())
