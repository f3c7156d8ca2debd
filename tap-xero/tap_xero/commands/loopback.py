"""Receives the browser when it comes back from Xero's consent page.

A web server on the loopback interface that waits for one visitor at one address: the one who brings
the state that was sent out. Any page, and any program of this machine, may come as well, or connect
and say nothing; they are sent away, and the wait goes on. Sources: RFC 8252, OAuth 2.0 for Native
Apps; RFC 6749, 4.1.2 and 10.12 (an answer and a refusal have the state both).
"""

from __future__ import annotations

import hmac
import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tap_xero.api.errors import CredentialsRefusedError

PATH = "/callback"

REQUEST_WITHIN = 10.0
"""Seconds that a visitor may take for a request; browsers connect ahead of time and say nothing."""

_PAGE = (
    b"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>tap-xero</title>"
    b"<body style='font: 1.1em sans-serif; margin: 4em auto; max-width: 30em'>"
    b"<h1>%s</h1><p>%s You can close this page.</p></body></html>"
)
_ANSWERED = b"Go back to the terminal to see how it goes on."
_FOREIGN = b"tap-xero-login goes on waiting: use the link in the terminal."


@dataclass(frozen=True)
class Redirect:
    """What the consent page sent the browser back with."""

    values: dict[str, str]

    @classmethod
    def parse(cls, url: str) -> Redirect:
        """The parameters of the address that the browser was sent to."""
        query = parse_qs(urlsplit(url.strip()).query)
        return cls({name: values[0] for name, values in query.items()})

    def answers(self, state: str) -> bool:
        """Whether it is what a sign-in waits for: its state, with a code or a refusal."""
        return self._has(state) and ("code" in self.values or "error" in self.values)

    def _has(self, state: str) -> bool:
        return hmac.compare_digest(self.values.get("state", "").encode(), state.encode())

    def code(self, state: str) -> str:
        """The code of the consent.

        Raises:
            CredentialsRefusedError: It was refused, or belongs to another sign-in.
        """
        if not self._has(state):
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

    def __init__(self, port: int, state: str) -> None:
        """Listen on a port of 127.0.0.1; 0 takes a free one.

        Args:
            port: The port.
            state: What the visitor has to bring.

        Raises:
            OSError: The port is taken.
        """
        answers: queue.SimpleQueue[Redirect] = queue.SimpleQueue()

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_WITHIN

            def do_GET(self) -> None:
                if urlsplit(self.path).path != PATH:
                    self.send_error(404)
                    return
                redirect = Redirect.parse(self.path)
                if not redirect.answers(state):
                    self._show(400, b"This does not belong to the sign-in.", _FOREIGN)
                    return
                refused = "error" in redirect.values
                head = b"Access was not given." if refused else b"Xero has answered tap-xero."
                self._show(200, head, _ANSWERED)
                answers.put(redirect)

            def _show(self, status: int, head: bytes, advice: bytes) -> None:
                body = _PAGE % (head, advice)
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing: the address holds the code."""

        self._answers = answers
        self._server = _Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to be sent; the app must have it registered."""
        return f"http://localhost:{self._server.server_port}{PATH}"

    def wait(self, seconds: float) -> Redirect:
        """Wait for the visitor with the state.

        Raises:
            CredentialsRefusedError: It did not come.
        """
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            raise CredentialsRefusedError(
                f"Nobody came back from Xero's consent page within {seconds:.0f} seconds: start "
                "tap-xero-login again, with --no-browser where there is none."
            ) from None

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """A thread for each visitor, so that none waits for another."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: visitors may hang up when they like."""
