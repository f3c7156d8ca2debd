"""A secret scope: credentials of the pipeline, and the tokens that the tap renews.

`python -m xero_job.scope SCOPE KEY read|write` is the tap's `credential_store_command`.

Source: Databricks REST API reference, Secrets. A value has at most 128 KiB; whoever writes last
wins, so one run at a time renews (`xero_job.lease`).
"""

from __future__ import annotations

import argparse
import base64
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.errors.base import DatabricksError

from xero_job.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOKENS = "tokens"
"""The key under which the tap keeps its encrypted tokens."""

SIGNING_KEY = "webhook-signing-key"
"""The key of what deliveries of webhooks are signed with."""

SETTINGS: Mapping[str, str] = {
    "client-id": "TAP_XERO_CLIENT_ID",
    "client-secret": "TAP_XERO_CLIENT_SECRET",
    "refresh-token": "TAP_XERO_REFRESH_TOKEN",
    "store-key": "TAP_XERO_CREDENTIAL_STORE_KEY",
    SIGNING_KEY: "TAP_XERO_WEBHOOK_SIGNING_KEY",
    "databricks-client-id": "DATABRICKS_CLIENT_ID",
    "databricks-client-secret": "DATABRICKS_CLIENT_SECRET",
}
"""Keys of the scope, and the environment variables of tap and target that they become."""

REQUIRED = ("client-id", "store-key")


class MissingSecretError(JobError):
    """The scope lacks what a run cannot do without."""


@dataclass(frozen=True)
class Scope:
    """One scope.

    Attributes:
        client: The workspace.
        name: The scope's name.
    """

    client: WorkspaceClient
    name: str

    def read(self, key: str) -> bytes | None:
        """A value; None when there is none."""
        try:
            value = self.client.secrets.get_secret(self.name, key).value
        except NotFound:
            return None
        return base64.b64decode(value or "")

    def write(self, key: str, content: bytes) -> None:
        """Replace a value."""
        text = base64.b64encode(content).decode()
        self.client.secrets.put_secret(self.name, key, bytes_value=text)

    def environment(self, required: Sequence[str] = ()) -> dict[str, str]:
        """The environment variables that the scope has values for.

        Args:
            required: Keys that this run needs beside those that every run does.

        Raises:
            MissingSecretError: One is missing that the run cannot do without.
        """
        values = {key: self.read(key) for key in SETTINGS}
        if missing := [key for key in (*REQUIRED, *required) if not values[key]]:
            raise MissingSecretError(
                f"The secret scope '{self.name}' has no {' and no '.join(missing)}: put it there "
                f"with `databricks secrets put-secret {self.name} {missing[0]}`, and let the job's "
                "principal read the scope."
            )
        return {SETTINGS[key]: value.decode() for key, value in values.items() if value}


def main() -> int:
    """Read or write the value of a key, as the tap wants it; the exit code."""
    parser = argparse.ArgumentParser(
        prog="xero-job-secret",
        description="A secret of a scope: to standard output, or from input.",
    )
    parser.add_argument("scope")
    parser.add_argument("key")
    parser.add_argument("verb", choices=("read", "write"))
    wanted = parser.parse_args()
    name, key, verb = wanted.scope, wanted.key, wanted.verb
    scope = Scope(WorkspaceClient(), name)
    try:
        if verb == "read":
            sys.stdout.buffer.write(scope.read(key) or b"")
        else:
            scope.write(key, sys.stdin.buffer.read())
    except DatabricksError as error:
        what = "read" if verb == "read" else "written"
        print(f"Secret '{key}' of scope '{name}' could not be {what}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
