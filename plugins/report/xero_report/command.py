"""`xero-report`: write the page, and say where it is and whether the books agree with Xero.

Exit codes: of `write` 0 when the page is written, whatever it says, and 1 when there is nothing to
write it from; of `reconciled` that of the reconciliation before it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import click

from xero_report.books import BooksError
from xero_report.page import content, html
from xero_report.places import open_books
from xero_report.settings import Settings
from xero_report.verdict import worst

_WORDS = {
    "agrees": "The books agree with Xero",
    "differs": "THE BOOKS DIFFER FROM XERO",
    "changed_after_close": "A CLOSED PERIOD HAS CHANGED IN XERO",
    "incomplete": "NOT ALL COULD BE CHECKED AGAINST XERO",
    "never": "The books were never reconciled with Xero (meltano run reconcile)",
}


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Write one page of the books, from the marts."""
    if context.invoked_subcommand is None:
        _write()


@main.command()
def write() -> None:
    """Write the page."""
    _write()


@main.command()
def reconciled() -> None:
    """Read Xero, make the marts and reconcile; then write the page, whatever came of it."""
    load = Settings.of(os.environ).load
    done = subprocess.run(["meltano", "invoke", load], check=False)  # noqa: S603, S607
    _write()
    sys.exit(done.returncode)


def _write() -> None:
    settings = Settings.of(os.environ)
    try:
        books = open_books(settings)
        try:
            data = content(books, datetime.now(UTC))
        finally:
            books.close()
    except BooksError as error:
        click.echo(error, err=True)
        sys.exit(1)
    settings.output.parent.mkdir(parents=True, exist_ok=True)
    draft = settings.output.with_suffix(".part")
    draft.write_text(html(data), encoding="utf-8")
    draft.replace(settings.output)
    verdicts = [each["verdict"] for each in (*data["organisations"], *data["others"])]
    checked = max((each["checked_at"] for each in verdicts if each["checked_at"]), default="")
    click.echo(f"{_WORDS[worst(verdicts)]}{checked and f', checked {checked[:16]} UTC'}.")
    click.echo(settings.output.resolve())
