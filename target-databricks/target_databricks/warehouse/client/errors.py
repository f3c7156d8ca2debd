"""The classifier of everything a warehouse can answer: wait, retry, reopen, look again, or give up.

One table. A final error gets the sentence that helps the person who reads it; what matches nothing
is final and speaks for itself.

Source: Databricks, Error conditions; databricks-sql-connector, `databricks.sql.exc`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from singer_sdk.exceptions import FatalSyncError


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
    Kind.FINAL: 0,
}
"""How often a statement is sent again at most; one that is not named here, for as long as there is
time."""


@dataclass(frozen=True)
class Problem:
    """An error, understood.

    Attributes:
        kind: What to do about it.
        reason: What the server said, in one line.
        advice: What the user should do; empty when the reason says it all.
    """

    kind: Kind
    reason: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """Reason and advice."""
        return f"{self.reason} {self.advice}".strip()


_CREDENTIALS = (
    "The workspace does not accept the credentials: check 'access_token', or 'client_id' and "
    "'client_secret', that they belong to this workspace, and that they have not expired."
)
_HOST = (
    "Check the setting 'server_hostname': it is the workspace's host name, such as "
    "adb-1234567890123456.7.azuredatabricks.net, as the warehouse's connection details show it."
)
_PATH = (
    "Check the setting 'http_path': it looks like /sql/1.0/warehouses/<id>, as the warehouse's "
    "connection details show it."
)
_GRANT = (
    "Ask an administrator for the privilege; `target-databricks-grants` prints the statements "
    "that are needed."
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
_NO_TABLE = (
    "Something that is no table of ours has its name. Give the stream another one with an "
    "'__alias__' in 'stream_maps', or remove what is there."
)

_NO_NEWS = "The warehouse does not say how a statement is doing (GetOperationStatus got no answer)."


@dataclass(frozen=True)
class _Rule:
    """What tells one kind of error.

    Attributes:
        kind: What to do about it.
        advice: What the user should do.
        classes: Exceptions, each with the package it comes from.
        states: SQLSTATEs.
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
        return re.compile("|".join(self.texts), re.IGNORECASE | re.DOTALL)


