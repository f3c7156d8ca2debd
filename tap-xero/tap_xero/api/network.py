"""Why a host could not be reached, in words: the name, the network, TLS, time or a proxy.

`requests` and `urllib3` tell it by what they have wrapped in one another; `CAUSES` reads the
innermost thing that it knows.

Source: requests 2.34, `HTTPAdapter.send`; urllib3 2.8, `urllib3.exceptions`; Python, `ssl` and
`socket`.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3
from requests.utils import get_environ_proxies, select_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
        "its name has no address ({detail}); check the name, and this machine's network and DNS",
    ),
    _Cause(
        _is(ssl.SSLCertVerificationError),
        "its certificate is not trusted ({detail}); where something opens TLS in between, name its "
        "certificate authority in REQUESTS_CA_BUNDLE",
    ),
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
    _Cause(_is(TimeoutError, urllib3.exceptions.ReadTimeoutError), "it did not answer in time"),
    _Cause(
        _is(ConnectionError, urllib3.exceptions.ProtocolError),
        "it closed the connection before its answer was whole",
    ),
)
"""Every cause that is told apart, the first that fits anything in the chain counts."""


def unreachable(error: BaseException, url: str, *, trust_env: bool = True) -> str:
    """What is between this machine and a URL: `api.xero.com: it refused the connection; …`.

    Args:
        error: What `requests` or `urllib3` raised.
        url: What was asked; only its host and port are told.
        trust_env: Whether the session heeds the proxies of the environment.
    """
    chain = list(_chain(error))
    for cause in CAUSES:
        link = next((each for each in chain if cause.fits(each)), None)
        if link is not None:
            why = cause.text.format(detail=_detail(link))
            break
    else:
        why = f"the connection failed ({type(error).__name__})"
    through = _proxy(url) if trust_env else ""
    if any(isinstance(each, urllib3.exceptions.ProxyError) for each in chain) and through:
        return f"{host_of(url)}, by way of the proxy {through}: {why}"
    return f"{host_of(url)}: {why}"


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


def _proxy(url: str) -> str:
    """Host and port of the proxy that the environment names for a URL; empty for none."""
    proxy = select_proxy(url, get_environ_proxies(url))
    return host_of(proxy if "://" in proxy else f"http://{proxy}") if proxy else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it wraps, in whatever way."""
    todo, seen = [error], set[int]()
    while todo:
        link = todo.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        wrapped = [getattr(link, "reason", None), link.__cause__, link.__context__, *link.args]
        todo += [each for each in wrapped if isinstance(each, BaseException)]


def _detail(error: BaseException) -> str:
    """What the system says, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    if tunnel := _TUNNEL.search(str(error)):
        return tunnel[1]
    return str(getattr(error, "strerror", None) or error)
