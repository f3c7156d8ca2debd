"""What ends a run with a sentence for the person who reads its log."""


class JobError(Exception):
    """The run could not begin, or had to stop; the message says what to do."""
