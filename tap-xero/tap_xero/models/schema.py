"""JSON Schema of a stream, derived from its model.

The annotations that Singer knows nothing of, and that targets may ignore:

- `x-references` on a property: the stream and key that its value points at;
- `x-child-table` on an array: the table its rows deserve, and what identifies a row
  within its parent (an empty key: its position);
- `x-scale` on a number: its decimal places. A setting has `multipleOf` say so instead, which
  targets that validate floats refuse: no float is a multiple of 0.0001;
- `x-parent-columns` beside it: properties of the parent that these rows repeat, so that they can
  be filtered by them, each with its name there.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_xero.models.fields import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_xero.models.fields import Field, Model

TENANT = "TenantID"

SCALE, STEP = "x-scale", "multipleOf"
"""The two ways to say how many decimal places a number has."""

ANNOTATIONS = ("x-references", "x-child-table", "x-parent-columns", SCALE, STEP)

_TYPES: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": ["string", "null"]},
    Kind.FLAG: {"type": ["boolean", "null"]},
    Kind.WHOLE: {"type": ["integer", "null"]},
    Kind.AMOUNT: {"type": ["number", "null"], SCALE: 4},
    Kind.RATE: {"type": ["number", "null"], SCALE: 10},
    Kind.DAY: {"type": ["string", "null"], "format": "date"},
    Kind.MOMENT: {"type": ["string", "null"], "format": "date-time"},
    Kind.MONTH: {"type": ["string", "null"]},
}


def stream_schema(
    model: Model, key: Sequence[str], keys: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The JSON Schema of a stream's records.

    Args:
        model: What a record is.
        key: Properties that identify a record within its organisation.
        keys: The same for every stream, by its name; `x-references` are made of it.

    Returns:
        A schema whose properties are, in order: the organisation, the record's own key,
        the lifted ids, and then Xero's fields.
    """
    tenant = {
        "type": "string",
        "description": "The Xero organisation (tenant) the record belongs to.",
    }
    properties = _properties(model, keys)
    for name in key:
        # A key is never null, so it is declared without.
        properties[name] = {**properties[name], "type": properties[name]["type"][0]}
    for field in model.fields:
        if field.child and (repeated := _on_children(model, properties, key)):
            properties[field.name]["x-parent-columns"] = repeated
    first = (*key, *(lift.name for lift in model.lifts))
    return {
        "type": "object",
        "description": model.about,
        "properties": {
            TENANT: tenant,
            **{name: properties[name] for name in first},
            **{name: schema for name, schema in properties.items() if name not in first},
        },
        "additionalProperties": True,
    }


def annotate(schema: dict[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Give a copy of a schema back the annotations it lost on its way through the SDK.

    The SDK's catalog keeps only the keywords of JSON Schema it knows, so a schema that
    went through a catalog, a selection or a stream map has no annotations any more.

    Args:
        schema: The copy; properties may be missing or new.
        source: The schema it was copied from.

    Returns:
        A new schema.
    """
    # A catalog may have been made when the setting was another one.
    result = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
    result |= {name: source[name] for name in ANNOTATIONS if name in source}
    if "properties" in schema:
        properties = source.get("properties", {})
        result["properties"] = {
            name: annotate(each, properties[name]) if name in properties else each
            for name, each in schema["properties"].items()
        }
    if "items" in schema and "items" in source:
        result["items"] = annotate(schema["items"], source["items"])
    return result


def with_steps(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema whose numbers state their decimal places by `multipleOf`.

    Args:
        schema: One whose numbers state them by `x-scale`.
    """
    result = {name: value for name, value in schema.items() if name != SCALE}
    if SCALE in schema:
        # Exact, as the SDK reads it from a catalog.
        result[STEP] = Decimal(1).scaleb(-schema[SCALE])
    if "properties" in schema:
        result["properties"] = {
            name: with_steps(each) for name, each in schema["properties"].items()
        }
    if "items" in schema:
        result["items"] = with_steps(schema["items"])
    return result


def _properties(model: Model, keys: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    properties = {field.name: _field(field, keys) for field in model.fields}
    for lift in model.lifts:
        properties.setdefault(
            lift.name,
            {
                **_TYPES[Kind.TEXT],
                "description": f"Lifted out of the embedded copy in {lift.source}.",
                "x-references": _reference(lift.refers, keys),
            },
        )
    return properties


def _field(field: Field, keys: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    if field.model is None:
        schema = {**_TYPES[field.kind], "description": field.about}
        if field.refers:
            schema["x-references"] = _reference(field.refers, keys)
        return schema
    inner = {
        "type": ["object", "null"],
        "properties": _properties(field.model, keys),
        "additionalProperties": True,
    }
    if field.kind is Kind.OBJECT:
        return {**inner, "description": field.about}
    schema = {"type": ["array", "null"], "items": inner, "description": field.about}
    if field.child:
        schema["x-child-table"] = {"name": field.child.table, "key": list(field.child.key)}
    return schema


def _on_children(model: Model, properties: Mapping[str, Any], key: Sequence[str]) -> dict[str, str]:
    """What child rows repeat of a record: ids as they are called, the rest after the model."""
    return {
        name: name if name.endswith("ID") or name.startswith(model.name) else model.name + name
        for name in model.on_children
        if name in properties and name not in key
    }


def _reference(stream: str, keys: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {"stream": stream, "properties": [TENANT, *keys[stream]]}
