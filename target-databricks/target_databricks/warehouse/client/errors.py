"""The classifier of everything a warehouse can answer: wait, retry, reopen, look again, or give up.

By the table in `rules.py`. A final error gets the sentence that helps the person who reads it; what
matches nothing is final and speaks for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from singer_sdk.exceptions import FatalSyncError

from target_databricks.warehouse.client.network import unreachable
from target_databricks.warehouse.client.rules import RULES, Kind


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


_NO_NEWS = "The warehouse does not say how a statement is doing (GetOperationStatus got no answer)."


_SQLSTATE = re.compile(r"SQLSTATE: ?([0-9A-Z]{5})\b")
_HTTP_STATUS = re.compile(r"(?:http-code|HTTP Response code): (\d{3})\b")
_REQUIRED = re.compile(
    r"NOT NULL constraint violated for column: `?([^\s`]+?)`?[.\s]*(?:SQLSTATE|$)"
    r"|Column `?([^\s`,]+)`?, which has a NOT NULL constraint",
    re.IGNORECASE,
)
_LONGEST = 500
"""Characters of a server's message that are passed on."""


def classify(error: BaseException) -> Problem:
    """Understand an error of the connector, of the SDK, or of the network below them.

    What an exception is says more than its SQLSTATE or its HTTP status, and these more than its
    text; among rules the first counts.
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
    states = [*_SQLSTATE.findall(everything)]
    states += [f"HTTP {status}" for status in _HTTP_STATUS.findall(everything)]
    rules = [
        *(rule for rule in RULES if classes.intersection(rule.classes)),
        *(rule for rule in RULES if any(state.startswith(rule.states) for state in states)),
        *(rule for rule in RULES if rule.text.search(everything)),
    ]
    # Whoever answered with a state or a status was reached.
    reason = None if states else unreachable(chain)
    reason = reason or _one_line(texts[0]) or type(error).__name__
    return Problem(rules[0].kind, reason, rules[0].advice) if rules else Problem(Kind.FINAL, reason)


def required_column(reason: str) -> str | None:
    """The column whose NOT NULL a statement violated, if that was it; inside objects, their path.

    Source: Delta Lake, `DELTA_NOT_NULL_CONSTRAINT_VIOLATED`, `DELTA_MISSING_NOT_NULL_COLUMN_VALUE`.
    """
    match = _REQUIRED.search(reason)
    return match[1] or match[2] if match else None


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


def answered(error: BaseException, problem: Problem) -> bool:
    """Whether the warehouse said what became of a statement: it failed, or was never begun.

    Args:
        error: What executing it failed with.
        problem: The same, understood.

    Source: databricks-sql-connector 4.9: an operation that failed is a `ServerOperationError`, a
    request that was understood and refused a `DatabaseError`, and so is an operation that is gone.
    """
    name = type(error).__name__
    if name in {"ServerOperationError", "DatabaseError"}:
        return problem.kind is not Kind.SESSION
    context = getattr(error, "context", None)
    status = int((context.get("http-code") if isinstance(context, dict) else 0) or 0)
    return name == "RequestError" and 400 <= status < 500 and status != 408


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
