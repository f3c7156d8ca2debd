"""The tap: its settings, its streams, its command line."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, cast

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.exceptions import (
    ConfigValidationError,
    FatalAPIError,
    RetriableAPIError,
    SkippableAPIError,
)

from tap_xero import cadence, side_by_side
from tap_xero.credentials.store import store_path
from tap_xero.dates import parse_instant
from tap_xero.models.schema import TENANT, annotate
from tap_xero.output import LineWriter
from tap_xero.resources import RESOURCES
from tap_xero.session import Session
from tap_xero.streams import XeroStream
from tap_xero.tasks import plan
from tap_xero.window import clean_state, singer_io_bookmarks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    import click
    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter
    from singer_sdk.streams import Stream

_SETTINGS = th.PropertiesList(
    th.Property(
        "client_id",
        th.StringType,
        title="Client ID",
        description="Client id of your app at developer.xero.com.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="Client secret of your app. An app of the PKCE kind has none.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description=(
            "A refresh token to start from, for those who come from another tap; "
            "`tap-xero-login` needs none. It is used once: from then on the credential store "
            "keeps its successors."
        ),
    ),
    th.Property(
        "credential_store",
        th.StringType,
        title="Credential store",
        description=(
            "File that keeps the tokens between runs, encrypted. By default one for each app "
            "in the user's state folder (~/.local/state/tap-xero)."
        ),
    ),
    th.Property(
        "credential_store_key",
        th.StringType,
        secret=True,
        title="Key of the credential store",
        description=(
            "A Fernet key or a passphrase that encrypts the store. By default a key of the "
            "operating system's keyring, with tap-xero[keyring], or else of a file beside the "
            "store."
        ),
    ),
    th.Property(
        "credential_store_command",
        th.StringType,
        title="Credential store command",
        description=(
            "Command that keeps the tokens instead of a file, in a secret manager for "
            "instance. It is run with `read` (prints the content) or `write` (gets it on "
            "standard input) added."
        ),
    ),
    th.Property(
        "access_token_command",
        th.StringType,
        title="Access token command",
        description=(
            "Command that prints an access token, where a broker holds the credentials: the "
            "token itself, or JSON with access_token and expires_in."
        ),
    ),
    th.Property(
        "tenant_ids",
        th.ArrayType(th.StringType),
        title="Organisations",
        description="Tenant ids of the organisations to read; all connected ones when left out.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description=(
            "Read only what changed since then, on a first run and in streams that are incremental."
        ),
    ),
    th.Property(
        "include_archived",
        th.BooleanType,
        default=True,
        title="Include archived",
        description=(
            "Read archived contacts, archived tracking categories and deleted bank transfers too."
        ),
    ),
    th.Property(
        "scopes",
        th.StringType,
        title="Scopes",
        description=(
            "Scopes to ask for, separated by spaces. By default all that a custom connection "
            "has; at `tap-xero-login` the granular ones that the streams need."
        ),
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.xero.com",
        title="API URL",
        description="Base URL of Xero's API.",
    ),
    th.Property(
        "identity_url",
        th.StringType,
        default="https://identity.xero.com",
        title="Identity URL",
        description="Base URL of Xero's token service.",
    ),
    th.Property(
        "login_url",
        th.StringType,
        default="https://login.xero.com",
        title="Login URL",
        description="Base URL of Xero's consent page.",
    ),
    th.Property(
        "daily_call_reserve",
        th.IntegerType(minimum=0),
        default=0,
        title="Daily call reserve",
        description=(
            "Calls of each organisation's day (1,000 or 5,000) that the tap leaves to others."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        default="tap-xero",
        title="User agent",
        description="How the tap introduces itself to Xero.",
    ),
    th.Property(
        "cadence",
        th.ObjectType(additional_properties=th.StringType),
        title="Cadence",
        description=(
            'How often streams are read, by name or pattern: {"contacts": "24h", '
            '"tracking_*": "12h", "*": "1h"}. At every run when left out.'
        ),
    ),
    th.Property(
        "full_refresh_every",
        th.ObjectType(additional_properties=th.StringType),
        title="Full refresh",
        description=(
            "How often incremental streams are read whole, by name or pattern: "
            '{"contacts": "1d"}, for what Xero changes without moving a timestamp. What is gone '
            "then is retired with ACTIVATE_VERSION."
        ),
    ),
    th.Property(
        "sandbox",
        th.ObjectType(
            th.Property(
                "organisations",
                th.CustomType({"type": ["integer", "string", "array", "null"]}),
                description="How many organisations, or their names.",
            ),
            th.Property(
                "invoices", th.IntegerType, description="Invoices and bills of each organisation."
            ),
            th.Property("seed", th.IntegerType, description="Decides everything made up."),
            additional_properties=False,
        ),
        title="Sandbox",
        description=(
            "Read from a Xero sandbox that runs for the length of the run; needs no account. Any "
            "object will do, even an empty one. Needs tap-xero[sandbox]."
        ),
    ),
)


class TapXero(Tap):
    """Reads the books of every connected Xero organisation."""

    name = "tap-xero"
    config_jsonschema = _SETTINGS.to_dict()
    singer_io_bookmarks: Mapping[str, str] = MappingProxyType({})
    message_writer_class: type[GenericSingerWriter[Any, Any]] = LineWriter

    def __init__(self, **options: Any) -> None:
        """Take the same options as any SDK tap."""
        super().__init__(**options)
        self.session = Session(self.config, self.logger)
        if self.metrics_logger.level == logging.INFO:
            # The progress lines and the bill tell people the same; LOGLEVEL=DEBUG shows both.
            self.metrics_logger.setLevel(logging.WARNING)

    # Streams and state -----------------------------------------------------------------

    def discover_streams(self) -> list[Stream]:
        """One stream for each row of the resource table; no network is needed."""
        return [XeroStream(self, resource) for resource in RESOURCES]

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams, reference data before the documents that point at it."""
        if self._streams is None:
            by_name = super().streams
            self._streams = {resource.stream: by_name[resource.stream] for resource in RESOURCES}
        return self._streams

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog, with the annotations of the schemas."""
        catalog = super().catalog_dict
        for entry in catalog["streams"]:
            stream = cast("XeroStream", self.streams[entry["tap_stream_id"]])
            entry["schema"] = annotate(entry["schema"], stream.resource.schema)
        return catalog

    @property
    def writer(self) -> LineWriter:
        """Writes whole pages of records."""
        return cast("LineWriter", self.message_writer)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state, leaving aside what is not in the shape of ours.

        Of singer-io/tap-xero, which reads one organisation, the bookmarks are kept.
        """
        self.singer_io_bookmarks = singer_io_bookmarks(state)
        super().load_state(clean_state(state, TENANT))

    def partition(self, stream: str, context: dict[str, str]) -> dict[str, Any]:
        """What the state knows of a stream of an organisation; empty when nothing."""
        partitions = self.state.get("bookmarks", {}).get(stream, {}).get("partitions", [])
        return next((each for each in partitions if each["context"] == context), {})

    def drop_empty_state(self, stream: str) -> None:
        """Take partitions that say nothing out of the state."""
        bookmarks = self.state.get("bookmarks", {})
        kept = [each for each in bookmarks[stream].get("partitions", []) if len(each) > 1]
        if kept:
            # Organisations end in any order; the state shall not differ for that.
            kept.sort(key=lambda each: str(each["context"]))
            bookmarks[stream]["partitions"] = kept
        else:
            del bookmarks[stream]

    def organisations_in_state(self, stream: str) -> set[str]:
        """Ids of the organisations of which the state remembers a stream."""
        partitions = self.state.get("bookmarks", {}).get(stream, {}).get("partitions", [])
        return {each["context"][TENANT] for each in partitions}

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read all selected streams of all organisations, side by side.

        Batches are made by the SDK, which reads one stream of one organisation at a time.
        """
        selected = [cast("XeroStream", each) for each in self.streams.values() if each.selected]
        if self.config.get("batch_config") or not selected:
            super().sync_all()
            return
        self._reset_state_progress_markers()
        self._set_compatible_replication_methods()
        if self.state:
            self.state_writer.write_state(self.state)
        side_by_side.run(plan(selected, self.session.tenants))
        for stream in selected:
            stream.finalize_state_progress_markers()

    # Settings ---------------------------------------------------------------------------

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        try:
            super()._validate_config(raise_errors=True)
            errors = []
        except ConfigValidationError as error:
            errors = [f"Setting refused: {each}" for each in error.errors]
        errors = errors or _config_errors(self._config)
        if errors and raise_errors:
            raise ConfigValidationError("; ".join(errors), errors=errors)
        return errors

    # Command line -----------------------------------------------------------------------

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap, and end with the bill.

        Args:
            about: Print what the tap is, and end.
            about_format: How to print that.
            config: Settings.
            state: State of the run before.
            catalog: What to read.
        """
        if about:
            super().invoke(about=about, about_format=about_format)
        with _errors_as_lines(cls.logger):
            tap = cls(
                config=config.config if config else {},
                state=_json(state),
                catalog=_json(catalog),
                parse_env_config=config.parse_env if config else False,
                validate_config=True,
            )
            # Records are trees, so there is nothing for the cycle collector to find in
            # them, and looking through every page costs a sixth of the run.
            gc.freeze()
            gc.set_threshold(100_000, 50, 50)
            # The thread that fetches needs the interpreter briefly and often.
            sys.setswitchinterval(0.0005)
            try:
                if any(stream.selected for stream in tap.streams.values()):
                    names = ", ".join(tenant.name for tenant in tap.session.tenants)
                    cls.logger.info("Reading from %s", names)
                tap.sync_all()
            finally:
                tap.session.close()
                for line in tap.session.bill.lines():
                    cls.logger.info("%s", line)
                cls.logger.info("bill: %s", tap.session.bill.summary())
            if failures := tap.session.bill.failures:
                cls.logger.error("Not read to the end: %s.", ", ".join(failures))
                sys.exit(1)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Run `--test`; an error is a line, not a traceback."""
        with _errors_as_lines(cls.logger):
            super().cb_test(ctx, param, value)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop at the end of the line that is being written.

        The state needs no saving: it was written after the last page.
        """
        self.writer.between_lines(self._stop)

    def _stop(self) -> None:
        self.logger.info("Stopped. The next run goes on from the page this one reached.")
        sys.exit(0)


