"""The catalog that discovery prints, made of the tables of facts alone.

The SDK makes the same of a tap's streams, but to load it takes two seconds, and Meltano discovers
before every run. `tests/tap_xero/test_start.py` holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_xero.annexes import table as annexes
from tap_xero.models.resources import RESOURCES
from tap_xero.models.schema import TENANT
from tap_xero.reports import table as reports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_xero.models.resources import Resource

_OTHERS = ("stream_counts", "stream_ids", "stream_reads")
"""Settings of streams that are not in a table of facts."""


def catalog(config: Mapping[str, Any]) -> bytes | None:
    """The catalog as JSON, UTF-8; None where only the SDK can make it.

    Args:
        config: The tap's settings; they need be neither complete nor right.
    """
    steps = config.get("amount_scale") or "x-scale"
    if steps != "x-scale" or any(config.get(name) for name in _OTHERS):
        return None
    made = msgspec.json.encode({"streams": [_entry(each) for each in _resources(config)]})
    # In lines, as Meltano reads at most 64 KiB at once.
    return msgspec.json.format(made, indent=2)


def _resources(config: Mapping[str, Any]) -> Iterator[Resource]:
    """What the settings name, in the order in which it is read."""
    yield from RESOURCES
    for annex, parents in annexes.named(config):
        yield annexes.resource(annex, parents)
    for report in reports.named(config):
        yield reports.resource(report)


def _entry(resource: Resource) -> dict[str, Any]:
    keys = (TENANT, *resource.key)
    bookmark = resource.updated if resource.since else None
    incremental = {} if bookmark is None else {"replication_key": bookmark}
    return {
        "tap_stream_id": resource.stream,
        **incremental,
        "replication_method": "INCREMENTAL" if incremental else "FULL_TABLE",
        "key_properties": keys,
        "schema": resource.schema,
        "stream": resource.stream,
        "metadata": [
            *_properties(resource.schema, {*keys, bookmark}, ()),
            {
                "breadcrumb": [],
                "metadata": {
                    "inclusion": "available",
                    "selected": True,
                    "selected-by-default": True,
                    "table-key-properties": keys,
                    **{name.replace("_", "-"): value for name, value in incremental.items()},
                    **({} if bookmark is None else {"valid-replication-keys": [bookmark]}),
                },
            },
        ],
    }


def _properties(
    schema: Mapping[str, Any], automatic: set[str | None], above: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Metadata of properties, and of what is in them; a key cannot be left out."""
    for name, inner in schema.get("properties", {}).items():
        breadcrumb = [*above, "properties", name]
        inclusion = "automatic" if not above and name in automatic else "available"
        yield {"breadcrumb": breadcrumb, "metadata": {"inclusion": inclusion}}
        yield from _properties(inner, automatic, breadcrumb)
