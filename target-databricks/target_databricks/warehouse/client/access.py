"""Who we are and where: settings to the SDK's unified authentication, one `WorkspaceClient`.

Source: Databricks SDK for Python, Authentication; databricks-sql-connector, Authentication.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

from requests.utils import get_environ_proxies

from target_databricks import PACKAGE
from target_databricks.errors import ConfigurationError
from target_databricks.warehouse.client.backoff import Backoff
from target_databricks.warehouse.client.errors import classify
from target_databricks.warehouse.client.network import unreachable

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config
    from databricks.sdk.credentials_provider import CredentialsProvider

logger = logging.getLogger("target-databricks")

PRODUCT = "target-databricks"

# Setting to the SDK's name for it; what is not set the SDK looks for in its own places:
# environment, profiles, the command lines of Databricks and Azure, the identity of a job.
_CREDENTIALS: Mapping[str, str] = {
    "access_token": "token",
    "client_id": "client_id",
    "client_secret": "client_secret",
    "azure_client_id": "azure_client_id",
    "azure_client_secret": "azure_client_secret",
    "azure_tenant_id": "azure_tenant_id",
    "azure_workspace_resource_id": "azure_workspace_resource_id",
    "profile": "profile",
}
# Settings that state a way in to the SDK's name of it. Without that name the SDK refuses to choose
# between them and what else it finds, a DATABRICKS_TOKEN of the environment for one.
_WAYS: Mapping[tuple[str, ...], str] = {
    ("access_token",): "pat",
    ("client_id", "client_secret"): "oauth-m2m",
    ("azure_client_id", "azure_client_secret"): "azure-client-secret",
}
_WORKSPACE = "X-Databricks-Org-Id"
"""Header that says which workspace of its host a call is for."""
_WAREHOUSE = re.compile(r"/(?:warehouses|endpoints)/([^/?]+)")
_CONNECT_SECONDS = 10
_REST_SECONDS = 60
"""How long the SDK keeps trying a REST call that fails for a while."""


@dataclass(frozen=True)
class Access:
    """A workspace and a way in.

    Attributes:
        client: The SDK's client; its tokens renew themselves.
        host: Base URL of the workspace.
        http_path: The warehouse's path.
        workspace: The id of the workspace, where its host has several.
        product: What calls, as the workspace's logs name it.
    """

    client: WorkspaceClient
    host: str
    http_path: str
    workspace: str | None = None
    product: str = PRODUCT

    @property
    def warehouse_id(self) -> str | None:
        """The warehouse's id; None for compute that is no SQL warehouse."""
        match = _WAREHOUSE.search(self.http_path)
        return match[1] if match else None

    def connect_arguments(self) -> dict[str, Any]:
        """What `databricks.sql.connect` needs to come the same way."""
        parsed = urlparse(self.host)
        path = f"{self.http_path}?o={self.workspace}" if self.workspace else self.http_path
        # The connector takes a token from what it is given and drops all other headers, of which
        # Azure and hosts of several workspaces have some.
        headers = self.client.config.authenticate()
        arguments: dict[str, Any] = {
            "server_hostname": parsed.hostname,
            "http_path": path,
            "credentials_provider": lambda: self.client.config.authenticate,
            "http_headers": [(k, v) for k, v in headers.items() if k != "Authorization"],
        }
        if parsed.scheme == "http":
            arguments["_connection_uri"] = f"{self.host}/{path.lstrip('/')}"
        elif parsed.port:
            arguments["_port"] = parsed.port
        return arguments


