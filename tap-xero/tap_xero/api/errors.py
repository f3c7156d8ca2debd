"""What can go wrong between the tap and Xero, named by what to do about it.

`classify` is the only place that looks at status codes and error bodies.

Source: Xero, Response codes and Rate limits; the bodies as in published live responses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError, SkippableAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT = 300
"""Seconds of Retry-After that a run waits for; more than that is no minute limit."""


class RequestRefusedError(FatalAPIError):
    """Xero refused the request itself; trying again cannot help, so the run ends.

    Attributes:
        body: What Xero answered, when it was JSON; of a write it names what is wrong with what.
    """

    def __init__(self, message: str, body: Any = None) -> None:
        """Keep the answer."""
        super().__init__(message)
        self.body = body


class CredentialsRefusedError(FatalAPIError):
    """Xero refused the client or the refresh token; a person has to act."""


class TemporaryError(RetriableAPIError):
    """The network or Xero failed; the same request may work in a moment."""


class OddAnswerError(TemporaryError):
    """An answer in a shape that nothing can be made of."""


SHAPES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What Python raises where data is not what it should be: missing, of another type, too deep."""


def odd_answer(error: Exception) -> Exception:
    """What is to be said of an error that an answer of an odd shape brings; others as they are."""
    if not isinstance(error, SHAPES):
        return error
    made = OddAnswerError(
        f"Xero's answer is not in the shape that it documents ({type(error).__name__}: "
        f"{str(error)[:200]}). The next run reads it again; if it stays so, report it."
    )
    made.__cause__ = error
    return made


class SlowAnswerError(TemporaryError):
    """The answer took longer than Xero gives itself, or than we wait; a smaller one may not."""


class TokenServiceDownError(FatalAPIError):
    """Xero's identity service kept failing; without a token nothing more can be read."""


class RefreshTokenRefusedError(CredentialsRefusedError):
    """The refresh token is used up, revoked or too old; another one may do."""


class CredentialStoreError(FatalAPIError):
    """The credential store cannot be read, written, locked or opened."""


class OtherTokensError(CredentialStoreError):
    """The credential store keeps tokens that the refresh token of the config does not stand for."""


class TokenExpiredError(TemporaryError):
    """The access token is too old; a new one helps at once."""


class ThrottledError(TemporaryError):
    """Too many calls; `wait` seconds help, or a short pause when it is None.

    With `app`, the calls of all organisations together were too many.
    """

    def __init__(self, message: str, wait: float | None, *, app: bool = False) -> None:
        """Keep how long Xero asked us to wait, in seconds, and who has to."""
        super().__init__(message)
        self.wait = wait
        self.app = app


class ClosedError(SkippableAPIError):
    """Xero does not hand a resource out.

    Attributes:
        detail: Status and what Xero said, without the name of the organisation.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        """Take what is told of it without the organisation, too."""
        super().__init__(message)
        self.detail = detail


class AccessDeniedError(ClosedError):
    """The app may not read this resource: a scope or a tier is missing."""


class TokenRefusedError(AccessDeniedError):
    """Xero does not know the access token, or it lacks the scope: the answer is a 401."""


class OrganisationGoneError(SkippableAPIError):
    """The organisation is not connected any more."""


class DayLimitError(SkippableAPIError):
    """The organisation's calls of the day are used up; a later run goes on from here.

    Attributes:
        resumes: When there are new calls, if Xero said so.
    """

    def __init__(self, message: str, resumes: datetime | None = None) -> None:
        """Keep when there are new calls."""
        super().__init__(message)
        self.resumes = resumes


class NotFoundError(ClosedError):
    """There is nothing at this address (any more)."""


@dataclass(frozen=True)
class Refusal:
    """The parts of a response that classification looks at.

    Attributes:
        status: HTTP status code.
        headers: Response headers; names in any case.
        body: The decoded JSON body, or None if it was none.
        where: What was asked of whom, for the message.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    where: str


def classify(refusal: Refusal) -> Exception:
    """The exception for a response that is not a success."""
    status, where = refusal.status, refusal.where
    detail = _detail(refusal.body)
    answer = f"{status}: {detail}" if detail else str(status)
    if status == 401 and "TokenExpired" in detail:
        return TokenExpiredError(f"The access token expired ({where}).")
    if status == 401:
        return TokenRefusedError(f"Xero does not let this app read {where} ({answer}).", answer)
    if status == 403 and "AuthenticationUnsuccessful" in detail:
        return OrganisationGoneError(
            f"Xero says the organisation is not connected to this app ({where}, {answer}). Connect "
            "it again with tap-xero-login."
        )
    if status == 403 and not isinstance(refusal.body, dict):
        # Xero explains a 403 in JSON; whatever stands in between, such as a proxy, does not.
        return TemporaryError(
            f"Something that is not Xero's API answered at {where} ({answer}): see whether a proxy "
            "or a firewall stands in between, and let api.xero.com pass."
        )
    if status == 403:
        return AccessDeniedError(f"Xero does not let this app read {where} ({answer}).", answer)
    if status == 404:
        return NotFoundError(f"Xero has nothing at {where} ({answer}).", answer)
    if status == 429:
        return _throttled(refusal)
    if status == 504:
        return SlowAnswerError(f"Xero did not have {where} ready in time ({answer}).")
    if status >= 500:
        return TemporaryError(f"Xero failed at {where} ({answer}).")
    return RequestRefusedError(f"Xero refused {where} ({answer}).", refusal.body)


def _throttled(refusal: Refusal) -> Exception:
    problem = refusal.headers.get("X-Rate-Limit-Problem", "").lower()
    wait = _seconds(refusal.headers.get("Retry-After"))
    if problem == "day" or (problem != "concurrent" and wait is not None and wait > LONGEST_WAIT):
        resumes = None if wait is None else datetime.now(UTC) + timedelta(seconds=wait)
        again = (
            f" There are new ones in {wait / 3600:.1f} hours, from {resumes:%Y-%m-%d %H:%M} UTC on."
            if wait is not None and resumes is not None
            else ""
        )
        return DayLimitError(f"The day's calls are used up ({refusal.where}).{again}", resumes)
    if problem == "concurrent":
        return ThrottledError(f"Too many calls at once ({refusal.where}).", None)
    app = problem == "appminute"
    whose = " of this app" if app else ""
    return ThrottledError(
        f"Too many calls{whose} in a minute ({refusal.where}).",
        60.0 if wait is None else wait,
        app=app,
    )


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    # A day's calls are new after a day at the latest.
    return min(max(0.0, seconds), 86_400.0) if math.isfinite(seconds) else None


def _detail(body: Any) -> str:
    """What Xero says is wrong, from the several shapes of its error bodies."""
    if not isinstance(body, dict):
        return ""
    for name in ("Detail", "Message", "error_description", "error", "Title"):
        if isinstance(text := body.get(name), str) and text:
            return text
    return ""
