"""Secret scopes: values of keys, who may read and who may write them.

Nothing compares before it replaces: of two writers the later one wins, as in a workspace.

Source: Databricks REST API reference, Secrets; "Secret management" (sizes, names, ACLs).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from databricks_sandbox.app.messages import path_of
from databricks_sandbox.faults import HttpError
from databricks_sandbox.identity import Principal
from databricks_sandbox.limits import SECRET_BYTES, SECRETS_A_SCOPE

_PREFIX = "/api/2.0/secrets/"
_NAME = re.compile(r"[\w@.-]{1,128}")
_LEVELS = ("READ", "WRITE", "MANAGE")


@dataclass
class _Scope:
    levels: dict[str, str]
    values: dict[str, bytes] = field(default_factory=dict, repr=False)


class SecretScopes:
    """Answers calls of the Secrets API, of a Databricks-backed scope."""

    def __init__(self) -> None:
        self._scopes: dict[str, _Scope] = {}

    def clear(self) -> None:
        """Forget every scope."""
        self._scopes.clear()

    async def answer(self, request: Request, principal: Principal) -> Response:
        """Answer one call.

        Raises:
            HttpError: It is refused.
        """
        call = path_of(request).removeprefix(_PREFIX)
        if request.method == "GET":
            wanted: dict[str, Any] = dict(request.query_params)
            answers = {"get": self._get, "list": self._list, "scopes/list": self._list_scopes}
        else:
            wanted = await request.json()
            answers = {
                "put": self._put,
                "delete": self._delete,
                "scopes/create": self._create,
                "scopes/delete": self._delete_scope,
                "acls/put": self._permit,
            }
        if call not in answers:
            raise HttpError(404, "ENDPOINT_NOT_FOUND", f"databricks-sandbox has no {call}.")
        return JSONResponse(answers[call](wanted, principal))

    def _create(self, wanted: dict[str, Any], principal: Principal) -> dict[str, Any]:
        name = _named(wanted.get("scope"))
        if name in self._scopes:
            raise HttpError(400, "RESOURCE_ALREADY_EXISTS", f"Scope {name} already exists!")
        self._scopes[name] = _Scope({principal.name: "MANAGE"})
        return {}

    def _delete_scope(self, wanted: dict[str, Any], principal: Principal) -> dict[str, Any]:
        self._scope(wanted, principal, "MANAGE")
        del self._scopes[wanted["scope"]]
        return {}

    def _permit(self, wanted: dict[str, Any], principal: Principal) -> dict[str, Any]:
        scope = self._scope(wanted, principal, "MANAGE")
        scope.levels[str(wanted["principal"])] = str(wanted["permission"])
        return {}

    def _put(self, wanted: dict[str, Any], principal: Principal) -> dict[str, Any]:
        scope, key = self._scope(wanted, principal, "WRITE"), _named(wanted.get("key"))
        try:
            value = (
                base64.b64decode(wanted["bytes_value"], validate=True)
                if "bytes_value" in wanted
                else str(wanted["string_value"]).encode()
            )
        except (KeyError, binascii.Error) as error:
            raise HttpError(400, "INVALID_PARAMETER_VALUE", "A secret needs a value.") from error
        if len(value) > SECRET_BYTES:
            raise HttpError(
                400, "INVALID_PARAMETER_VALUE", f"A secret has at most {SECRET_BYTES} bytes."
            )
        if key not in scope.values and len(scope.values) >= SECRETS_A_SCOPE:
            raise HttpError(400, "RESOURCE_LIMIT_EXCEEDED", "The scope is full.")
        scope.values[key] = value
        return {}

    def _get(self, wanted: dict[str, Any], principal: Principal) -> dict[str, Any]:
        scope, key = self._scope(wanted, principal, "READ"), str(wanted.get("key"))
        if key not in scope.values:
            raise _missing(f"Failed to get secret {key} for scope {wanted['scope']}.")
        return {"key": key, "value": base64.b64encode(scope.values[key]).decode()}

    def _list(self, wanted: dict[str, Any], principal: Principal) -> dict[str, Any]:
        scope = self._scope(wanted, principal, "READ")
        return {"secrets": [{"key": key} for key in sorted(scope.values)]}

    def _list_scopes(self, _: dict[str, Any], principal: Principal) -> dict[str, Any]:
        scopes = {n: s for n, s in self._scopes.items() if _may(s, principal, "READ")}
        return {"scopes": [{"name": n, "backend_type": "DATABRICKS"} for n in sorted(scopes)]}

    def _delete(self, wanted: dict[str, Any], principal: Principal) -> dict[str, Any]:
        scope, key = self._scope(wanted, principal, "WRITE"), str(wanted.get("key"))
        if scope.values.pop(key, None) is None:
            raise _missing(f"Secret {key} does not exist in scope {wanted['scope']}.")
        return {}

    def _scope(self, wanted: dict[str, Any], principal: Principal, level: str) -> _Scope:
        name = str(wanted.get("scope"))
        scope = self._scopes.get(name)
        if scope is None:
            raise _missing(f"Scope {name} does not exist!")
        if not _may(scope, principal, level):
            raise HttpError(
                403, "PERMISSION_DENIED", f"{principal.name} lacks {level} on scope {name}."
            )
        return scope


def _may(scope: _Scope, principal: Principal, level: str) -> bool:
    given = scope.levels.get(principal.name)
    if given is None:
        return principal.admin
    return _LEVELS.index(given) >= _LEVELS.index(level)


def _named(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise HttpError(
            400,
            "INVALID_PARAMETER_VALUE",
            "Names have 1 to 128 letters, digits, dashes, underscores, periods or @.",
        )
    return value


def _missing(message: str) -> HttpError:
    return HttpError(404, "RESOURCE_DOES_NOT_EXIST", message)
