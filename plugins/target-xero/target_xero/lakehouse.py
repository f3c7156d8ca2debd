"""Records as loaded: the tables that target-databricks keeps.

Source: target-databricks, README (snake_case columns; child tables have the key of their parent and
`_sdc_position`; `_sdc_deleted_at` marks what is gone).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from target_xero.wishes import loaded_values

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from target_xero.resources import Resource

CHILDREN: Mapping[str, str] = {
    "Addresses": "contact_addresses",
    "Phones": "contact_phones",
    "ContactPersons": "contact_persons",
}
"""Fields of contacts that are tables of their own."""

Key = tuple[str, str]
"""Organisation and id, both in small letters."""


class Lakehouse:
    """The tables of a schema.

    Args:
        root: Folder or URL of the lakehouse.
        schema: Schema of the tables.
        options: Options of the object store.
    """

    def __init__(self, root: str, schema: str, options: Mapping[str, str] | None = None) -> None:
        self._root, self._options = f"{root.rstrip('/')}/{schema}", dict(options or {})

    def count(self, resource: Resource) -> int:
        """Rows of a stream, all organisations together."""
        return len(self._rows(resource.stream, None, None))

    def loaded(
        self, resource: Resource, ids: Collection[str], fields: Collection[str]
    ) -> dict[Key, dict[str, Any]]:
        """Values as loaded of the records with these ids.

        Args:
            resource: The stream.
            ids: Ids in small letters.
            fields: Fields that are asked for; others may be left out.
        """
        id_column = _snake(resource.id)
        rows = {
            (str(row["tenant_id"]).lower(), str(row[id_column]).lower()): dict(row)
            for row in self._rows(resource.stream, id_column, ids)
        }
        for name in sorted(set(fields) & CHILDREN.keys()):
            for key, children in self._children(CHILDREN[name], id_column, ids).items():
                if key in rows:
                    rows[key][name] = children
        return {key: loaded_values(resource, row) for key, row in rows.items()}

    def _children(
        self, table: str, id_column: str, ids: Collection[str]
    ) -> dict[Key, list[dict[str, Any]]]:
        grouped: dict[Key, list[dict[str, Any]]] = defaultdict(list)
        for row in sorted(
            self._rows(table, id_column, ids), key=lambda row: row.get("_sdc_position") or 0
        ):
            grouped[str(row["tenant_id"]).lower(), str(row[id_column]).lower()].append(row)
        return grouped

    def _rows(
        self, table: str, id_column: str | None, ids: Collection[str] | None
    ) -> list[dict[str, Any]]:
        if ids is not None and not ids:
            return []
        try:
            delta = DeltaTable(f"{self._root}/{table}", storage_options=self._options)
        except TableNotFoundError:
            return []
        dataset = delta.to_pyarrow_dataset()
        live = pc.field("_sdc_deleted_at").is_null()
        if id_column is None or ids is None:
            columns = ["tenant_id"]
        else:
            columns = dataset.schema.names
            live = live & pc.field(id_column).isin(sorted(ids))
        rows: list[dict[str, Any]] = dataset.to_table(columns=columns, filter=live).to_pylist()
        return rows


def _snake(name: str) -> str:
    """`ContactID` as target-databricks names its column."""
    return f"{''.join(f'_{c.lower()}' if c.isupper() else c for c in name[:-2]).strip('_')}_id"
