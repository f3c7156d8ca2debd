"""Values of open type, which columns hold as JSON text, made text for Arrow's reader to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from target_databricks.schema.types import Kind, Node


def text_maker(node: Node) -> Callable[[Any], Any] | None:
    """A function that turns values of open type into text, or None where there are none.

    Args:
        node: What the function is for: the values, as orjson reads them, of this node.
    """
    if not node.has_any:
        return None
    if node.kind is Kind.ANY:
        return _as_text
    if node.item is not None:
        item = text_maker(node.item)
        return lambda v: [item(x) for x in v] if isinstance(v, list) else v  # type: ignore[misc]
    members: Sequence[tuple[str, Callable[[Any], Any]]] = [
        (f.source, prepare) for f in node.fields if (prepare := text_maker(f.node)) is not None
    ]

    def struct(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        out = dict(value)
        for source, prepare in members:
            if out.get(source) is not None:
                out[source] = prepare(out[source])
        return out

    return struct


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
