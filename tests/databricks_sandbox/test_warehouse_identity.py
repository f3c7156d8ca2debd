"""OAuth, personal access tokens, and the REST calls that databricks-sdk makes."""

from __future__ import annotations

import pytest
import requests
from databricks import sql
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config, oauth_service_principal
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated


def machine(sandbox, principal=None, **more):
    principal = principal or sandbox.admin
    settings = {
        "host": sandbox.url,
        "client_id": principal.client_id,
        "client_secret": principal.client_secret,
    }
    return WorkspaceClient(**{**settings, **more})


def test_machine_to_machine_oauth_through_the_sdk(databricks_sandbox):
    client = machine(databricks_sandbox)
    assert client.current_user.me().user_name == databricks_sandbox.admin.client_id
    assert client.config.auth_type == "oauth-m2m"


def test_machine_to_machine_oauth_through_the_connector(databricks_sandbox):
    sandbox = databricks_sandbox
    config = Config(
        host=sandbox.url,
        client_id=sandbox.admin.client_id,
        client_secret=sandbox.admin.client_secret,
    )
    arguments = sandbox.connect_arguments(
        access_token=None, credentials_provider=lambda: oauth_service_principal(config)
    )
    with sql.connect(**arguments) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT current_user() AS me")
        assert cursor.fetchone().me == sandbox.admin.client_id


def test_client_credentials_in_the_form_or_in_the_header(databricks_sandbox):
    url = f"{databricks_sandbox.url}/oidc/v1/token"
    pair = (databricks_sandbox.admin.client_id, databricks_sandbox.admin.client_secret)
    asked = {"grant_type": "client_credentials", "scope": "all-apis"}
    in_header = requests.post(url, data=asked, auth=pair, timeout=10).json()
    in_form = requests.post(
        url, data={**asked, "client_id": pair[0], "client_secret": pair[1]}, timeout=10
    ).json()
    assert in_header["expires_in"] == in_form["expires_in"] == 3600
    assert in_header["access_token"] != in_form["access_token"]


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody-at-all"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "less"}, 400, "invalid_scope"),
    ],
)
def test_token_requests_that_are_refused(databricks_sandbox, change, status, error):
    asked = {
        "grant_type": "client_credentials",
        "scope": "all-apis",
        "client_id": databricks_sandbox.admin.client_id,
        "client_secret": databricks_sandbox.admin.client_secret,
    }
    url = f"{databricks_sandbox.url}/oidc/v1/token"
    answer = requests.post(url, data={**asked, **change}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_tokens_live_an_hour_on_the_sandboxs_clock(databricks_sandbox):
    principal = databricks_sandbox.admin
    token = databricks_sandbox.identity.issue(principal.client_id, principal.client_secret)
    url = f"{databricks_sandbox.url}/api/2.0/preview/scim/v2/Me"
    headers = {"Authorization": f"Bearer {token}"}
    databricks_sandbox.clock.advance(3599)
    assert requests.get(url, headers=headers, timeout=10).status_code == 200
    databricks_sandbox.clock.advance(1)
    refused = requests.get(url, headers=headers, timeout=10)
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Token is expiring within 30 seconds. (token expired)",
    )


def test_a_wrong_token_is_refused_at_once(databricks_sandbox, connect):
    with pytest.raises(sql.exc.RequestError, match="Invalid access token"):
        connect(access_token="dapi-wrong")
    with pytest.raises(Unauthenticated, match="Invalid access token"):
        WorkspaceClient(host=databricks_sandbox.url, token="dapi-wrong").current_user.me()


def test_a_wrong_secret_is_refused_by_the_sdk(databricks_sandbox):
    with pytest.raises(ValueError, match="invalid_client"):
        machine(databricks_sandbox, client_secret="wrong").current_user.me()


def test_a_principal_without_the_warehouse_gets_403(databricks_sandbox, connect):
    outsider = databricks_sandbox.identity.add_service_principal(
        "outsider", can_use_warehouse=False
    )
    with pytest.raises(sql.exc.RequestError, match="does not have permission to use the SQL"):
        connect(outsider)
    with pytest.raises(PermissionDenied, match="SQL warehouse"):
        machine(databricks_sandbox, outsider).warehouses.get(
            databricks_sandbox.warehouse.identifier
        )


def test_a_wrong_path_or_warehouse_is_not_found(databricks_sandbox, connect):
    wrong = f"{databricks_sandbox.url}/sql/1.0/warehouses/ffff"
    with pytest.raises(sql.exc.RequestError, match="No SQL warehouse at"):
        connect(_connection_uri=wrong)
    with pytest.raises(NotFound, match="does not exist"):
        machine(databricks_sandbox).warehouses.get("ffff")


def test_a_session_is_of_no_use_to_another_principal(databricks_sandbox, connect):
    connection = connect()
    intruder = connect(databricks_sandbox.nobody)
    intruder.session._session_id = connection.session._session_id
    with pytest.raises(sql.exc.DatabaseError, match="Invalid SessionHandle"):
        intruder.cursor().execute("SELECT 1")


def test_the_warehouse_is_listed_started_and_stopped(databricks_sandbox):
    warehouses = machine(databricks_sandbox).warehouses
    identifier = databricks_sandbox.warehouse.identifier
    assert [one.id for one in warehouses.list()] == [identifier]
    databricks_sandbox.warehouse.start_seconds = 30
    warehouses.stop(identifier)
    assert warehouses.get(identifier).state.value == "STOPPED"
    warehouses.start(identifier)
    assert warehouses.get(identifier).state.value == "STARTING"
    databricks_sandbox.clock.advance(30)
    found = warehouses.get(identifier)
    assert (found.state.value, found.odbc_params.path) == ("RUNNING", databricks_sandbox.http_path)


def test_endpoints_the_sandbox_lacks_are_not_found(databricks_sandbox):
    with pytest.raises(NotFound, match="databricks-sandbox has no GET /api/2"):
        list(machine(databricks_sandbox).clusters.list())
