"""Resources that are none of Xero's: what the tap itself counts, lists or knows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.models.resources import Resource
from tap_xero.models.schema import stream_schema

if TYPE_CHECKING:
    from tap_xero.models.fields import Model


class _OwnResource(Resource):
    """One in the shape in which the rest of the tap knows its resources."""

    @property
    def schema(self) -> dict[str, Any]:
        return stream_schema(self.model, self.key, {})


def own_resource(
    stream: str, model: Model, key: tuple[str, ...], like: Resource, path: str
) -> Resource:
    """A resource of the tap's own.

    Args:
        stream: Its name.
        model: Its fields.
        key: Those that tell its rows apart within an organisation.
        like: Whose scopes it needs.
        path: What its answer is called.
    """
    return _OwnResource(
        stream=stream,
        path=path,
        envelope=path,
        key=key,
        model=model,
        scope=like.scope,
        granular=like.granular,
        single=False,
    )