_RULES = (
    # Sessions come first: their errors arrive in the guise of others.
    _Rule(
        Kind.SESSION,
        classes=(
            "databricks.SessionAlreadyClosedError",
            "databricks.CursorAlreadyClosedError",
        ),
        texts=(
            r"invalid (session|operation)handle",
            r"session handle.*(closed|not been initialized|not found)",
            r"session .*(is closed|expired|does not exist)",
            r"SESSION_(CLOSED|NOT_FOUND)",
            r"cursor from closed connection",
        ),
    ),
    _Rule(
        Kind.CONFLICT,
        states=("2D521",),
        texts=(
            r"CONCURRENT_?(APPEND|DELETE|TRANSACTION|WRITE|MODIFICATION)",
            r"(METADATA|PROTOCOL)_?CHANGED",
        ),
    ),
    _Rule(
        Kind.DENIED,
        _GRANT,
        classes=("databricks.PermissionDenied",),
        states=("42501",),
        texts=(
            r"INSUFFICIENT_PERMISSIONS|Insufficient privileges|PERMISSION_DENIED",
            r"does not have (permission|privilege|[A-Z ]+ on )",
        ),
    ),
    _Rule(
        Kind.REFUSED,
        _CREDENTIALS,
        classes=("databricks.Unauthenticated",),
        states=("28000",),
        texts=(
            r"http-code: 401",
            r"UNAUTHENTICATED|client authentication failed",
            r"invalid_(client|token)|invalid access token|token (is|has) expired",
            r"cannot configure default credentials|default auth:",
        ),
    ),
    _Rule(Kind.FINAL, f"{_CREDENTIALS} {_GRANT}", texts=(r"http-code: 403",)),
    _Rule(Kind.FINAL, _CATALOG, texts=(r"CATALOG_NOT_FOUND", r"NO_SUCH_CATALOG")),
    _Rule(
        Kind.FINAL,
        _PATH,
        classes=("databricks.ResourceDoesNotExist",),
        texts=(
            r"http-code: 404|RESOURCE_DOES_NOT_EXIST|ENDPOINT_NOT_FOUND",
            r"SQL warehouse .* does not exist",
        ),
    ),
    _Rule(
        Kind.FINAL,
        _HOST,
        classes=(
            "socket.gaierror",
            "ssl.SSLCertVerificationError",
            "urllib3.NameResolutionError",
        ),
        texts=(
            r"Name or service not known|nodename nor servname|getaddrinfo failed",
            r"failure in name resolution|NameResolutionError|Failed to resolve",
            r"CERTIFICATE_VERIFY_FAILED",
        ),
    ),
    _Rule(Kind.CLUSTERING, texts=(r"\[CLUSTER_BY_", r"\[DELTA_CLUSTERING_COLUMN")),
    _Rule(
        Kind.EXISTS,
        states=(
            "42P06",
            "42P07",
            "42710",
            "42711",
        ),
        texts=(r"_ALREADY_EXISTS?\b", r"already exists"),
    ),
    _Rule(
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
    _Rule(
        Kind.TRANSIENT,
        classes=(
            "databricks.MaxRetryDurationError",
            "databricks.TooManyRequests",
            "databricks.TemporarilyUnavailable",
            "databricks.DeadlineExceeded",
            "builtins.ConnectionError",
            "builtins.TimeoutError",
        ),
        texts=(
            r"http-code: (408|429|5\d\d)",
            r"UNAVAILABLE|RESOURCE_EXHAUSTED|REQUEST_LIMIT_EXCEEDED|TooManyRequests",
            r"SERVICE_UNDER_MAINTENANCE|CLUSTER_NOT_RUNNING",
            r"warehouse .*(stopped|starting|stopping|not running)",
            r"connection (reset|refused|aborted|was closed)|Connection\w*Error",
            r"RemoteDisconnected|ProtocolError|IncompleteRead|broken pipe|EOF occurred",
            r"timed? ?out|MaxRetry|retry.*(exceed|duration)",
        ),
    ),
    _Rule(
        Kind.TABLE, _APPEND_ONLY, texts=(r"CANNOT_MODIFY_APPEND_ONLY", r"append-only|append only")
    ),
    _Rule(
        Kind.TABLE,
        _NO_TABLE,
        texts=(
            r"EXPECT_TABLE_NOT_VIEW|VIEW_NOT_ALLOWED|NOT_A_DELTA_TABLE|ONLY_SUPPORTS_DELTA",
            r"only supports Delta|is not a Delta table|is a view",
        ),
    ),
    _Rule(
        Kind.ROWS,
        _CONSTRAINT,
        texts=(
            r"VIOLATE_CONSTRAINT|NOT_NULL_CONSTRAINT|constraint .* violated|violates? .*constraint",
            r"constraint violated",
        ),
    ),
    # Classes of SQLSTATE: data exceptions; then syntax, access rules and what is not supported.
    _Rule(Kind.ROWS, texts=(r"SQLSTATE: 2[23]",)),
    _Rule(Kind.TABLE, texts=(r"SQLSTATE: (42|0A|KD)", r"\[DELTA_\w*UNSUPPORTED")),
    # Its SQLSTATE, XX000, is not told: Spark wraps other conditions in it.
    _Rule(Kind.INTERNAL, texts=(r"INTERNAL_ERROR",)),
)
_SQLSTATE = re.compile(r"SQLSTATE: ([0-9A-Z]{5})\b")
_LONGEST = 500
"""Characters of a server's message that are passed on."""


def classify(error: BaseException) -> Problem:
    """Understand an error of the connector, of the SDK, or of the network below them.

    What an exception is says more than its SQLSTATE, and that more than its text; among rules the
    first counts.
    """
    if failed_poll(error):
        return Problem(Kind.TRANSIENT, _NO_NEWS)
    chain = list(_chain(error))
    classes = {
        f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
        for link in chain
        for kind in type(link).__mro__
    }
    texts = [text for link in chain for text in _texts(link)] or [str(error)]
    everything = "\n".join(texts)
    states = set(_SQLSTATE.findall(everything))
    rules = [
        *(rule for rule in _RULES if classes.intersection(rule.classes)),
        *(rule for rule in _RULES if states.intersection(rule.states)),
        *(rule for rule in _RULES if rule.text.search(everything)),
    ]
    reason = _one_line(texts[0]) or type(error).__name__
    return Problem(rules[0].kind, reason, rules[0].advice) if rules else Problem(Kind.FINAL, reason)


def failed_poll(error: BaseException) -> bool:
    """Whether a statement was taken and only the question how it is doing got no answer.

    The connector tells this by class and context alone: there is no cause, the text is empty, and
    the HTTP status is that of the request before, unless the poll itself was refused.

    Source: databricks-sql-connector 4.9, `ThriftDatabricksClient.make_request`.
    """
    context = getattr(error, "context", None)
    if type(error).__name__ != "RequestError" or not isinstance(context, dict):
        return False
    status = int(context.get("http-code") or 0)
    refused = 400 <= status < 500 and status not in {408, 429}
    return context.get("method") == "GetOperationStatus" and not refused


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it."""
    seen: set[int] = set()
    link: BaseException | None = error
    # What we raised ourselves tells of another statement, whose failure is being handled.
    while link is not None and id(link) not in seen and not isinstance(link, FatalSyncError):
        seen.add(id(link))
        yield link
        context = getattr(link, "context", None)
        original = context.get("original-exception") if isinstance(context, dict) else None
        cause = original if isinstance(original, BaseException) else None
        link = cause or link.__cause__ or link.__context__


def _texts(error: BaseException) -> Iterator[str]:
    """What an error says, what it is called, and its context."""
    yield str(error)
    yield type(error).__name__
    context = getattr(error, "context", None)
    for name in ("http-code", "error-message"):
        if isinstance(context, dict) and name in context:
            yield f"{name}: {context[name]}"
    if code := getattr(error, "error_code", None):
        yield str(code)


def _one_line(text: str) -> str:
    # What follows the first lines of a Spark error is its plan, of use to nobody here.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    short = " ".join(lines[:3])
    return short if len(short) <= _LONGEST else short[:_LONGEST] + " …"
