"""A session of the SQL protocol: who opened it, and the Spark session behind it."""

from __future__ import annotations

from dataclasses import dataclass

from databricks_sandbox.engine.session import EngineSession
from databricks_sandbox.identity import Principal


@dataclass
class Session:
    """A session of one client.

    Attributes:
        identifier: 16 bytes, hexadecimal.
        principal: who opened it.
        engine: the Spark session behind it.
        configuration: as the client set it when it opened the session, names in lower case.
        base_url: where the client reaches the server.
        used_at: the sandbox's time of its last call.
    """

    identifier: str
    principal: Principal
    engine: EngineSession
    configuration: dict[str, str]
    base_url: str
    used_at: float
