"""Tells a chat of a run that failed, or that did not load everything.

The address of a webhook is a secret by itself, so no message and no log has more of it than the
host. An alert that cannot be delivered is said in the log, and changes nothing else.

Source: Slack, Incoming webhooks (`text`, escaping); Microsoft Teams, Create incoming webhooks with
Workflows (a message with an Adaptive Card).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError

AUTO, SLACK, TEAMS = FORMATS = ("auto", "slack", "teams")

SETTINGS = (
    th.Property(
        "alert_url",
        th.StringType,
        secret=True,
        title="Alert URL",
        description=(
            "Webhook of Slack, Microsoft Teams or a service that takes Slack's messages, which is "
            "told of a run that failed or did not load everything."
        ),
    ),
    th.Property(
        "alert_format",
        th.StringType,
        default=AUTO,
        allowed_values=list(FORMATS),
        title="Alert format",
        description=(
            "What the webhook takes: slack (JSON with a text), teams (an Adaptive Card), or auto, "
            "which goes by its host."
        ),
    ),
)

TIMEOUT = (3.0, 10.0)
"""Seconds to connect, and to wait for an answer; a run waits no longer to end."""

_OF_TEAMS = ("office.com", "logic.azure.com", "powerplatform.com", "powerautomate.com")
"""How hosts end that give out webhooks of Teams."""

_LINES, _LONGEST = 20, 500
"""Sentences of an alert, and characters of each."""


@contextmanager
def alerting(
    plugin: str, stated: Mapping[str, Any], warn: Callable[[str], object]
) -> Iterator[None]:
    """Send an alert if what is done within fails.

    Args:
        plugin: Whose run it is.
        stated: The settings as they were given, which may be what is wrong.
        warn: Told when the alert could not be delivered.
    """
    try:
        yield
    except SystemExit as ended:
        if ended.code:
            _send(plugin, stated, ["It was stopped."], warn)
        raise
    except Exception as error:
        _send(plugin, stated, _sentences(error), warn)
        raise


def stated(config: Mapping[str, Any], prefix: str, *, environment: bool) -> dict[str, Any]:
    """The settings of this module as they were given, without looking at any other.

    Args:
        config: Settings from files.
        prefix: What names of variables begin with.
        environment: Whether variables count, too.
    """
    names = [name for each in SETTINGS for name in each.to_dict()]
    found = {name: config.get(name) for name in names}
    if environment:
        found |= {n: value for n in names if (value := os.environ.get(prefix + n.upper(), ""))}
    return found


def _sentences(error: Exception) -> list[str]:
    if isinstance(error, ConfigValidationError):
        return list(error.errors) or [str(error)]
    if isinstance(error, SingerSDKError):
        return [str(error)]
    # Of what nobody has foreseen the words may hold anything.
    return [f"{type(error).__name__}: see the log of the run."]


def _send(
    plugin: str, stated: Mapping[str, Any], said: Sequence[str], warn: Callable[[str], object]
) -> None:
    url = str(stated.get("alert_url") or "").strip()
    if not url:
        return
    # Imported here, as nearly no run needs them.
    import requests

    from target_databricks.warehouse.client.network import host_of, unreachable

    noisy = logging.getLogger("urllib3")
    level = noisy.level
    # At its own level it logs the path of every call, which is the secret.
    noisy.setLevel(logging.WARNING)
    try:
        answer = requests.post(
            url,
            json=message(text(plugin, said), str(stated.get("alert_format") or AUTO), url),
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        if not answer.ok or answer.is_redirect:
            warn(f"The alert was not taken: {host_of(url)} answered {answer.status_code}.")
    except requests.exceptions.RequestException as error:
        cause = unreachable([error], url) or f"{host_of(url)}: {type(error).__name__}"
        warn(f"The alert could not be delivered. {cause}.")
    except Exception as error:  # noqa: BLE001 - whatever it is, the run has its own end
        warn(f"The alert could not be delivered ({type(error).__name__}): check alert_url.")
    finally:
        noisy.setLevel(level)


def text(plugin: str, said: Sequence[str]) -> str:
    """What an alert says, in lines."""
    environment, run = os.environ.get("MELTANO_ENVIRONMENT"), os.environ.get("MELTANO_RUN_ID")
    where = ", ".join(filter(None, (environment, f"run {run}" if run else "")))
    lines = [f"{plugin}{f' ({where})' if where else ''}: not everything was loaded."]
    lines += [f"- {each[:_LONGEST]}" for each in said[:_LINES]]
    if len(said) > _LINES:
        lines.append(f"- … and {len(said) - _LINES:,} more: see the log.")
    return "\n".join(lines)


def message(text: str, form: str, url: str) -> dict[str, Any]:
    """The JSON that a webhook takes.

    Args:
        text: What to say.
        form: A value of the setting `alert_format`.
        url: The webhook.
    """
    host = (urlsplit(url).hostname or "").lower()
    if form == TEAMS or (form == AUTO and host.endswith(_OF_TEAMS)):
        block = {"type": "TextBlock", "text": text.replace("\n", "\n\n"), "wrap": True}
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [block],
        }
        content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        return {"type": "message", "attachments": [content]}
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped}