def _config_errors(config: dict[str, Any]) -> list[str]:
    """What is wrong with the settings beyond their types, one sentence each."""
    errors = []
    if config.get("sandbox") is None and not config.get("access_token_command"):
        errors += _missing_credentials(config)
    if start_date := config.get("start_date"):
        try:
            moment = parse_instant(start_date)
        except ValueError as error:
            errors.append(f"Setting start_date: {error}.")
        else:
            if moment > datetime.now(timezone.utc):
                errors.append(f"Setting start_date: {start_date} lies in the future.")
    streams = {resource.stream for resource in RESOURCES}
    for setting in ("cadence", "full_refresh_every"):
        errors += cadence.problems(setting, config.get(setting) or {}, streams)
    return errors


def _missing_credentials(config: dict[str, Any]) -> list[str]:
    where = "take it from your app at developer.xero.com"
    instead = "or set sandbox to run without an account"
    if not config.get("client_id"):
        return [f"Setting client_id is missing: {where}, {instead}."]
    if (
        config.get("client_secret")
        or config.get("refresh_token")
        or config.get("credential_store_command")
        or store_path(config).exists()
    ):
        return []
    return [
        (
            f"Setting client_secret is missing: {where}, {instead}; or run tap-xero-login for an "
            "app of the PKCE kind, which has none."
        )
    ]


@contextmanager
def _errors_as_lines(logger: logging.Logger) -> Iterator[None]:
    """Turn the errors people can act on into a line of the log and exit code 1."""
    try:
        yield
    except ConfigValidationError as error:
        for each in error.errors or [str(error)]:
            logger.error("%s", each)  # noqa: TRY400 (a traceback would hide the line)
        sys.exit(1)
    except (FatalAPIError, RetriableAPIError, SkippableAPIError) as error:
        logger.error("%s", error)  # noqa: TRY400
        sys.exit(1)
    except BrokenPipeError:
        logger.error("Whoever read the tap's output has gone.")  # noqa: TRY400
        # What is still buffered has nowhere to go; without this, Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _json(file: IO[str] | None) -> dict[str, Any] | None:
    return None if file is None else json.load(file)
