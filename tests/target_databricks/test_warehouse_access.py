"""Ways into a workspace: what the settings state, what the environment has, and whom it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from databricks.sdk import oauth
from databricks.sdk.config import Config
from databricks.sdk.credentials_provider import DefaultCredentials
from databricks.sdk.environments import ALL_ENVS, Cloud
from databricks.sql import client
from target_databricks.commands.check import check
from target_databricks.commands.grants import grants
from target_databricks.errors import ConfigurationError
from target_databricks.target import TargetDatabricks
from target_databricks.warehouse.client.access import make_access, way_in, workspace_of
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.connection import Connections, StatementError

INTEGER = {"type": "integer"}
README = Path(__file__).parents[2] / "target-databricks" / "README.md"
WORKSPACE = "7405605318"


def whoami(**config):
    settings = {"http_path": "/sql/1.0/warehouses/abc", "warehouse_timeout": 5, **config}
    return make_access(settings).client.current_user.me().user_name


def test_what_the_settings_state_comes_before_the_environment(databricks_sandbox, monkeypatch):
    admin, nobody = databricks_sandbox.admin, databricks_sandbox.nobody
    host = {"server_hostname": databricks_sandbox.url}
    machine = {"client_id": admin.client_id, "client_secret": admin.client_secret}
    monkeypatch.setenv("DATABRICKS_TOKEN", nobody.access_token)
    assert whoami(**host, **machine) == admin.name
    assert whoami(**host, access_token=admin.access_token) == admin.name
    assert whoami(**host) == nobody.name
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", nobody.client_id)
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", str(nobody.client_secret))
    assert whoami(**host, access_token=admin.access_token) == admin.name
    with pytest.raises(ConfigurationError, match=r"more than one.*DATABRICKS_AUTH_TYPE"):
        whoami(**host)
    monkeypatch.setenv("DATABRICKS_AUTH_TYPE", "oauth-m2m")
    assert whoami(**host) == nobody.name


def test_a_profile_is_a_way_in(databricks_sandbox, monkeypatch, tmp_path):
    admin = databricks_sandbox.admin
    path = tmp_path / "databrickscfg"
    path.write_text(
        f"[books]\nhost = {databricks_sandbox.url}\nclient_id = {admin.client_id}\n"
        f"client_secret = {admin.client_secret}\n"
    )
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(path))
    assert whoami(server_hostname=databricks_sandbox.url, profile="books") == admin.name


def test_two_ways_in_the_settings_are_one_too_many():
    both = {"access_token": "a", "client_id": "b", "client_secret": "c"}
    with pytest.raises(ConfigurationError, match="'access_token' and 'client_secret'"):
        way_in(both)
    assert way_in({"client_id": "b"}) is None


def test_azure_is_told_which_workspace_in_statements_too(databricks_sandbox, monkeypatch):
    """The connector keeps a token and no other header of those that the SDK makes."""
    token = oauth.Token(databricks_sandbox.admin.access_token)
    monkeypatch.setattr(oauth.ClientCredentials, "token", lambda _: token)
    azure = next(environment for environment in ALL_ENVS if environment.cloud is Cloud.AZURE)
    monkeypatch.setattr(Config, "environment", azure)
    access = make_access(
        {
            "server_hostname": databricks_sandbox.url,
            "http_path": databricks_sandbox.http_path,
            "warehouse_timeout": 5,
            "azure_client_id": "a",
            "azure_client_secret": "b",
            "azure_tenant_id": "c",
            "azure_workspace_resource_id": "/subscriptions/1/workspaces/books",
        }
    )
    headers = dict(access.connect_arguments()["http_headers"])
    name = "X-Databricks-Azure-Workspace-Resource-Id"
    assert headers[name] == "/subscriptions/1/workspaces/books"
    assert headers["X-Databricks-Azure-SP-Management-Token"] == token.access_token
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("urls", "workspace"),
    [
        (["https://dbc.cloud.databricks.com/?o=12"], "12"),
        (["dbc.cloud.databricks.com", "/sql/1.0/warehouses/a?o=12"], "12"),
        (["dbc.cloud.databricks.com/?o=x", "/sql/1.0/warehouses/a"], None),
    ],
)
def test_the_workspace_of_a_host_of_several_is_read_from_its_url(urls, workspace):
    assert workspace_of(*urls) == workspace


def test_a_host_of_several_workspaces_is_loaded_into(warehouse, singer):
    warehouse.sandbox.switches.unified_host = True
    host = f"{warehouse.sandbox.url}/?o={WORKSPACE}"
    warehouse.run(
        singer.schema("s", {"id": INTEGER}), singer.record("s", {"id": 1}), server_hostname=host
    )
    warehouse.sandbox.switches.unified_host = False
    assert warehouse.rows("s", "id") == [1]


def test_a_real_time_warehouse_is_refused_with_the_one_to_take(warehouse, monkeypatch):
    warehouse.sandbox.switches.real_time_warehouse = True
    # The connector remembers such a warehouse for as long as the process lives.
    monkeypatch.setattr(client, "mark_reyden", lambda *_: None)
    connections = Connections(
        make_access(warehouse.config(warehouse_timeout=5)), {}, Backoff(5.0), lambda: None
    )
    with pytest.raises(StatementError, match=r"real-time one.*'http_path'.*pro SQL warehouse"):
        connections.run("SELECT 1")


def test_the_grants_that_are_printed_are_those_that_a_check_and_a_load_need(warehouse, singer):
    identity = warehouse.sandbox.identity
    somebody = identity.add_service_principal("bookkeeper", sql_access=False)
    warehouse.settings = {"access_token": somebody.access_token}
    config = dict(TargetDatabricks(config=warehouse.config()).config)
    printed = [*grants(config, somebody.name)]
    for statement in printed:
        if not statement.startswith("--"):
            warehouse.sandbox.sql(statement.rstrip(";"))
    told: list[str] = []
    # What is granted helps nobody whom the workspace does not let to a warehouse.
    assert "entitlement 'Databricks SQL access' (databricks-sql-access)" in "\n".join(printed)
    with pytest.raises(ConfigurationError, match=r"lacks the entitlement 'Databricks SQL access'"):
        check(config, told.append)
    connections = Connections(make_access(config), {}, Backoff(5.0), lambda: None)
    with pytest.raises(StatementError, match=r"lacks the entitlement 'Databricks SQL access'"):
        connections.run("SELECT 1")
    assert told == []
    identity.entitle(somebody.name)
    check(config, told.append)
    assert told[-1] == "Ready."
    assert f"  granted: SELECT to {somebody.name}" in told
    lines = {
        "type": "array",
        "items": {"type": "object", "properties": {"n": INTEGER}},
        "x-child-table": {"name": "lines"},
    }
    warehouse.run(
        singer.schema("docs", {"id": INTEGER, "lines": lines}),
        singer.record("docs", {"id": 1, "lines": [{"n": 7}]}),
    )
    assert warehouse.rows("lines", "n", by="n") == [7]


def test_the_readme_has_every_way_in_that_the_sdk_has():
    text = README.read_text()
    ways = [provider.auth_type() for provider in DefaultCredentials()._auth_providers]
    assert [way for way in ways if f"| `{way}` |" not in text] == []
