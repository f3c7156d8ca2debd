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
    FINAL = "give up"


AGAIN: dict[Kind, int] = {
    Kind.REFUSED: 1,
    Kind.INTERNAL: 3,
    Kind.GONE: 0,
    Kind.EXISTS: 0,
    Kind.CLUSTERING: 0,
    Kind.FINAL: 0,
}
"""How often a statement is sent again at most; one that is not named here, as long as there is
patience."""


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

_NO_NEWS = "The warehouse does not say how a statement is doing (GetOperationStatus got no answer)."

# The first that matches counts, whatever the case of its letters.
_RULES: tuple[tuple[Kind, str, tuple[str, ...]], ...] = (
    # Sessions come first: their errors arrive in the guise of others.
    (
        Kind.SESSION,
        "",
        (
            r"invalid (session|operation)handle",
            r"session handle.*(closed|not been initialized|not found)",
            r"session .*(is closed|expired|does not exist)",
            r"SESSION_(CLOSED|NOT_FOUND)",
            r"cursor from closed connection",
        ),
    ),
    (
        Kind.CONFLICT,
        "",
        (
            r"CONCURRENT_(APPEND|DELETE|TRANSACTION|WRITE|MODIFICATION)",
            r"Concurrent(Append|Delete|Transaction|Write|Modification)",
            r"METADATA_?CHANGED",
            r"PROTOCOL_?CHANGED",
        ),
    ),
    (
        Kind.FINAL,
        _GRANT,
        (
            r"INSUFFICIENT_PERMISSIONS",
            r"Insufficient privileges",
            r"PERMISSION_DENIED",
            r"does not have (permission|privilege)",
            r"does not have [A-Z ]+ on ",
        ),
    ),
    (
        Kind.REFUSED,
        _CREDENTIALS,
        (
            r"http-code: 401",
            r"UNAUTHENTICATED",
            r"invalid_(client|token)",
            r"invalid access token",
            r"token (is|has) expired",
            r"client authentication failed",
            r"cannot configure default credentials",
            r"default auth:",
        ),
    ),
    (Kind.FINAL, f"{_CREDENTIALS} {_GRANT}", (r"http-code: 403",)),
    (Kind.FINAL, _CATALOG, (r"CATALOG_NOT_FOUND", r"NO_SUCH_CATALOG")),
    (
        Kind.FINAL,
        _PATH,
        (
            r"RESOURCE_DOES_NOT_EXIST",
            r"ENDPOINT_NOT_FOUND",
            r"http-code: 404",
            r"SQL warehouse .* does not exist",
        ),
    ),
    (
        Kind.FINAL,
        _HOST,
        (
            r"Name or service not known",
            r"nodename nor servname",
            r"getaddrinfo failed",
            r"failure in name resolution",
            r"NameResolutionError",
            r"Failed to resolve",
            r"CERTIFICATE_VERIFY_FAILED",
        ),
    ),
    (Kind.CLUSTERING, "", (r"\[CLUSTER_BY_", r"\[DELTA_CLUSTERING_COLUMN")),
    (Kind.EXISTS, "", (r"_ALREADY_EXISTS?\b", r"already exists")),
    (
        Kind.GONE,
        "",
        (
            r"TABLE_OR_VIEW_NOT_FOUND",
            r"UNRESOLVED_(COLUMN|FIELD)",
            r"DELTA_MERGE_UNRESOLVED_EXPRESSION",
            r"(COLUMN|FIELD)_NOT_FOUND",
            r"DELTA_TABLE_NOT_FOUND",
            r"DELTA_SCHEMA_CHANGE",
            r"cannot resolve",
        ),
    ),
    (
        Kind.TRANSIENT,
        "",
        (
            r"http-code: (408|429|5\d\d)",
            r"UNAVAILABLE",
            r"RESOURCE_EXHAUSTED",
            r"REQUEST_LIMIT_EXCEEDED",
            r"TooManyRequests",
            r"SERVICE_UNDER_MAINTENANCE",
            r"CLUSTER_NOT_RUNNING",
            r"warehouse .*(stopped|starting|stopping|not running)",
            r"connection (reset|refused|aborted|was closed)",
            r"Connection\w*Error",
            r"RemoteDisconnected",
            r"ProtocolError",
            r"IncompleteRead",
            r"broken pipe",
            r"EOF occurred",
            r"timed? ?out",
            r"MaxRetry",
            r"retry.*(exceed|duration)",
        ),
    ),
    (Kind.INTERNAL, "", (r"INTERNAL_ERROR",)),
)
_PATTERNS = tuple(
    (re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL), kind, advice)
    for kind, advice, patterns in _RULES
)
_LONGEST = 500
"""Characters of a server's message that are passed on."""


def classify(error: BaseException) -> Problem:
    """Understand an error of the connector, of the SDK, or of the network below them."""
    if failed_poll(error):
        return Problem(Kind.TRANSIENT, _NO_NEWS)
    texts = list(_texts(error)) or [str(error)]
    everything = "\n".join(texts)
    reason = _one_line(texts[0]) or type(error).__name__
    for pattern, kind, advice in _PATTERNS:
        if pattern.search(everything):
            return Problem(kind, reason, advice)
    return Problem(Kind.FINAL, reason)


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


def _texts(error: BaseException) -> Iterator[str]:
    """What an error says, its context and what caused it."""
    seen: set[int] = set()
    following: BaseException | None = error
    # What we raised ourselves tells of another statement, whose failure is being handled.
    while (
        following is not None
        and id(following) not in seen
        and not isinstance(following, FatalSyncError)
    ):
        seen.add(id(following))
        yield str(following)
        yield type(following).__name__
        context = getattr(following, "context", None)
        original = None
        if isinstance(context, dict):
            yield from (
                f"{name}: {context[name]}"
                for name in ("http-code", "error-message")
                if name in context
            )
            original = context.get("original-exception")
        code = getattr(following, "error_code", None)
        if code:
            yield str(code)
        following = (
            original
            if isinstance(original, BaseException)
            else following.__cause__ or following.__context__
        )


def _one_line(text: str) -> str:
    # What follows the first lines of a Spark error is its plan, of use to nobody here.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    short = " ".join(lines[:3])
    return short if len(short) <= _LONGEST else short[:_LONGEST] + " …"
