"""Grants and owners: who may do what, and the sentence that says who may not.

Privileges granted on a catalog or schema hold for everything below. USE CATALOG and USE SCHEMA are
needed for everything inside. Owners and holders of MANAGE may do everything to what is theirs, and
metastore admins everything. Source: Databricks, "Unity Catalog privileges and securable objects".
"""

from __future__ import annotations

from databricks_sandbox.errors import SqlError
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
        metastore: where owners and grants are.
        identity: which principals and groups there are.
    """

    def __init__(self, metastore: Metastore, identity: Identity) -> None:
        self._metastore = metastore
        self._identity = identity

    def owner(self, securable: Securable) -> str:
        """Who owns something."""
        return self._metastore.owners.get(securable, ADMIN)

    def require_owner(self, principal: Principal, securable: Securable) -> None:
        """Let only the owner pass, or an admin; MANAGE is not enough.

        Raises:
            SqlError: INSUFFICIENT_PERMISSIONS.
        """
        names = (principal.name, *principal.groups)
        if not principal.admin and self.owner(securable) not in names:
            raise SqlError(
                "INSUFFICIENT_PERMISSIONS",
                f"Insufficient privileges:\nUser is not an owner of "
                f"{securable.kind.capitalize()} '{securable.full_name}'.",
            )

    def set_owner(self, securable: Securable, owner: str) -> None:
        """Give something to another principal."""
        self._require_principal(owner)
        with self._metastore.lock:
            self._metastore.owners[securable] = owner

    def grant(self, privileges: list[str], securable: Securable, principal: str) -> None:
        """Grant privileges.

        Raises:
            SqlError: no such principal, or the privilege is none of this kind of securable.
        """
        self._require_principal(principal)
        for privilege in privileges:
            if privilege not in grantable(securable.kind):
                raise SqlError(
                    "INVALID_PARAMETER_VALUE",
                    f"Privilege {privilege} is not applicable to this entity "
                    f"[{securable.full_name}:{securable.kind}].",
                )
        with self._metastore.lock:
            self._metastore.grants.setdefault((principal, securable), set()).update(privileges)

    def revoke(self, privileges: list[str], securable: Securable, principal: str) -> None:
        """Take privileges back; those never granted are no error."""
        self._require_principal(principal)
        with self._metastore.lock:
            self._metastore.grants.get((principal, securable), set()).difference_update(privileges)

    def clear(self) -> None:
        """Forget all grants."""
        with self._metastore.lock:
            self._metastore.grants.clear()

    def of(
        self, securable: Securable, principal: str | None = None
    ) -> list[tuple[str, str, str, str]]:
        """Principal, privilege, kind and name of each grant on something and on what is above."""
        places = (securable, *securable.parents())
        with self._metastore.lock:
            return sorted(
                (who, privilege, what.kind, what.full_name)
                for (who, what), privileges in self._metastore.grants.items()
                for privilege in privileges
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
            privileges = {
                privilege
                for name in (principal.name, *principal.groups)
                for place in places
                for privilege in self._metastore.grants.get((name, place), ())
            }
        if privilege in privileges or "MANAGE" in privileges:
            return True
        return "ALL PRIVILEGES" in privileges and privilege not in _NOT_IN_ALL

    def sees(self, principal: Principal, securable: Securable) -> bool:
        """Whether something shows up for a principal: any privilege on it or below is enough."""
        if principal.admin:
            return True
        names = (principal.name, *principal.groups)
        depth = len(securable.name)
        with self._metastore.lock:
            securables = [
                what
                for (who, what), privileges in self._metastore.grants.items()
                if who in names and privileges
            ]
            securables += [what for what, owner in self._metastore.owners.items() if owner in names]
        above = (securable, *securable.parents())
        return any(what in above or what.name[:depth] == securable.name for what in securables)

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

    def _require_principal(self, principal: str) -> None:
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
