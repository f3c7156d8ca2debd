"""Webhooks: Xero says what changed, and the tap fetches exactly that.

Receiving: `receiver` takes deliveries (`signature`, `events`), `writer` puts them into the `inbox`
before they are answered, `server` runs both, with `metrics` and `logs`. Fetching: `intake` is the
tap's part, with `plan` (what to fetch) and `tap_xero.sync.changes` (rows by their ids). Running:
`trigger` runs a `pipeline` on a `schedule` when events arrive. `cli` is the command
`tap-xero-webhooks`, `settings` are the tap's.
"""
