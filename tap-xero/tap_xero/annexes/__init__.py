"""What hangs on records of other streams: their history and notes, and their attachments.

It takes a call for each record, so settings name the streams of which it is read.
"""
