"""`meltano invoke marts:reconcile`: do the books in the lakehouse agree with Xero?

`reading` runs the load, dbt compares in SQL (`models/reconciliation`), `judgement` says what that
comes to, `history` keeps it, `table` shows it; `command` is the order of these steps.
"""
