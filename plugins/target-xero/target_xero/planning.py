"""What would be written: as loaded, as desired, and as Xero has it now.

Pure: records in, steps out. A field is sent when it is owned, differs from what Xero has, and is in
Xero as it was loaded (or as this target left it there). Anything else in Xero is an edit that
somebody made meanwhile: a conflict.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from target_xero import rules
from target_xero.values import canonical, overlay, plain, projection, same
from target_xero.wishes import loaded_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_xero.current import Document
    from target_xero.resources import Field, Resource
    from target_xero.wishes import Wish

SKIP, XERO, DATABRICKS = "skip", "xero", "databricks"
POLICIES = (SKIP, XERO, DATABRICKS)
"""Who has the last word on a field that both have changed; with `skip` a person has."""


@dataclass(frozen=True)
class Change:
    """A field that is to change.

    Attributes:
        name: Xero's name.
        before: What Xero has, as far as anything is desired of it.
        after: What is desired.
    """

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Step:
    """What becomes of a wish.

    Attributes:
        wish: What is asked for.
        verdict: `write`, `unchanged`, `conflict` or `rejected`.
        changes: Fields that differ.
        payload: What is sent.
        words: Why it is not written.
        id: Xero's id; None for a record to create.
        name: Its name, for people.
        updated: Xero's UpdatedDateUTC of what was there before, as Xero wrote it.
        undecided: Fields that stay in conflict until somebody decides, loads or no loads.
    """

    wish: Wish
    verdict: str
    changes: tuple[Change, ...] = ()
    payload: Mapping[str, Any] | None = None
    words: str = ""
    id: str | None = None
    name: str = ""
    updated: str = ""
    undecided: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The record's name in the ledger: its id, or the natural key of one to create."""
        return self.id or self.wish.key

    @property
    def action(self) -> str:
        """`create` or `update`."""
        return "update" if self.id else "create"


@dataclass(frozen=True)
class Past:
    """What the ledger knows of a record.

    Attributes:
        applied: Values as this target left them in Xero at last, by field.
        conflict: Of the last conflict that nobody has decided: by field, what Xero had and what was
            desired.
        made: Xero's id of the record that this target created under the wish's natural key.
    """

    applied: Mapping[str, Any]
    conflict: Mapping[str, tuple[Any, Any]]
    made: str | None = None


NO_PAST = Past({}, {})


def planned(
    wishes: Sequence[Wish],
    documents: Sequence[Document],
    loaded: Mapping[str, Mapping[str, Any]],
    past: Mapping[str, Past],
    policy: str,
    parents: Mapping[str, str],
) -> list[Step]:
    """What becomes of the wishes of one stream of one organisation.

    Args:
        wishes: What is asked for.
        documents: What Xero has.
        loaded: Values as loaded, by id.
        past: What the ledger knows, by id or natural key.
        policy: What to do in a conflict.
        parents: Statuses of what the records are part of, by id.
    """
    by_id = {_id(wishes[0].resource, document): document for document in documents}
    others: list[Mapping[str, Any]] = list(documents)
    steps: list[Step] = []
    for wish in wishes:
        if problems := rules.refusal_of_parent(wish.parent, parents):
            steps.append(_rejected(wish, problems, wish.id))
            continue
        step = _step(wish, by_id, others, loaded, past, policy)
        if step.id is None and step.verdict == "write":
            others.append({"Status": "ACTIVE", **wish.fields})
        steps.append(step)
    times = Counter(step.id for step in steps if step.id)
    words = "two rows ask for this record, one by its id and one by its natural key"
    return [
        replace(step, verdict="rejected", words=words) if step.id and times[step.id] > 1 else step
        for step in steps
    ]


def _step(
    wish: Wish,
    by_id: Mapping[str, Document],
    others: Sequence[Mapping[str, Any]],
    loaded: Mapping[str, Mapping[str, Any]],
    past: Mapping[str, Past],
    policy: str,
) -> Step:
    problems = [wish.problem] if wish.problem else []
    problems += rules.refusal_of_values(wish.resource, wish.fields)
    if problems:
        return _rejected(wish, problems, wish.id)
    if wish.id:
        now = by_id.get(wish.id)
        if now is None:
            return _rejected(wish, [f"Xero has no record with this {wish.resource.id}"], wish.id)
        return _update(wish, now, loaded, past, policy)
    now = _namesake(wish, by_id.values())
    made = past.get(wish.key, NO_PAST).made
    if now is None:
        return _create(wish, others)
    by_name = wish.resource.stream in ("tracking_categories", "contact_groups")
    if by_name and _id(wish.resource, now) != made:
        words = f"Xero has one of that name already ({now.get('Status', 'ACTIVE')}); name its id"
        return Step(wish, "conflict", _creation(wish), words=words, name=str(wish.natural))
    if now.get(wish.resource.status) == "ARCHIVED" and wish.resource.status not in wish.fields:
        words = f"Xero has it archived; set its {wish.resource.status} to ACTIVE to have it again"
        return _rejected(wish, [words], _id(wish.resource, now))
    return _update(wish, now, loaded, past, policy)


