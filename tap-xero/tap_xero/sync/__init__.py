"""Reading: which streams of which organisations, in which order, from where, and the messages."""
