"""One self-contained page of the books, written from the marts."""