def _id(resource: Resource, document: Mapping[str, Any]) -> str:
    return str(document.get(resource.id) or "").lower()


def _namesake(wish: Wish, documents: Iterable[Document]) -> Document | None:
    """The record with the wish's natural key; of options, within the category."""
    resource = wish.resource
    for document in documents:
        if resource.parent and str(document[resource.parent]).lower() != wish.parent:
            continue
        if str(document.get(resource.natural) or "").casefold() == str(wish.natural).casefold():
            return document
    return None


def _rejected(wish: Wish, problems: Iterable[str], record_id: str | None) -> Step:
    words = "; ".join(problems)
    return Step(wish, "rejected", words=words, id=record_id, name=_name(wish, {}))


def _name(wish: Wish, now: Mapping[str, Any]) -> str:
    return str(now.get("Name") or wish.fields.get("Name") or wish.natural or "")


def _creation(wish: Wish) -> tuple[Change, ...]:
    return tuple(Change(name, None, value) for name, value in wish.fields.items())


def _create(wish: Wish, others: Sequence[Mapping[str, Any]]) -> Step:
    if problems := rules.refusal_of_create(wish.resource, wish.fields, others):
        return _rejected(wish, problems, None)
    status = wish.resource.status
    payload = {name: value for name, value in wish.fields.items() if name != status}
    if wish.resource.parent:
        payload[wish.resource.parent] = wish.parent
    return Step(wish, "write", _creation(wish), payload, name=_name(wish, {}))


def _update(
    wish: Wish,
    now: Document,
    loaded: Mapping[str, Mapping[str, Any]],
    past: Mapping[str, Past],
    policy: str,
) -> Step:
    resource, record_id = wish.resource, _id(wish.resource, now)
    values = loaded_values(resource, now)
    changes, merged, edited = [], {}, []
    base = {**loaded.get(record_id, {}), **(wish.loaded or {})}
    known = past.get(record_id, NO_PAST)
    for name, wanted in wish.fields.items():
        field = resource.fields[name]
        whole = overlay(field, values[name], wanted)
        if same(field, whole, values[name]):
            continue
        before = projection(field, values[name], wanted)
        if not _is_as_it_was(field, before, wanted, base, known):
            edited.append(name)
            if policy == XERO:
                continue
        changes.append(Change(name, before, wanted))
        merged[name] = whole
    step = Step(
        wish,
        "unchanged",
        tuple(changes),
        id=record_id,
        name=_name(wish, now),
        updated=str(now.get("UpdatedDateUTC") or ""),
    )
    if problems := rules.refusal_of_update(resource, now, merged) if merged else []:
        return replace(step, verdict="rejected", words="; ".join(problems))
    if edited and policy != DATABRICKS:
        unknown = [name for name in edited if name not in base and name not in known.applied]
        words = (
            f"{', '.join(unknown)}: as loaded is not known; load the record first"
            if unknown
            else f"{', '.join(edited)} changed in Xero since the load"
        )
        if policy == SKIP:
            undecided = tuple(name for name in edited if name not in unknown)
            return replace(step, verdict="conflict", words=words, undecided=undecided)
        step = replace(step, words=f"{words}; Xero's stays")
    if not merged:
        return step
    return replace(step, verdict="write", payload=_payload(resource, now, values, merged))


def _is_as_it_was(
    field: Field, before: Any, wanted: Any, base: Mapping[str, Any], known: Past
) -> bool:
    """Whether what Xero has of a field is what was loaded, or what this target left there."""
    sticking = known.conflict.get(field.name)
    if sticking and same(field, sticking[0], before) and same(field, sticking[1], wanted):
        return False
    bases = [source[field.name] for source in (base, known.applied) if field.name in source]
    return any(same(field, projection(field, each, wanted), before) for each in bases)


def _payload(
    resource: Resource,
    now: Document,
    values: Mapping[str, Any],
    merged: Mapping[str, Any],
) -> dict[str, Any]:
    """What to send: the id, what changes, and what Xero would lose or asks for."""
    payload = {resource.id: now[resource.id], **merged}
    if resource.parent:
        payload[resource.parent] = now[resource.parent]
    if resource.stream == "items":
        payload.setdefault("Code", now["Code"])
    if resource.stream == "contacts" and values["ContactPersons"]:
        # Xero says that persons who are not included are removed.
        payload.setdefault("ContactPersons", values["ContactPersons"])
    return payload


def is_applied(step_payload: Mapping[str, Any], resource: Resource, document: Document) -> bool:
    """Whether Xero has what was sent."""
    has = {plain(name): value for name, value in document.items()}
    for name, sent in step_payload.items():
        field = resource.fields.get(name)
        if field is None:
            continue
        value = canonical(field, has.get(plain(name)))
        wanted = canonical(field, sent)
        if not same(field, projection(field, value, wanted), wanted):
            return False
    return True
