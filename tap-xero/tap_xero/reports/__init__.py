"""Xero's reports as streams of rows, one figure each.

`table` has the facts in which reports differ and the setting, `calendar` the periods, `calls` which
calls show them, `flatten` makes rows of an answer; `reading` and `stream` join that to the tap.
"""
