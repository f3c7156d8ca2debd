"""Records as Xero has them at this moment.

Contacts are asked for by id, 40 a call, since an organisation may have a hundred thousand; all else
is listed whole, in one call a stream.

Source: Xero, Contacts (`IDs`, `includeArchived`; an address of some 52 ids is too long); Xero,
Requests and responses (`where`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tap_xero.api import envelope as envelope_of
from tap_xero.api.client import read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from tap_xero.api.client import Client, Tenant
    from tap_xero.api.usage import Usage

    from target_xero.resources import Resource

Document = dict[str, Any]
T = TypeVar("T")

IDS = 40
"""Ids that one address may name."""

NUMBERS = 20
"""Contact numbers that one filter may name; they are up to 50 characters each."""

_LISTS: Mapping[str, Mapping[str, str]] = {
    "Accounts": {},
    "ContactGroups": {},
    "Items": {"unitdp": "4"},
    "TrackingCategories": {"includeArchived": "true"},
}
_CONTACTS = {"includeArchived": "true", "page": "1"}


class Books:
    """What Xero has, of one organisation; each list is read once.

    Args:
        client: Calls Xero.
        tenant: The organisation.
        usage: Is told what it costs.
    """

    def __init__(self, client: Client, tenant: Tenant, usage: Usage) -> None:
        self._client, self._usage, self.tenant = client, usage, tenant
        self._lists: dict[str, list[Document]] = {}
        self._contacts: dict[str, Document] = {}

    def forget(self) -> None:
        """Read everything anew from now on."""
        self._lists.clear()
        self._contacts.clear()

    def records(
        self, resource: Resource, ids: Collection[str], naturals: Collection[str]
    ) -> list[Document]:
        """Records of a stream: at least those with these ids or natural keys, archived ones too."""
        if resource.stream != "contacts":
            return self._listed(resource)
        self._read_contacts("ContactID", ids)
        self._read_contacts("ContactNumber", naturals)
        return list(self._contacts.values())

    def parents(self, resource: Resource) -> dict[str, str]:
        """Statuses of what records of a stream are part of, by id in small letters."""
        if resource.parent is None:
            return {}
        self._listed(resource)
        return {
            str(each[resource.parent]).lower(): str(each.get("Status") or "")
            for each in self._lists[resource.path]
        }

    def _listed(self, resource: Resource) -> list[Document]:
        if resource.path not in self._lists:
            content = self._get(resource.path, dict(_LISTS[resource.path]))
            self._lists[resource.path] = _rows(content, resource.path)
        listed = self._lists[resource.path]
        return list(_options(listed)) if resource.parent else listed

    def _read_contacts(self, name: str, values: Collection[str]) -> None:
        known = {str(contact.get(name) or "") for contact in self._contacts.values()}
        most = IDS if name == "ContactID" else NUMBERS
        for some in chunks(sorted(set(values) - known), most):
            where = (
                {"IDs": ",".join(some)}
                if name == "ContactID"
                else {"where": " OR ".join(f'ContactNumber=="{number}"' for number in some)}
            )
            for row in _rows(self._get("Contacts", {**_CONTACTS, **where}), "Contacts"):
                self._contacts[str(row["ContactID"]).lower()] = row

    def _get(self, path: str, params: dict[str, str]) -> bytes:
        return self._client.ask(self.tenant, path, params, usage=self._usage)


def chunks(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The values, at most so many at a time."""
    for start in range(0, len(values), most):
        yield values[start : start + most]


def _rows(content: bytes, name: str) -> list[Document]:
    return [
        row
        for row in envelope_of.rows(read(content, verbatim=False), name) or ()
        if isinstance(row, dict)
    ]


def _options(categories: Iterable[Document]) -> Iterator[Document]:
    """The options of categories, each with its category's id."""
    for category in categories:
        for option in category.get("Options") or ():
            yield {**option, "TrackingCategoryID": category["TrackingCategoryID"]}
