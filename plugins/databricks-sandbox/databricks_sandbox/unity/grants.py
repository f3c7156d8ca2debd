"""Grants and owners: who may do what, and the sentence that says who may not.

Privileges granted on a catalog or schema hold for everything below. USE CATALOG and USE SCHEMA are
needed for everything inside. Owners and holders of MANAGE may do everything to what is theirs, and
metastore admins everything. Source: Databricks, "Unity Catalog privileges and securable objects".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks_sandbox.errors import SqlError

if TYPE_CHECKING:
    from databricks_sandbox.identity import Identity, Principal
    from databricks_sandbox.unity.metastore import Kind, Metastore, Securable

# Privileges by the kind of securable they are about; granted there or on anything above it.
PRIVILEGES: dict[Kind, tuple[str, ...]] = {
    "METASTORE": ("CREATE CATALOG",),
    "CATALOG": ("USE CATALOG", "CREATE SCHEMA"),
    "SCHEMA": ("USE SCHEMA", "CREATE TABLE", "CREATE VOLUME", "CREATE FUNCTION"),
    "TABLE": ("SELECT", "MODIFY"),
    "VOLUME": ("READ VOLUME", "WRITE VOLUME"),
}
# These can be granted on everything but the metastore.
ON_ALL = ("ALL PRIVILEGES", "MANAGE", "APPLY TAG", "BROWSE")

# ALL PRIVILEGES means all but these.
_NOT_IN_ALL = ("MANAGE",)

_ABOVE: dict[Kind, tuple[Kind, ...]] = {
    "METASTORE": ("METASTORE",),
    "CATALOG": ("CATALOG", "SCHEMA", "TABLE", "VOLUME"),
    "SCHEMA": ("SCHEMA", "TABLE", "VOLUME"),
    "TABLE": ("TABLE",),
    "VOLUME": ("VOLUME",),
}

ADMIN = "metastore admins"


def grantable(kind: Kind) -> tuple[str, ...]:
    """The privileges that can be granted on a kind of securable."""
    own = tuple(privilege for below in _ABOVE[kind] for privilege in PRIVILEGES[below])
    return own if kind == "METASTORE" else own + ON_ALL


class Grants:
    """Who may do what.

    Args:
        metastore: owners live there.
        identity: which principals and groups there are.
    """

    def __init__(self, metastore: Metastore, identity: Identity) -> None:
        self._metastore = metastore
        self._identity = identity
        self._granted: dict[tuple[str, Securable], set[str]] = {}

    def is_admin(self, principal: Principal) -> bool:
        """Metastore admins may do everything."""
        return principal.admin

    def owner(self, securable: Securable) -> str:
        """Who owns something."""
        return self._metastore.owners.get(securable, ADMIN)

    def set_owner(self, securable: Securable, owner: str) -> None:
        """Give something to another principal."""
        self._known(owner)
        with self._metastore.lock:
            self._metastore.owners[securable] = owner

    def grant(self, privileges: list[str], securable: Securable, principal: str) -> None:
        """Grant privileges.

        Raises:
            SqlError: no such principal, or the privilege is none of this kind of securable.
        """
        self._known(principal)
        for privilege in privileges:
            if privilege not in grantable(securable.kind):
                raise SqlError(
                    "INVALID_PARAMETER_VALUE",
                    f"Privilege {privilege} is not applicable to this entity "
                    f"[{securable.full_name}:{securable.kind}].",
                )
        with self._metastore.lock:
            self._granted.setdefault((principal, securable), set()).update(privileges)

    def revoke(self, privileges: list[str], securable: Securable, principal: str) -> None:
        """Take privileges back; those never granted are no error."""
        self._known(principal)
        with self._metastore.lock:
            self._granted.get((principal, securable), set()).difference_update(privileges)

    def forget(self, securable: Securable) -> None:
        """Drop the grants on something and on everything below it."""
        depth = len(securable.name)
        with self._metastore.lock:
            self._granted = {
                (who, what): had
                for (who, what), had in self._granted.items()
                if not (
                    what == securable
                    or (len(what.name) > depth and what.name[:depth] == securable.name)
                )
            }

    def rename(self, before: Securable, after: Securable) -> None:
        """Carry the grants on something over to its new name."""
        with self._metastore.lock:
            for who, what in [key for key in self._granted if key[1] == before]:
                self._granted[who, after] = self._granted.pop((who, what))

    def clear(self) -> None:
        """Forget all grants."""
        with self._metastore.lock:
            self._granted.clear()

    def listed(
        self, securable: Securable, principal: str | None = None
    ) -> list[tuple[str, str, str, str]]:
        """Principal, privilege, kind and name of each grant on something and on what is above."""
        places = (securable, *securable.parents())
        with self._metastore.lock:
            return sorted(
                (who, privilege, what.kind, what.full_name)
                for (who, what), held in self._granted.items()
                for privilege in held
                if what in places and principal in (None, who)
            )

    def has(self, principal: Principal, privilege: str, securable: Securable) -> bool:
        """Whether a principal holds a privilege, however it came by it; USE above not counted."""
        if principal.admin:
            return True
        places = (securable, *securable.parents())
        with self._metastore.lock:
            if any(self.owner(place) == principal.name for place in places):
                return True
            held = {
                granted
                for name in (principal.name, *principal.groups)
                for place in places
                for granted in self._granted.get((name, place), ())
            }
        if privilege in held or "MANAGE" in held:
            return True
        return "ALL PRIVILEGES" in held and privilege not in _NOT_IN_ALL

    def sees(self, principal: Principal, securable: Securable) -> bool:
        """Whether something shows up for a principal: any privilege on it or below is enough."""
        if principal.admin:
            return True
        names = (principal.name, *principal.groups)
        depth = len(securable.name)
        with self._metastore.lock:
            theirs = [what for (who, what), held in self._granted.items() if who in names and held]
            theirs += [what for what, owner in self._metastore.owners.items() if owner in names]
        above = (securable, *securable.parents())
        return any(what in above or what.name[:depth] == securable.name for what in theirs)

    def require(self, principal: Principal, privilege: str, securable: Securable) -> None:
        """Check a privilege, and USE on what is above.

        Raises:
            SqlError: INSUFFICIENT_PERMISSIONS, naming the first that is missing.
        """
        if principal.admin:
            return
        for place in reversed([*securable.parents()]):
            if not self.has(principal, f"USE {place.kind}", place):
                raise _denied(f"USE {place.kind}", place)
        if not self.has(principal, privilege, securable):
            raise _denied(privilege, securable)

    def _known(self, principal: str) -> None:
        if self._identity.find(principal) is None and principal not in self._identity.groups():
            raise SqlError(
                "PRINCIPAL_DOES_NOT_EXIST", f"Could not find principal with name {principal}."
            )


def _denied(privilege: str, securable: Securable) -> SqlError:
    kind = securable.kind.capitalize()
    return SqlError(
        "INSUFFICIENT_PERMISSIONS",
        f"Insufficient privileges:\nUser does not have {privilege} on {kind} "
        f"'{securable.full_name}'.",
    )
