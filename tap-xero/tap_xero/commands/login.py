"""`tap-xero-login`: the user's consent, by the authorization-code flow with PKCE.

Source: Xero, The standard authorization code flow; PKCE flow; RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import sys
import threading
import time
import webbrowser
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_xero.api.errors import CredentialStoreError
from tap_xero.auth.store import seed_of
from tap_xero.auth.stored_tokens import StoredTokens
from tap_xero.auth.tokens import tokens_of
from tap_xero.commands.common import config_option, connected, note, settings, wanted_resources
from tap_xero.commands.loopback import PATH, Loopback, Redirect
from tap_xero.commands.tenants import print_organisations
from tap_xero.models import writes
from tap_xero.text import errors_as_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_xero.api.connection import Connection
    from tap_xero.auth.token_service import Answer

PORT = 8749
"""Port of the redirect URI that the app has to have registered."""

_CONSENT_SECONDS = 300.0
"""Seconds that Xero's code lives, and so the consent may take."""

_ADVICE = (
    "Should Xero say that the redirect URI is wrong: add {uri} to those of your app at "
    "developer.xero.com."
)

_NOWHERE_TO_PASTE = (
    "There is no terminal to paste the address into, and standard input has ended without it. Run "
    "tap-xero-login --no-browser where there is a terminal (ssh -t, docker run -it); or give it a "
    "standard input that stays open (mkfifo answer; tap-xero-login --no-browser <>answer), and "
    "write the address there; or sign in on a machine with a browser and bring its credential "
    "store along."
)

_OPTIONAL_SCOPES = {
    "accounting.journals.read": "journals need an app of the Advanced tier",
    "accounting.classicexpenses.read": "not every app may ask for receipts and expense claims",
}
"""Scopes that Xero refuses to many apps, and with them the whole consent."""


def default_scopes(config: Mapping[str, Any] | None = None) -> str:
    """What the streams need, in the scopes of since March 2026, and staying signed in.

    Scopes to write are among them only where `write_streams` names a stream.
    """
    config = config or {}
    needed = dict.fromkeys(each.granular for each in wanted_resources(config))
    needed |= dict.fromkeys(writes.SCOPES[each] for each in writes.named(config))
    return " ".join(["offline_access", *(each for each in needed if each not in _OPTIONAL_SCOPES)])


@click.command()
@config_option
@click.option("--port", default=PORT, show_default=True, help="Port of the redirect URI.")
@click.option(
    "--no-browser",
    is_flag=True,
    help="Print the link; paste the address you end up at, or write it to standard input.",
)
def login(files: tuple[Any, ...], port: int, no_browser: bool) -> None:
    """Sign in to Xero, choose organisations, and keep the tokens for the tap."""
    with errors_as_lines(note):
        config = settings(files, complete=False)
        if not config.get("client_id") or config.get("sandbox") is not None:
            message = (
                "Setting client_id is missing: take it from your app at developer.xero.com."
                if config.get("sandbox") is None
                else "Setting sandbox: its sandbox ends with each run, so there is nothing to "
                "sign in to. Leave the setting out."
            )
            raise ConfigValidationError(message, errors=[message])
        with connected(config) as connection:
            _warn_of_replacing(config, connection)
            answer = _consent(config, connection, port, browser=not no_browser)
            if not answer.refresh_token:
                note("Xero gave no refresh token: add offline_access to the setting scopes.")
                raise SystemExit(1)
            _store(config, connection, answer)
            note(f"Signed in. The tokens are kept in {connection.store.name}.")
            if not config.get("scopes"):
                for scope, reason in _OPTIONAL_SCOPES.items():
                    note(f"Not asked for: {scope} ({reason}). Name it in scopes to ask for it.")
            print_organisations(connection.client.tenants())


def _consent(
    config: Mapping[str, Any], connection: Connection, port: int, *, browser: bool
) -> Answer:
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    if not browser:
        redirect_uri = f"http://localhost:{port}{PATH}"
        link = _link(config, redirect_uri, state, verifier)
        advice = _ADVICE.format(uri=redirect_uri)
        note(f"Open this link in any browser and allow access:\n\n{link}\n\n{advice}\n")
        code = Redirect.parse(_pasted()).code(state)
        return connection.service.exchange_code(code, redirect_uri, verifier)
    try:
        loopback = Loopback(port, state)
    except OSError as error:
        message = f"Port {port} is taken ({error.strerror}): stop what uses it, or choose --port."
        raise ConfigValidationError(message, errors=[message]) from None
    with closing(loopback):
        link = _link(config, loopback.redirect_uri, state, verifier)
        advice = _ADVICE.format(uri=loopback.redirect_uri)
        note(f"Your browser opens this link; open it yourself if not:\n\n{link}\n\n{advice}\n")
        # Some browsers keep whoever opens them waiting, and this one has a visitor to answer.
        threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()
        code = loopback.wait(_CONSENT_SECONDS).code(state)
        return connection.service.exchange_code(code, loopback.redirect_uri, verifier)


def _pasted() -> str:
    """The address at which the browser ended: hidden at a terminal, else a line of standard input.

    Raises:
        ConfigValidationError: There is neither.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        prompt = "The page you end up at will not load. Paste its address here (it stays hidden)"
        return str(click.prompt(prompt, hide_input=True, err=True))
    note("The page you end up at will not load. Its address is waited for on standard input.")
    address = sys.stdin.readline().strip() if sys.stdin is not None else ""
    if not address:
        raise ConfigValidationError(_NOWHERE_TO_PASTE, errors=[_NOWHERE_TO_PASTE])
    return address


def _link(config: Mapping[str, Any], redirect_uri: str, state: str, verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": config["client_id"],
        "redirect_uri": redirect_uri,
        "scope": config.get("scopes") or default_scopes(config),
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    return f"{config['login_url'].rstrip('/')}/identity/connect/authorize?{urlencode(query)}"


def _warn_of_replacing(config: Mapping[str, Any], connection: Connection) -> None:
    """Say that tokens would be lost that may be another pipeline's, while it can be helped."""
    store, seed = connection.store, seed_of(config)
    try:
        tokens = store.load()
    except CredentialStoreError:
        return
    if tokens is None:
        return
    foreign = not tokens.is_of(seed) if seed else bool(tokens.ancestors or tokens.seeds)
    if foreign:
        note(
            f"The credential store {store.name} keeps tokens that come from another refresh_token, "
            "perhaps those of another pipeline. Signing in replaces them. To keep them, stop here "
            "and set credential_store to another file."
        )


def _store(config: Mapping[str, Any], connection: Connection, answer: Answer) -> None:
    """Keep the tokens; a refresh token of the config stands for them from now on."""
    store, seed = connection.store, seed_of(config)
    with store.lock():
        try:
            store.load()
        except CredentialStoreError as error:
            note(f"{error} It is replaced now.")
        before = StoredTokens(config["client_id"], "")
        store.save(tokens_of(answer, before.recording(seed) if seed else before, time.time()))
