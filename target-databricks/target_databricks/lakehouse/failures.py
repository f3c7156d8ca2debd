"""What delta-rs, Arrow and the system below them say when a table cannot be written, understood.

One table; the first rule whose text is found counts. What matches none lies with the rows, as far
as anybody can tell, and speaks for itself.

Source: delta-rs 1.6, `DeltaTableError`, `TransactionError`, `ProtocolError`; delta-kernel-rs,
`Error`; object_store, `Error`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from target_databricks.loading.backend import Blame, Failure

_OTHER_TABLE = (
    "Let the stream have a table of its own (an '__alias__' in 'stream_maps'), or load into a SQL "
    "warehouse."
)


@dataclass(frozen=True)
class _Rule:
    """What tells one kind of failure: a regular expression, what is at fault, and advice."""

    text: str
    blame: Blame
    advice: str = ""


_RULES = (
    _Rule(
        r"No space left|quota exceeded|Too many open files|Read-only file system",
        Blame.PLACE,
        "Make room, or choose another 'lakehouse_path' or 'spool_path'.",
    ),
    _Rule(
        r"Generic (S3|GCS|MicrosoftAzure|HTTP) error|error sending request|timed? ?out|"
        r"[Cc]onnection (reset|refused|closed)|dns error|InvalidAccessKey|SignatureDoesNotMatch",
        Blame.PLACE,
        "Check that the object store answers, and 'storage_options'.",
    ),
    _Rule(
        r"Unknown scheme|UnknownScheme|allow_unsafe_rename",
        Blame.PLACE,
        "Check 'lakehouse_path': a local folder, or a URL such as s3://, abfss:// or gs://. What "
        "is behind dbfs:/ is loaded through a SQL warehouse.",
    ),
    _Rule(
        r"Failed to commit transaction: \d+|Transaction failed: Version \d+ already|"
        r"[Cc]oncurrent transaction|Max(imum)?_?\w* commit attempts",
        Blame.MOMENT,
        "Another writer was faster.",
    ),
    _Rule(
        r"append-only",
        Blame.ROWS,
        "The table takes new rows only (delta.appendOnly). Unset that property, or load with "
        "'load_method: append-only'.",
    ),
    _Rule(
        r"failed validation check|Invariant violation|Constraint|non-nullable|not null",
        Blame.ROWS,
        "A NOT NULL or CHECK constraint of the table, or a column that it generates, does not "
        "allow them.",
    ),
    _Rule(
        r"Delta features?|features|Feature '|[Cc]olumn mapping|Unsupported reader|"
        r"Unsupported writer|catalog-managed|min_?(reader|writer)_?version|protocol version",
        Blame.TABLE,
        "Databricks gave it to the table, and delta-rs, which writes the folder, does not know it. "
        "Move the table's folder away and load the stream anew (`meltano run --full-refresh`); or "
        "take the feature away in Databricks (`ALTER TABLE ... DROP FEATURE`, where that is "
        "possible, and then `DROP FEATURE checkpointProtection TRUNCATE HISTORY`). "
        f"{_OTHER_TABLE}",
    ),
    _Rule(
        r"Permission denied|os error 13|Operation not permitted",
        Blame.MOMENT,
        "Grant write access to the table's folder.",
    ),
    _Rule(
        r"Json error|Invalid table location|[Ii]nvalid.*log|Not a Delta table|No files in log|"
        r"Missing (metadata|protocol)|checkpoint",
        Blame.TABLE,
        "The table's log cannot be read. Restore the table's folder, or remove it and load it "
        "anew.",
    ),
    _Rule(
        r"Failed to fetch metadata|Object at location|No such file|NotFound|os error 2\b",
        Blame.TABLE,
        "Files of the table are gone. Restore the table's folder, or remove it and load it anew.",
    ),
    _Rule(
        r"Parquet error|Invalid Parquet|Corrupt",
        Blame.TABLE,
        "A data file of the table is damaged. Restore the table's folder, or remove it and load "
        "it anew.",
    ),
)
_ASKED = re.compile(r"Error performing \w+ (\S+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 500
"""Characters of an error that are passed on."""


def _unreached(text: str) -> str:
    """Host and cause, where an object store was not reached; empty for everything else.

    The error's first line says so, the next ones the URL and, one below the other, the causes.
    """
    asked = _ASKED.search(text)
    if asked is None or "error sending request" not in text:
        return ""
    cause = text.strip().splitlines()[-1].rpartition("\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}")[2]
    host = urlsplit(asked[1]).netloc.rpartition("@")[2]
    return f"{host}: {_COLOUR.sub('', cause).strip()}"


def understood(error: BaseException) -> Failure:
    """Understand an error of writing to a folder's table."""
    text = str(error)
    # What follows the first line is delta-rs' own stack, of use to nobody here.
    first = next(iter(text.splitlines()), "").strip().rstrip(".")[:_LONGEST]
    reason = _unreached(text) or first or type(error).__name__
    for rule in _RULES:
        if re.search(rule.text, text):
            return Failure(reason, f"{reason}. {rule.advice}".strip(), rule.blame)
    blame = Blame.PLACE if isinstance(error, (OSError, MemoryError)) else Blame.ROWS
    return Failure(reason, f"{reason}.", blame)
