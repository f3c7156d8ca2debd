"""Secret scopes, as databricks-sdk finds them. No Spark is started for it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import AclPermission
from databricks_sandbox.sandbox import Sandbox


@pytest.fixture
def workspace() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.volumes.create(("main", "books", "state"), None)
        yield sandbox


@pytest.fixture
def admin(workspace: Sandbox) -> WorkspaceClient:
    client = WorkspaceClient(host=workspace.url, token=workspace.admin.access_token)
    client.secrets.create_scope("xero")
    return client


def test_a_secret_is_what_was_put_there_last(admin):
    admin.secrets.put_secret("xero", "tokens", string_value="first ✓")
    admin.secrets.put_secret("xero", "tokens", bytes_value=base64.b64encode(b"\x00\xff").decode())
    assert base64.b64decode(admin.secrets.get_secret("xero", "tokens").value) == b"\x00\xff"
    assert [each.key for each in admin.secrets.list_secrets("xero")] == ["tokens"]
    admin.secrets.delete_secret("xero", "tokens")
    with pytest.raises(ResourceDoesNotExist, match="tokens"):
        admin.secrets.get_secret("xero", "tokens")


def test_what_is_not_there_too_large_or_there_already_is_refused(admin):
    with pytest.raises(ResourceAlreadyExists, match="already exists"):
        admin.secrets.create_scope("xero")
    with pytest.raises(NotFound, match="nowhere"):
        admin.secrets.put_secret("nowhere", "tokens", string_value="x")
    with pytest.raises(InvalidParameterValue, match="at most"):
        admin.secrets.put_secret("xero", "tokens", string_value="x" * ((128 << 10) + 1))
    with pytest.raises(InvalidParameterValue, match="Names"):
        admin.secrets.put_secret("xero", "a key", string_value="x")


def test_others_need_a_permission_for_what_they_do(admin, workspace):
    admin.secrets.put_secret("xero", "tokens", string_value="x")
    other = WorkspaceClient(host=workspace.url, token=workspace.nobody.access_token)
    with pytest.raises(PermissionDenied, match="READ"):
        other.secrets.get_secret("xero", "tokens")
    admin.secrets.put_acl("xero", workspace.nobody.name, AclPermission.READ)
    assert other.secrets.get_secret("xero", "tokens").value
    with pytest.raises(PermissionDenied, match="WRITE"):
        other.secrets.put_secret("xero", "tokens", string_value="y")


def test_of_two_who_make_one_file_one_is_told_that_it_is_there(admin, workspace):
    """What a lease in a volume can be made of."""
    path = f"/Volumes/{workspace.catalog}/books/state/lease/1"
    admin.files.upload(path, io.BytesIO(b"mine"), overwrite=False)
    with pytest.raises(ResourceConflict):
        admin.files.upload(path, io.BytesIO(b"theirs"), overwrite=False)
    assert admin.files.download(path).contents.read() == b"mine"
