"""dbt-databricks pointed at the sandbox of a warehouse."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import certifi

PROFILE = """
xero_marts:
  target: warehouse
  outputs:
    warehouse:
      type: databricks
      host: "{{ env_var('MARTS_HOST') }}"
      http_path: "{{ env_var('MARTS_HTTP_PATH') }}"
      catalog: "{{ env_var('MARTS_CATALOG') }}"
      schema: "{{ env_var('MARTS_SCHEMA', '') or 'marts' }}"
      token: "{{ env_var('DBT_ENV_SECRET_MARTS_TOKEN') }}"
      threads: 2
      connection_parameters: "{{ fromjson(env_var('MARTS_CONNECTION_PARAMETERS')) | as_native }}"
"""
"""The project's own one, and what only a sandbox needs: a port, and a certificate to trust."""


def settings(root: Path, sandbox: Any) -> dict[str, str]:
    """The settings of dbt-databricks for the sandbox, and a profile that takes them.

    Args:
        root: A folder for the profile.
        sandbox: The workspace.
    """
    folder = root / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "profiles.yml").write_text(PROFILE)
    # What comes from an index is trusted as before.
    trusted = Path(os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())
    certificates = folder / "ca.pem"
    certificates.write_bytes(trusted.read_bytes() + b"\n" + sandbox.ca_file.read_bytes())
    parameters = {
        "_connection_uri": sandbox.tls_url + sandbox.http_path,
        "_tls_trusted_ca_file": str(sandbox.ca_file),
        "enable_telemetry": False,
    }
    return {
        "MARTS_HOST": f"127.0.0.1:{sandbox.port}",
        "MARTS_HTTP_PATH": sandbox.http_path,
        "MARTS_CATALOG": sandbox.catalog,
        "MARTS_CONNECTION_PARAMETERS": json.dumps(parameters),
        "DBT_ENV_SECRET_MARTS_TOKEN": sandbox.admin.access_token,
        "DBT_DATABRICKS_PROFILES_DIR": str(folder),
        "DBT_PROFILES_DIR": str(folder),
        "REQUESTS_CA_BUNDLE": str(certificates),
    }
