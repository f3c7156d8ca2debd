"""Which place of books the settings mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xero_report.books import Books
    from xero_report.settings import Settings


def open_books(settings: Settings) -> Books:
    """The books that the settings mean: a warehouse where a workspace is named, else files.

    Raises:
        BooksError: They cannot be opened.
    """
    if settings.access:
        from xero_report.warehouse import Warehouse

        return Warehouse(settings)
    from xero_report.folder import Folder

    return Folder(settings)
