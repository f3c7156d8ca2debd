"""What accounts and workspaces have in different ways, as switches; and profiles, which set them.

What every workspace does is no switch: the sandbox does it always.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from databricks_sandbox.limits import ANSWER_SECONDS

PROFILES = ("plain", "cloud")
"""`plain`: everything on and nothing in the way. `cloud`: what a new account has today."""


def _switch(plain: Any, cloud: Any, reason: str) -> Any:
    """How a switch is set in each profile, and what it is for."""
    return field(default=plain, metadata={"plain": plain, "cloud": cloud, "reason": reason})


@dataclass
class Switches:
    """The switches of one sandbox."""

    predictive_optimization: bool = _switch(
        True, False, "without it CLUSTER BY AUTO is refused; regions, clouds and accounts differ"
    )
    ansi_mode: bool = _switch(
        True, False, "of sessions that do not set it; off, a cast that fails or overflows is NULL"
    )
    real_time_warehouse: bool = _switch(
        False, False, "a warehouse of Lakehouse/RT refuses sessions over Thrift"
    )
    unified_host: bool = _switch(
        False, False, "a host of several workspaces needs to know which one a call is for"
    )
    object_store_volumes: bool = _switch(
        False,
        True,
        "S3 keeps times in whole seconds, and lists are given in pages",
    )
    cold_start: bool = _switch(
        False,
        True,
        "the first session after a warehouse was started is refused, though it says it is RUNNING",
    )
    answer_seconds: float = _switch(
        ANSWER_SECONDS,
        ANSWER_SECONDS,
        "real seconds that a statement may take before its client has to poll for it; with 0 "
        "every statement is polled",
    )
    profile: str = field(default="plain", metadata={})

    def choose(self, profile: str) -> None:
        """Set all as a profile has them, now and at every `restore`.

        Raises:
            ValueError: there is no such profile.
        """
        if profile not in PROFILES:
            raise ValueError(f"no profile '{profile}'; there are {', '.join(PROFILES)}")
        self.profile = profile
        self.restore()

    def restore(self) -> None:
        """Set all as the chosen profile has them."""
        for one in fields(self):
            if one.metadata:
                setattr(self, one.name, one.metadata[self.profile])

    def set(self, values: dict[str, Any]) -> None:
        """Set some, by name; `profile` first, whatever its place.

        Raises:
            ValueError: there is no such switch or profile.
        """
        values = dict(values)
        if (profile := values.pop("profile", None)) is not None:
            self.choose(str(profile))
        for name, value in values.items():
            known = {one.name: one for one in fields(self) if one.metadata}
            if name not in known:
                raise ValueError(f"no switch '{name}'; there are {', '.join(known)}")
            setattr(self, name, type(known[name].metadata["plain"])(value))
