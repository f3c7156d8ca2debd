"""What the tests put into a workspace for the job."""

from __future__ import annotations

import base64

from databricks.sdk import WorkspaceClient
from databricks_sandbox.sandbox import Sandbox

VOLUME = "/Volumes/main/xero/pipeline"
SCOPE = "xero"


def client_of(sandbox: Sandbox) -> WorkspaceClient:
    return WorkspaceClient(host=sandbox.url, token=sandbox.admin.access_token)


def put(client: WorkspaceClient, **secrets: str) -> None:
    """Make the scope with these secrets; underscores stand for dashes."""
    client.secrets.create_scope(SCOPE)
    for name, value in secrets.items():
        text = base64.b64encode(value.encode()).decode()
        client.secrets.put_secret(SCOPE, name.replace("_", "-"), bytes_value=text)
