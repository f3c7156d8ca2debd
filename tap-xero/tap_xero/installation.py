"""Whether the package is installed under its old name too, which shares its files.

Up to 0.1.0 it was called as its command is.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from tap_xero import PACKAGE

OLD = "tap-xero"


def under_the_old_name() -> str | None:
    """What to say where a package of the old name is installed beside this one.

    It does no harm until it is removed, which removes commands and modules of both. On public
    indexes the name may be another project's: then the modules are those of whoever came last.
    """
    try:
        other = version(OLD)
    except PackageNotFoundError:
        return None
    return (
        f"{OLD} {other} is installed beside {PACKAGE} and has the same files: removing it removes "
        "both. Run 'uv sync --reinstall', with your extras; or, where there is no uv project, "
        f"'pip uninstall --yes {OLD} && pip install --force-reinstall --no-deps {PACKAGE}'."
    )
