"""The tap's `credential_store_command`, as the job and a sign-in from one's own machine call it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from bundle_secrets import SCOPE, put
from xero_job.scope import SIGNING_KEY, MissingSecretError, Scope


def command(workspace, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {
        "DATABRICKS_HOST": workspace.url,
        "DATABRICKS_TOKEN": workspace.admin.access_token,
    }
    return subprocess.run(
        [sys.executable, "-m", "xero_job.scope", *arguments],
        input=content,
        env=environment,
        capture_output=True,
        check=False,
    )


def test_what_is_written_is_read_and_nothing_is_no_error(workspace, client):
    put(client)
    assert command(workspace, SCOPE, "tokens", "read").stdout == b""
    content = b'{"kept": "\xff\x00"}\n'
    assert command(workspace, SCOPE, "tokens", "write", content=content).returncode == 0
    assert command(workspace, SCOPE, "tokens", "read").stdout == content


def test_a_scope_that_is_not_there_is_said(workspace):
    done = command(workspace, "nowhere", "tokens", "write", content=b"x")
    assert done.returncode == 1
    assert b"'tokens' of scope 'nowhere' could not be written" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_scope_without_what_every_run_needs_is_refused_with_the_command(client):
    put(client, client_id="an-id")
    with pytest.raises(MissingSecretError, match=r"has no store-key: .*put-secret xero store-key"):
        Scope(client, SCOPE).environment()
    client.secrets.put_secret(SCOPE, "store-key", string_value="a passphrase")
    with pytest.raises(MissingSecretError, match="has no webhook-signing-key"):
        Scope(client, SCOPE).environment([SIGNING_KEY])
    assert Scope(client, SCOPE).environment() == {
        "TAP_XERO_CLIENT_ID": "an-id",
        "TAP_XERO_CREDENTIAL_STORE_KEY": "a passphrase",
    }
