"""The stories' documents in double entry: postings, journals, and what contacts owe."""
