"""A workspace without Spark: volumes, secrets and tokens are the sandbox's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bundle_secrets import client_of
from databricks.sdk import WorkspaceClient
from databricks_sandbox.sandbox import Sandbox


@pytest.fixture
def workspace() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.volumes.create(("main", "xero", "pipeline"), None)
        yield sandbox


@pytest.fixture
def client(workspace: Sandbox) -> WorkspaceClient:
    return client_of(workspace)
