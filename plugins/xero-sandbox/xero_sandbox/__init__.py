"""A Xero to run against: organisations, OAuth, limits and faults on loopback.

`Sandbox` (in `xero_sandbox.sandbox`) is the whole of it as one object; `xero-sandbox serve` runs
one as a process, and the pytest fixtures `xero_sandbox` and `make_xero_sandbox` run one for a test.
"""
