"""The tap's `credential_store_command`, as the job and a sign-in from one's own machine call it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bundle_secrets import SCOPE, put
from shown_commands import ROOT, as_shown
from xero_job.scope import SIGNING_KEY, MissingSecretError, Scope
from xero_sandbox.sandbox import Sandbox as Xero

BIN = Path(sys.executable).parent
SECRET = BIN / as_shown("xero-job-secret SCOPE KEY read|write").split()[0]
SIGN_IN = (
    as_shown(
        "export TAP_XERO_CLIENT_ID=… TAP_XERO_CLIENT_SECRET=… TAP_XERO_CREDENTIAL_STORE_KEY=…"
    ),
    as_shown(
        "export TAP_XERO_CREDENTIAL_STORE_COMMAND="
        '"uv run --package xero-to-databricks-xero-job xero-job-secret xero tokens"'
    ),
    as_shown("uv run --package xero-to-databricks-xero-job tap-xero-login"),
)
EXPORTS = (
    as_shown("export BUNDLE_VAR_catalog=main BUNDLE_VAR_warehouse_id=your-warehouse-id"),
    as_shown("export BUNDLE_VAR_principal=application-id-of-the-service-principal"),
    as_shown('export BUNDLE_VAR_notify="books@example.com 0a1b2c3d-0000-4000-8000-000000000001"'),
)
SCRIPT = as_shown("""#!/bin/sh
# xero-tokens: keeps the tokens of tap-xero in the scope "xero"
case "$1" in
  read) databricks secrets get-secret xero tokens 2>/dev/null | jq -r .value | base64 -d || true ;;
  write) databricks secrets put-secret xero tokens ;;
esac""")
TOOL = f"""#!{sys.executable}
# The two commands of Databricks' command line tool that the script calls, by Databricks' own SDK.
import json, sys
from databricks.sdk import WorkspaceClient
_, _, verb, scope, key = sys.argv
secrets = WorkspaceClient().secrets
if verb == "get-secret":
    print(json.dumps(secrets.get_secret(scope, key).as_dict()))
else:
    secrets.put_secret(scope, key, string_value=sys.stdin.read())
"""


def command(workspace, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {
        "DATABRICKS_HOST": workspace.url,
        "DATABRICKS_TOKEN": workspace.admin.access_token,
    }
    return subprocess.run(
        [SECRET, *arguments],
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


def signed_in_to(workspace) -> dict[str, str]:
    return os.environ | {
        "DATABRICKS_HOST": workspace.url,
        "DATABRICKS_TOKEN": workspace.admin.access_token,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "UV_PROJECT": str(ROOT),
        "UV_PROJECT_ENVIRONMENT": sys.prefix,
        "UV_NO_SYNC": "1",
    }


@pytest.mark.stress
def test_a_web_app_is_signed_in_from_ones_own_machine_as_the_readme_says(
    workspace, client, tmp_path
):
    put(client)
    (tmp_path / "allow.py").write_text(
        "import requests, sys; requests.get(sys.argv[1], timeout=60)"
    )
    with Xero(organisations=2, invoices=2, auto_approve=True) as xero:
        credentials, store, login = SIGN_IN
        for value in (xero.client_id, xero.client_secret, "a-passphrase"):
            credentials = credentials.replace("…", value, 1)
        done = subprocess.run(
            ["bash", "-ec", "\n".join((credentials, store, f"{login} --port 0"))],
            env=signed_in_to(workspace)
            | {
                "BROWSER": f"{sys.executable} {tmp_path / 'allow.py'} %s",
                "TAP_XERO_API_URL": xero.url,
                "TAP_XERO_IDENTITY_URL": xero.url,
                "TAP_XERO_LOGIN_URL": xero.url,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert xero.tenants[0].name in done.stdout
    assert command(workspace, SCOPE, "tokens", "read").stdout


def test_the_script_of_the_taps_readme_keeps_tokens_in_a_scope(workspace, client, tmp_path):
    put(client)
    for name, text in (("databricks", TOOL), ("xero-tokens", SCRIPT)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    env = signed_in_to(workspace)
    env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"

    def script(word: str, content: str = "") -> str:
        return subprocess.run(
            ["xero-tokens", word],
            input=content,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert script("read") == ""
    script("write", '{"kept": "é"}')
    assert script("read") == '{"kept": "é"}'


def test_the_variables_that_the_readme_sets_are_those_of_the_bundle():
    script = "\n".join((*EXPORTS, "env"))
    printed = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, check=True)
    stated = dict(re.findall(r"^BUNDLE_VAR_(\w+)=(.+)$", printed.stdout, re.MULTILINE))
    text = (ROOT / "plugins" / "databricks-bundle" / "databricks.yml").read_text("utf-8")
    assert stated.keys() <= yaml.safe_load(text)["variables"].keys()
    assert len(stated["notify"].split()) == 2
    assert len(stated) == 4
