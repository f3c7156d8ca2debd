"""The table of everything a warehouse can answer: what tells an error, and what to do about it.

Facts only; `errors.py` reads it.

Source: Databricks, Error conditions and SQLSTATE error codes; databricks-sql-connector,
`databricks.sql.exc`; issues of clients of Databricks for what no document has.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import cached_property


class Kind(enum.Enum):
    """What to do about an error."""

    TRANSIENT = "wait and try again"
    CONFLICT = "another writer was faster; try again"
    SESSION = "open a new session and try again"
    GONE = "a table or column is not what it was; look again"
    EXISTS = "somebody else has done it already"
    CLUSTERING = "a table cannot be clustered like this; ask for less"
    REFUSED = "the credentials are not accepted; renew the token once"
    INTERNAL = "an error of the server's own; try again, but not for long"
    DENIED = "a privilege is missing; give up"
    ROWS = "the table refuses some of the rows; give up"
    TABLE = "the table does not take such a statement; give up"
    SETTING = "a setting has to be changed; give up"
    FINAL = "give up"


AGAIN: dict[Kind, int] = {
    Kind.REFUSED: 1,
    Kind.INTERNAL: 3,
    Kind.GONE: 0,
    Kind.EXISTS: 0,
    Kind.CLUSTERING: 0,
    Kind.DENIED: 0,
    Kind.ROWS: 0,
    Kind.TABLE: 0,
    Kind.SETTING: 0,
    Kind.FINAL: 0,
}
"""How often a statement is sent again at most; one that is not named here, for as long as there is
time."""


_CREDENTIALS = (
    "The workspace does not accept the credentials: check 'access_token', or 'client_id' and "
    "'client_secret', that they belong to this workspace, and that they have not expired."
)
_NETWORK = (
    "The workspace lets only certain addresses in, and this machine's is not one of them: ask an "
    "administrator to add it to the IP access list. The credentials are not at fault."
)
_HOST = (
    "Check the setting 'server_hostname': it is the workspace's host name, such as "
    "adb-1234567890123456.7.azuredatabricks.net, as the warehouse's connection details show it."
)
_CERTIFICATE = (
    "Check the setting 'server_hostname'. Where something opens TLS in between (a proxy, a "
    "firewall), name the file of its certificate authority in REQUESTS_CA_BUNDLE and SSL_CERT_FILE."
)
_REAL_TIME = (
    "Loads need a warehouse that speaks Thrift, and a real-time one (Lakehouse/RT) does not: set "
    "'http_path' to a serverless or pro SQL warehouse."
)
_PATH = (
    "Check the setting 'http_path': it looks like /sql/1.0/warehouses/<id>, as the warehouse's "
    "connection details show it."
)
_GRANT = (
    "Ask an administrator for the privilege; `target-databricks-grants` prints the statements "
    "that are needed."
)
_ENTITLEMENT = (
    "The user lacks the entitlement 'Databricks SQL access' (databricks-sql-access), without which "
    "a workspace lets nobody to a warehouse, whatever is granted. A workspace administrator gives "
    "it: Settings, Identity and access, the user, service principal or group, Entitlements."
)
_CATALOG = "Check the setting 'catalog', and that the user may USE CATALOG there."

_CONSTRAINT = (
    "A NOT NULL or CHECK constraint of the table, or a column that it generates, does not allow "
    "them."
)
_APPEND_ONLY = (
    "The table takes new rows only (delta.appendOnly). Unset that property, or load with "
    "'load_method: append-only'."
)
_SESSION_SETTING = (
    "The warehouse has no such configuration parameter: take it out of the setting "
    "'session_settings'."
)
STATEMENT_TIMEOUT = (
    "Raise the setting 'statement_timeout', or that of the warehouse; or lower 'batch_size_rows', "
    "or take a larger warehouse."
)
_LOCATION = (
    "Set 'managed_location' to a URL within an external location on which the user has CREATE "
    "MANAGED STORAGE, or let an administrator create the schema."
)
_NO_TABLE = (
    "Something that is no table of ours has its name. Give the stream another one with an "
    "'__alias__' in 'stream_maps', or remove what is there."
)
_POLICY = (
    "Rows cannot be merged into a table with a row filter or a column mask: load into a table "
    "without, and have filters and masks on a view of it."
)
_OF_A_PIPELINE = (
    "Only its pipeline may write to it. Give the stream another table with an '__alias__' in "
    "'stream_maps'."
)


@dataclass(frozen=True)
class Rule:
    """What tells one kind of error.

    Attributes:
        kind: What to do about it.
        advice: What the user should do.
        classes: Exceptions, each with the package it comes from.
        states: How SQLSTATEs begin, and `HTTP` with how a status begins.
        texts: Regular expressions, for what an error says or is called.
    """

    kind: Kind
    advice: str = ""
    classes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @cached_property
    def text(self) -> re.Pattern[str]:
        """The texts as one expression."""
        return re.compile("|".join(self.texts) or "(?!)", re.IGNORECASE | re.DOTALL)


RULES = (
    # Sessions come first: their errors arrive in the guise of others.
    Rule(
        Kind.SESSION,
        classes=(
            "databricks.SessionAlreadyClosedError",
            "databricks.CursorAlreadyClosedError",
        ),
        texts=(
            r"invalid (session|operation)handle",
            r"session handle.*(closed|not been initialized|not found)",
            r"session .*((is|was) closed|expired|does not exist)",
            r"SESSION_(CLOSED|NOT_FOUND)",
            r"cursor from closed connection",
            # Of a statement: nobody says whether it had an effect.
            r"Command .* unexpectedly closed server side",
        ),
    ),
    Rule(Kind.SETTING, _SESSION_SETTING, texts=(r"CONFIG_NOT_AVAILABLE",)),
    Rule(
        Kind.TABLE,
        STATEMENT_TIMEOUT,
        states=("57KD0",),
        texts=(r"QUERY_EXECUTION_TIMEOUT_EXCEEDED", r"STATEMENT_TIMEOUT"),
    ),
    Rule(
        Kind.SETTING,
        _LOCATION,
        texts=(
            r"EXTERNAL_LOCATION_DOES_NOT_EXIST|NO_PARENT_EXTERNAL_LOCATION_FOR_PATH",
            r"(no|not? find).{0,20} external location|storage root .*does not exist",
            r"CREATE MANAGED STORAGE",
        ),
    ),
    Rule(
        Kind.CONFLICT,
        states=("2D521", "40"),
        texts=(
            r"Transaction conflict detected",
            r"CONCURRENT_?(APPEND|DELETE|TRANSACTION|WRITE|MODIFICATION)",
            r"(METADATA|PROTOCOL)_?CHANGED",
        ),
    ),
    Rule(
        Kind.REFUSED,
        _CREDENTIALS,
        classes=("databricks.Unauthenticated",),
        states=("28000",),
        texts=(
            r"http-code: 401",
            # An expired machine token is answered with 403.
            r"token expired|token is expir",
            r"UNAUTHENTICATED|client authentication failed",
            r"invalid_(client|token)|invalid access token|token (is|has) expired",
            r"cannot configure default credentials|default auth:",
        ),
    ),
    Rule(
        Kind.FINAL,
        _ENTITLEMENT,
        texts=(r"databricks-sql-access|without the .{0,60}entitlement",),
    ),
    Rule(
        Kind.DENIED,
        _GRANT,
        states=("42501",),
        texts=(
            r"INSUFFICIENT_PERMISSIONS|Insufficient privileges|PERMISSION_?DENIED",
            r"does not have (permission|privilege|[A-Z ]+ on )",
        ),
    ),
    Rule(Kind.FINAL, _NETWORK, texts=(r"blocked by .*IP ACL|IP access list",)),
    Rule(Kind.FINAL, f"{_CREDENTIALS} {_GRANT}", texts=(r"http-code: 403",)),
    Rule(
        Kind.FINAL,
        _REAL_TIME,
        states=("KP001",),
        classes=("databricks.ReydenThriftUnsupportedError",),
        # The connector goes on to what it would need instead, and remembers that.
        texts=(r"not supported for Thrift", r"databricks-sql-kernel"),
    ),
    Rule(Kind.FINAL, _CATALOG, texts=(r"CATALOG_NOT_FOUND", r"NO_SUCH_CATALOG")),
    Rule(
        Kind.FINAL,
        _PATH,
        classes=("databricks.ResourceDoesNotExist",),
        texts=(
            r"http-code: 404|RESOURCE_DOES_NOT_EXIST|ENDPOINT_NOT_FOUND",
            r"SQL warehouse .* does not exist",
        ),
    ),
    Rule(
        Kind.FINAL,
        _CERTIFICATE,
        classes=("ssl.SSLCertVerificationError",),
        texts=(r"CERTIFICATE_VERIFY_FAILED",),
    ),
    # It had a name when the run began (`access.py`).
    Rule(
        Kind.TRANSIENT,
        _HOST,
        classes=("socket.gaierror", "urllib3.NameResolutionError"),
        texts=(
            r"Name or service not known|nodename nor servname|getaddrinfo failed",
            r"failure in name resolution|NameResolutionError|Failed to resolve",
        ),
    ),
    Rule(
        Kind.CLUSTERING,
        texts=(r"CLUSTER_BY_AUTO_", r"\[CLUSTER_BY_", r"\[DELTA_CLUSTERING_COLUMN"),
    ),
    Rule(
        Kind.EXISTS,
        states=(
            "42P06",
            "42P07",
            "42710",
            "42711",
        ),
        texts=(r"_ALREADY_EXISTS?\b", r"already exists"),
    ),
    Rule(
        Kind.GONE,
        states=(
            "42P01",
            "42703",
        ),
        texts=(
            r"(TABLE_OR_VIEW|DELTA_TABLE|COLUMN|FIELD)_NOT_FOUND",
            r"UNRESOLVED_(COLUMN|FIELD)|DELTA_MERGE_UNRESOLVED_EXPRESSION|cannot resolve",
            r"DELTA_SCHEMA_CHANGE",
        ),
    ),
    # A store that is full, in whatever words; a warehouse's own disk is another thing.
    Rule(Kind.FINAL, states=("HTTP 507",), texts=(r"INSUFFICIENT_STORAGE",)),
    Rule(
        Kind.TRANSIENT,
        classes=(
            "databricks.MaxRetryDurationError",
            "databricks.TooManyRequests",
            "databricks.TemporarilyUnavailable",
            "databricks.DeadlineExceeded",
            "builtins.ConnectionError",
            "builtins.TimeoutError",
        ),
        states=("08", "HTTP 408", "HTTP 429", "HTTP 5"),
        texts=(
            r"UNAVAILABLE|RESOURCE_EXHAUSTED|REQUEST_LIMIT_EXCEEDED|Too ?Many ?Requests",
            # What a warehouse says that is RUNNING and not ready, or loses its driver.
            r"could not be scheduled|Couldn't create directory|No space left on device",
            r"driver .*(restart|stopped unexpectedly|not (up|responsive|ready)|not available)",
            r"ExecutorLostFailure|executor .*lost|shuffle.*fetch ?fail|FetchFailed",
            # A token service that does not say in its own form what is wrong with it (SDK 0.162).
            r"\bunknown: unknown\b",
            # Object stores below it.
            r"SlowDown|reduce your request rate|ServerBusy|server is busy|InternalError.*Amazon",
            r"SERVICE_UNDER_MAINTENANCE|CLUSTER_NOT_RUNNING",
            r"warehouse .*(stopped|starting|stopping|not running)",
            r"connection (reset|refused|aborted|was closed)|Connection\w*Error",
            r"RemoteDisconnected|ProtocolError|IncompleteRead|broken pipe|EOF occurred",
            r"timed? ?out|MaxRetry|retry.*(exceed|duration)",
        ),
    ),
    Rule(
        Kind.TABLE, _APPEND_ONLY, texts=(r"CANNOT_MODIFY_APPEND_ONLY", r"append-only|append only")
    ),
    Rule(
        Kind.TABLE,
        _NO_TABLE,
        texts=(
            r"EXPECT_TABLE_NOT_VIEW|VIEW_NOT_ALLOWED|NOT_A_DELTA_TABLE|ONLY_SUPPORTS_DELTA",
            r"only supports Delta|is not a Delta table|is a view",
        ),
    ),
    Rule(
        Kind.TABLE,
        _POLICY,
        texts=(r"(ROW_LEVEL_SECURITY|COLUMN_MASKS?|ROW_COLUMN_ACCESS)_?\w*",),
    ),
    Rule(
        Kind.TABLE,
        _OF_A_PIPELINE,
        texts=(r"(STREAMING_TABLE|MATERIALIZED_VIEW)_OPERATION_NOT_ALLOWED",),
    ),
    Rule(
        Kind.ROWS,
        _CONSTRAINT,
        states=("23",),
        texts=(
            r"VIOLATE_CONSTRAINT|NOT_NULL_CONSTRAINT|constraint .* violated|violates? .*constraint",
            r"constraint violated",
        ),
    ),
    # Data exceptions. What they say may have any word of the data in it.
    Rule(Kind.ROWS, states=("22",)),
    # Last, by the class of the SQLSTATE: syntax, access rules and what is not supported.
    Rule(Kind.TABLE, texts=(r"SQLSTATE: ?(42|0A|KD)", r"\[DELTA_\w*UNSUPPORTED")),
    # Its SQLSTATE, XX000, is not told: Spark wraps other conditions in it.
    Rule(Kind.INTERNAL, texts=(r"INTERNAL_ERROR",)),
)
