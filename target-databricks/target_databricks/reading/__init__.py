"""From lines of standard input to Arrow rows."""
