"""`meltano invoke marts:reconcile`: do the books in the lakehouse agree with Xero?

`reading` runs the load, `models` makes the comparison in SQL, `judgement` says what it comes to, `history`
keeps it, `table` shows it; `command` is the order of these steps.
"""
