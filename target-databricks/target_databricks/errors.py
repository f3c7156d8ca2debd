"""Errors, named by what the reader of them should do.

Everything here ends the run with exit code 1; what can be retried is retried where it happens.
Messages say what happened, to which stream or table, and what to do next.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from singer_sdk.exceptions import (
    ConfigurationError,
    ConfigValidationError,
    FatalSyncError,
    InvalidRecord,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
    SingerSDKError,
)

__all__ = [
    "BadInputError",
    "BusyError",
    "ConfigurationError",
    "DamagedFileError",
    "InvalidRecord",
    "LoadError",
    "MissingKeyPropertiesError",
    "RecordsWithoutSchemaException",
    "WithoutKeyError",
    "errors_as_lines",
]


class BadInputError(FatalSyncError):
    """The tap sent something that is not Singer; the tap must be mended."""


class LoadError(FatalSyncError):
    """A batch could not be applied; it stays staged and the next run applies it first."""


class WithoutKeyError(LoadError, MissingKeyPropertiesError):
    """Records without a key are set aside; all else is loaded."""


class DamagedFileError(FatalSyncError):
    """A staged file is not what was written, or is none of ours; the text says how that shows."""


class BusyError(FatalSyncError):
    """Another run is loading the same tables; run again when it is done."""


@contextmanager
def errors_as_lines(
    show: Callable[[str], object], *, but: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Turn a foreseen failure into one clear line and exit code 1.

    Args:
        show: Shows the line.
        but: Errors that somebody else shows.
    """
    try:
        yield
    except but:
        raise
    except ConfigValidationError as error:
        for each in error.errors or [str(error)]:
            show(each)
        sys.exit(1)
    except SingerSDKError as error:
        show(str(error))
        sys.exit(1)
