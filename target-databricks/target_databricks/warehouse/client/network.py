"""Why a host could not be reached, in words: the name, the network, TLS, time or a proxy.

The clients tell it by what they have wrapped in one another; `CAUSES` reads the innermost thing
that it knows.

Source: requests 2.34, `HTTPAdapter.send`; urllib3 2.8, `urllib3.exceptions`; Python, `ssl` and
`socket`.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from requests.utils import get_environ_proxies, select_proxy


@dataclass(frozen=True)
class _Cause:
    """One reason for which there is no answer.

    Attributes:
        fits: Whether an exception is one of it.
        text: What happened and what to do; `{detail}` is what the system says.
    """

    fits: Callable[[BaseException], bool]
    text: str


def _is(*kinds: type[BaseException]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, kinds)


_USUAL = {"http": 80, "https": 443}
_TUNNEL = re.compile(r"Tunnel connection failed: ([^'\")]{3,80})")
_UNROUTED = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}

CAUSES = (
    _Cause(
        _is(socket.gaierror),
        "its name has no address ({detail}); see this machine's network and DNS, too",
    ),
    _Cause(_is(ssl.SSLCertVerificationError), "its certificate is not trusted ({detail})"),
    _Cause(
        _is(ssl.SSLError),
        "TLS failed ({detail}); see whether it speaks https, and what stands in between",
    ),
    _Cause(
        lambda error: isinstance(error, OSError) and bool(_TUNNEL.search(str(error))),
        "it does not let this machine through ({detail})",
    ),
    _Cause(
        _is(ConnectionRefusedError),
        "it refused the connection; nothing listens there, or a firewall says no",
    ),
    _Cause(
        lambda error: isinstance(error, OSError) and error.errno in _UNROUTED,
        "there is no way to it from this machine ({detail})",
    ),
    _Cause(
        lambda error: (
            isinstance(error, urllib3.exceptions.ConnectTimeoutError)
            and not isinstance(error, urllib3.exceptions.NewConnectionError)
        ),
        "it did not take the connection in time; a firewall may swallow it",
    ),
    _Cause(
        _is(urllib3.exceptions.ReadTimeoutError),
        "it took the connection and did not answer in time",
    ),
    _Cause(
        _is(ConnectionError, urllib3.exceptions.ProtocolError),
        "it closed the connection before its answer was whole",
    ),
    # Last: the SDK of Databricks wraps whatever it has tried for long enough in one.
    _Cause(_is(TimeoutError), "it did not answer in time; a firewall may swallow what is sent"),
)
"""Every cause that is told apart, the first that fits anything in the chain counts."""


def unreachable(chain: Iterable[BaseException], url: str = "") -> str | None:
    """What is between this machine and a host: `dbc-1.cloud.databricks.com: it refused …`.

    Args:
        chain: An error and all that it wraps.
        url: What was asked, if that is known; only its host and port are told.

    Returns:
        None when none of them tells of the network, or of whom.
    """
    links = [each for link in chain for each in _with_reasons(link)]
    url = url or next(filter(None, map(_asked, links)), "")
    if not url:
        return None
    for cause in CAUSES:
        if (link := next((each for each in links if cause.fits(each)), None)) is not None:
            break
    else:
        return None
    through = ""
    if any(isinstance(each, urllib3.exceptions.ProxyError) for each in links):
        through = _proxy(url)
    by_way = f", by way of the proxy {through}" if through else ""
    return f"{host_of(url)}{by_way}: {cause.text.format(detail=_detail(link))}"


def host_of(url: str) -> str:
    """Host and port of a URL, without the port of its scheme and without credentials."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None:
        # What it is instead may be a secret.
        return "an address without a host"
    return host if port in (None, _USUAL.get(parts.scheme)) else f"{host}:{port}"


def _with_reasons(error: BaseException) -> list[BaseException]:
    """An error and those that it holds in its arguments, as urllib3 and requests have it."""
    found, todo = list[BaseException](), [error]
    while todo:
        link = todo.pop(0)
        if link not in found:
            found.append(link)
            wrapped = (getattr(link, "reason", None), *link.args)
            todo += [each for each in wrapped if isinstance(each, BaseException)]
    return found


def _asked(error: BaseException) -> str:
    """The URL that an error of requests or urllib3 is about; empty when it does not say."""
    request = getattr(error, "request", None)
    if url := getattr(request, "url", None):
        return str(url)
    pool = getattr(error, "pool", None) if isinstance(error, urllib3.exceptions.PoolError) else None
    return f"{pool.scheme}://{pool.host}:{pool.port}" if pool is not None else ""


def _proxy(url: str) -> str:
    """Host and port of the proxy that the environment names for a URL; empty for none."""
    proxy = select_proxy(url, get_environ_proxies(url))
    return host_of(proxy if "://" in proxy else f"http://{proxy}") if proxy else ""


def _detail(error: BaseException) -> str:
    """What the system says, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    if tunnel := _TUNNEL.search(str(error)):
        return tunnel[1]
    return str(getattr(error, "strerror", None) or error)
