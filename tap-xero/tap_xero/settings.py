"""The settings, as one table, and what can be wrong with them beyond their types.

`--about`, the README and Meltano's definition are generated from the table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_xero import PACKAGE, alerts, counts, ids, reads, textfile
from tap_xero.annexes import table as annexes
from tap_xero.auth.places import IDENTITY_URL, missing_credentials
from tap_xero.models import writes
from tap_xero.models.dates import parse_instant
from tap_xero.models.resources import RESOURCES
from tap_xero.reports import table as reports
from tap_xero.sync import cadence
from tap_xero.webhooks.settings import SETTINGS as WEBHOOK_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = (
    *(resource.stream for resource in RESOURCES),
    *annexes.NAMES,
    counts.NAME,
    ids.NAME,
    *reports.REPORT_NAMES,
    reads.NAME,
)
"""Names of all streams that there can be, in their order."""

SETTINGS: dict[str, Any] = th.PropertiesList(
    th.Property(
        "client_id",
        th.StringType,
        title="Client ID",
        description="Client id of your app at developer.xero.com.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="Client secret of your app. An app of the PKCE kind has none.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description=(
            "A refresh token to start from, for those who come from another tap; "
            "`tap-xero-login` needs none. It is used once: from then on the credential store "
            "keeps its successors. A credential_store that keeps those of another one is refused."
        ),
    ),
    th.Property(
        "credential_store",
        th.StringType,
        title="Credential store",
        description=(
            "File that keeps the tokens between runs, encrypted. By default one for each app "
            "in the user's state folder (~/.local/state/tap-xero), and one more for each further "
            "refresh_token of the app."
        ),
    ),
    th.Property(
        "credential_store_key",
        th.StringType,
        secret=True,
        title="Key of the credential store",
        description=(
            "A Fernet key or a passphrase that encrypts the store. By default a key of the "
            f"operating system's keyring, with {PACKAGE}[keyring], or else of a file beside the "
            "store."
        ),
    ),
    th.Property(
        "credential_store_command",
        th.StringType,
        title="Credential store command",
        description=(
            "Command that keeps the tokens instead of a file, in a secret manager for "
            "instance. It is run with `read` (prints the content) or `write` (gets it on "
            "standard input) added."
        ),
    ),
    th.Property(
        "access_token_command",
        th.StringType,
        title="Access token command",
        description=(
            "Command that prints an access token, where a broker holds the credentials: the "
            "token itself, or JSON with access_token and expires_in."
        ),
    ),
    th.Property(
        "tenant_ids",
        th.ArrayType(th.StringType),
        title="Organisations",
        description="Tenant ids of the organisations to read; all connected ones when left out.",
    ),
    th.Property(
        "tenant_id",
        th.StringType,
        title="Organisation",
        description="The same for one organisation, as singer-io/tap-xero names it.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description=(
            "Read only what changed since then, on a first run and in streams that are incremental."
        ),
    ),
    th.Property(
        "include_archived",
        th.BooleanType,
        default=True,
        title="Include archived",
        description=(
            "Read archived contacts, archived tracking categories and deleted bank transfers too."
        ),
    ),
    th.Property(
        "scopes",
        th.StringType,
        title="Scopes",
        description=(
            "Scopes to ask for, separated by spaces. By default all that a custom connection "
            "has; at `tap-xero-login` the granular ones that the streams need."
        ),
    ),
    th.Property(
        "write_streams",
        th.ArrayType(th.StringType),
        title="Streams to write",
        description=(
            "Streams that `target-xero` may write with these credentials, none by default: "
            f"{', '.join(writes.SCOPES)}. `tap-xero-login` asks for their scopes and "
            "`tap-xero-check` looks for them; the tap itself only reads."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.xero.com",
        title="API URL",
        description="Base URL of Xero's API.",
    ),
    th.Property(
        "identity_url",
        th.StringType,
        default=IDENTITY_URL,
        title="Identity URL",
        description="Base URL of Xero's token service.",
    ),
    th.Property(
        "login_url",
        th.StringType,
        default="https://login.xero.com",
        title="Login URL",
        description="Base URL of Xero's consent page.",
    ),
    th.Property(
        "daily_call_reserve",
        th.IntegerType(minimum=0),
        default=0,
        title="Daily call reserve",
        description=(
            "Calls of each organisation's day (1,000 or 5,000) that the tap leaves to others."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        default="tap-xero",
        title="User agent",
        description="How the tap introduces itself to Xero.",
    ),
    th.Property(
        "cadence",
        th.ObjectType(additional_properties=th.StringType),
        title="Cadence",
        description=(
            'How often streams are read, by name or pattern: {"contacts": "24h", '
            '"tracking_*": "12h", "*": "1h"}. At every run when left out.'
        ),
    ),
    th.Property(
        "full_refresh_every",
        th.ObjectType(additional_properties=th.StringType),
        title="Full refresh",
        description=(
            "How often incremental streams are read whole, by name or pattern: "
            '{"contacts": "1d"}, for what Xero changes without moving a timestamp. What is gone '
            "then is retired with ACTIVATE_VERSION."
        ),
    ),
    th.Property(
        "skip_unchanged",
        th.BooleanType,
        default=True,
        title="Skip what is unchanged",
        description=(
            "Send no record of a stream that Xero always sends whole when it is what was sent "
            "before. Set it to false with a target that empties or replaces its tables at each "
            "run, and for one run after tables were emptied while the state was kept."
        ),
    ),
    th.Property(
        "amount_scale",
        th.StringType,
        default="x-scale",
        allowed_values=["x-scale", "multipleOf"],
        title="Decimal places",
        description=(
            "How the schema says how many decimal places amounts and rates have: x-scale, an "
            "annotation, or multipleOf, a keyword of JSON Schema, for targets that read it; those "
            "that validate floats refuse a quarter of all amounts with multipleOf."
        ),
    ),
    th.Property(
        "reports",
        th.ObjectType(additional_properties=th.CustomType({"type": ["object", "null"]})),
        title="Reports",
        description=(
            f"Reports to read, none by default: {', '.join(reports.REPORT_NAMES)}. Each with "
            "periods (how many, 3 by default), timeframe (MONTH, QUARTER or YEAR), basis (accrual "
            "or cash), tracking_category (name or id) or ahead (periods of budgets to come), as "
            'far as it has them: {"profit_and_loss": {"periods": 12, "tracking_category": '
            '"Region"}, "trial_balance": {}}.'
        ),
    ),
    th.Property(
        "history",
        th.ArrayType(th.StringType),
        title="History",
        description=(
            "Streams whose history and notes are read into the stream `history`, none by default, "
            "as it takes a call for each record that changed: "
            f"{', '.join(annexes.HISTORY.parents)}."
        ),
    ),
    th.Property(
        "attachments",
        th.ArrayType(th.StringType),
        title="Attachments",
        description=(
            "Streams whose attachments are listed in the stream `attachments`, none by default, as "
            "it takes a call for each record that changed and has any: "
            f"{', '.join(annexes.ATTACHMENTS.parents)}."
        ),
    ),
    th.Property(
        "stream_counts",
        th.BooleanType,
        default=False,
        title="Stream counts",
        description=(
            "Read into the stream `stream_counts` how many rows Xero counts of each stream that it "
            "counts: a call for each of them and each organisation."
        ),
    ),
    th.Property(
        "stream_ids",
        th.ObjectType(additional_properties=th.ArrayType(th.StringType)),
        title="Stream ids",
        description=(
            "Streams whose ids are read into the stream `stream_ids`, none by default, as it takes "
            "a call for each 1,000 rows: a map from a stream that Xero counts to tenant ids, or to "
            'an empty list for all organisations: {"invoices": []}.'
        ),
    ),
    th.Property(
        "bill_path",
        th.StringType,
        title="Bill",
        description=(
            "File that gets the bill of each run as JSON, in the place of that of the run before: "
            "rows, calls and bytes by organisation and stream, and what was not read. None when "
            "left out."
        ),
    ),
    th.Property(
        "bill_in_log",
        th.BooleanType,
        default=False,
        title="Bill in the log",
        description=(
            "Write that JSON into the log, too: as a line after `bill: `, and as the field `bill` "
            "of a log in JSON."
        ),
    ),
    th.Property(
        "stream_reads",
        th.BooleanType,
        default=False,
        title="Stream reads",
        description=(
            "Write into the stream `stream_reads` when each stream of each organisation was last "
            "read to its end, or why not: a row for each at every run, and no call."
        ),
    ),
    th.Property(
        "sandbox",
        th.ObjectType(
            th.Property(
                "organisations",
                th.CustomType({"type": ["integer", "string", "array", "null"]}),
                description="How many organisations, or their names.",
            ),
            th.Property(
                "invoices", th.IntegerType, description="Invoices and bills of each organisation."
            ),
            th.Property("seed", th.IntegerType, description="Decides everything made up."),
            th.Property(
                "features",
                th.ArrayType(th.StringType),
                description="What Xero does by itself, such as payroll; see the sandbox's README.",
            ),
            additional_properties=False,
        ),
        title="Sandbox",
        description=(
            "Read from a Xero sandbox that runs for the length of the run; needs no account. Any "
            f"object will do, even an empty one. Needs {PACKAGE}[sandbox]."
        ),
    ),
    *alerts.SETTINGS,
    textfile.SETTING,
    *WEBHOOK_SETTINGS,
).to_dict()


def problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with settings whose types are right, one sentence each."""
    errors = missing_credentials(config)
    if start_date := config.get("start_date"):
        try:
            moment = parse_instant(start_date)
        except ValueError as error:
            errors.append(f"Setting start_date: {error}.")
        else:
            if moment > datetime.now(UTC):
                errors.append(f"Setting start_date: {start_date} lies in the future.")
    errors += reports.problems(config.get("reports") or {})
    errors += annexes.problems(config)
    errors += writes.problems(config)
    errors += ids.problems(config)
    for setting in ("cadence", "full_refresh_every"):
        errors += cadence.problems(setting, config.get(setting) or {}, set(NAMES))
    return errors