def make_access(
    config: Mapping[str, Any], product: str = PRODUCT, package: str = PACKAGE
) -> Access:
    """Find the way in.

    Args:
        config: The settings.
        product: Who asks, as the workspace shows it.
        package: What it is installed as.

    Raises:
        ConfigurationError: The clients are not installed, or the credentials make no sense.
    """
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config
    except ImportError as error:
        raise ConfigurationError(
            f"Databricks' clients are not installed: install '{package}[warehouse]' to work with a "
            f"SQL warehouse ({error})."
        ) from error
    # The SDK tells at length of each place where it looks for credentials.
    logging.getLogger("databricks.sdk").setLevel(logging.WARNING)
    host = host_url(str(config["server_hostname"]))
    path, _, query = str(config["http_path"]).partition("?")
    workspace = workspace_of(str(config["server_hostname"]), f"?{query}")
    credentials = {name: config[key] for key, name in _CREDENTIALS.items() if config.get(key)}
    if (way := way_in(config)) is not None:
        credentials["auth_type"] = way
    if workspace is not None:
        credentials |= {
            "workspace_id": workspace,
            "credentials_strategy": _with_header(_WORKSPACE, workspace),
        }
    _check_reachable(host, Backoff(float(config["warehouse_timeout"])))
    try:
        settings = Config(
            host=host,
            product=product,
            product_version=version(package),
            retry_timeout_seconds=_REST_SECONDS,
            http_timeout_seconds=_REST_SECONDS,
            **credentials,
        )
    except ValueError as error:
        problem = classify(error)
        raise ConfigurationError(
            f"No way into {host}: {problem.reason} Set 'access_token', 'client_id' and "
            "'client_secret', the 'azure_' settings, or 'profile'. What of these is not set is "
            "looked for in the environment and in profiles; DATABRICKS_AUTH_TYPE names the one to "
            "take where several are found."
        ) from error
    return Access(WorkspaceClient(config=settings), host, path, workspace, product)


def way_in(config: Mapping[str, Any]) -> str | None:
    """The SDK's name of the way in that the settings state; None leaves it to the SDK.

    Raises:
        ConfigurationError: They state two.
    """
    stated = [names for names in _WAYS if all(config.get(name) for name in names)]
    if len(stated) > 1:
        both = " and ".join(f"'{names[-1]}'" for names in stated)
        raise ConfigurationError(
            f"The settings {both} are both set, and each is a way into the workspace. Keep one."
        )
    return _WAYS[stated[0]] if stated else None


def workspace_of(*urls: str) -> str | None:
    """The id of the workspace that one of some URLs names (`?o=1234`), as browsers show it."""
    for url in urls:
        for identifier in parse_qs(urlparse(url).query).get("o", ()):
            if identifier.isdecimal():
                return identifier
    return None


def _with_header(name: str, value: str) -> Any:
    """The SDK's own ways in, with one more header: not all of its calls say which workspace."""
    from databricks.sdk.credentials_provider import DefaultCredentials

    class WithHeader(DefaultCredentials):
        def __call__(self, cfg: Config) -> CredentialsProvider:
            headers = super().__call__(cfg)
            return lambda: {**headers(), name: value}

    return WithHeader()


def _check_reachable(host: str, backoff: Backoff) -> None:
    """See whether anybody is there; a host without a name is none, another may be in an outage."""
    if get_environ_proxies(host):
        return
    parsed = urlparse(host)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    for last in backoff.attempts():
        try:
            socket.create_connection((str(parsed.hostname), port), timeout=_CONNECT_SECONDS).close()
        except OSError as error:
            cause = unreachable([error], host) or f"{host}: {error}"
            if last or isinstance(error, socket.gaierror):
                raise ConfigurationError(
                    f"The workspace cannot be reached. {cause}. Check the setting "
                    "'server_hostname': it is the workspace's host name, as the warehouse's "
                    "connection details show it."
                ) from error
            logger.info("The workspace does not answer (%s). Trying again.", cause)
        else:
            return


def host_url(text: str) -> str:
    """The base URL of a workspace, from its host name or URL.

    Plain HTTP is for this machine only.

    Raises:
        ConfigurationError: It is no host name.
    """
    parsed = urlparse(text if "://" in text else f"https://{text}")
    local = parsed.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parsed.hostname or (parsed.scheme == "http" and not local):
        raise ConfigurationError(
            f"The setting 'server_hostname' is '{text}', which is not the host name of a workspace "
            "reached over HTTPS. Copy it from the warehouse's connection details."
        )
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{parsed.hostname}{port}"
