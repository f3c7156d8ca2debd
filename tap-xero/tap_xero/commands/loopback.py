"""Receives the browser when it comes back from Xero's consent page.

A web server on the loopback interface that answers one address and one visitor: the one who
brings the state that was sent out. Source: RFC 8252, OAuth 2.0 for Native Apps.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tap_xero.api.errors import CredentialsRefusedError

PATH = "/callback"

_DONE = (
    b"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>tap-xero</title>"
    b"<body style='font: 1.1em sans-serif; margin: 4em auto; max-width: 30em'>"
    b"<h1>%s</h1><p>Go back to the terminal to see how it goes on. "
    b"You can close this page.</p></body></html>"
)


@dataclass(frozen=True)
class Redirect:
    """What the consent page sent the browser back with."""

    values: dict[str, str]

    @classmethod
    def parse(cls, url: str) -> Redirect:
        """The parameters of the address that the browser was sent to."""
        query = parse_qs(urlsplit(url.strip()).query)
        return cls({name: values[0] for name, values in query.items()})

    def code(self, state: str) -> str:
        """The code of the consent.

        Raises:
            CredentialsRefusedError: It was refused, or belongs to another sign-in.
        """
        if not hmac.compare_digest(self.values.get("state", ""), state):
            raise CredentialsRefusedError(
                "The answer does not belong to this sign-in (its state differs): start "
                "tap-xero-login again and use the link it prints."
            )
        if problem := self.values.get("error"):
            raise CredentialsRefusedError(
                f"Xero gave no access ({problem}). "
                + (
                    "Allow access on the consent page."
                    if problem == "access_denied"
                    else "Set scopes to what the app may ask for, and see its redirect URI."
                )
            )
        if "code" not in self.values:
            raise CredentialsRefusedError(
                "The address holds no code: copy the whole address of the page that the "
                "browser ended at."
            )
        return self.values["code"]


class Loopback:
    """The server, from the moment it is made until `close`."""

    def __init__(self, port: int) -> None:
        """Listen on a port of 127.0.0.1; 0 takes a free one.

        Raises:
            OSError: The port is taken.
        """
        redirects: list[Redirect] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if urlsplit(self.path).path != PATH:
                    self.send_error(404)
                    return
                redirects.append(Redirect.parse(self.path))
                refused = "error" in redirects[-1].values
                body = _DONE % (
                    b"Access was not given." if refused else b"Xero has answered tap-xero."
                )
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing: the address holds the code."""

        self._redirects = redirects
        self._server = HTTPServer(("127.0.0.1", port), Handler)

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to be sent; the app must have it registered."""
        return f"http://localhost:{self._server.server_port}{PATH}"

    def wait(self, seconds: float) -> Redirect:
        """Wait for the browser.

        Raises:
            CredentialsRefusedError: It did not come.
        """
        self._server.timeout = seconds
        timed_out: list[bool] = []
        self._server.handle_timeout = lambda: timed_out.append(True)  # type: ignore[method-assign]
        while not self._redirects and not timed_out:
            self._server.handle_request()
        if not self._redirects:
            raise CredentialsRefusedError(
                f"Nobody came back from Xero's consent page within {seconds:.0f} seconds: start "
                "tap-xero-login again, with --no-browser where there is none."
            )
        return self._redirects[0]

    def close(self) -> None:
        """Listen no more."""
        self._server.server_close()
