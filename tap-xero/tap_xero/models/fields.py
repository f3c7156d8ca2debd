"""What a field of Xero's models is: the vocabulary in which `tap_xero.models` is written.

A model is data: a tuple of fields, each with a kind, a description and, where it
points elsewhere, the stream it refers to. JSON Schema (`tap_xero.models.schema`) and
the record transform (`tap_xero.sync.transform`) are both derived from it, so that what is
promised and what is sent cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Kind(Enum):
    """The types a field of Xero can have, as they appear on the Singer wire."""

    TEXT = "text"
    FLAG = "flag"
    WHOLE = "whole"
    AMOUNT = "amount"
    """Money, quantities and percentages: at most four decimals."""
    RATE = "rate"
    """Exchange rates and the like: at most ten decimals."""
    DAY = "day"
    """A calendar date: midnight UTC of a local date, so the date part is the value."""
    MOMENT = "moment"
    """An instant in UTC."""
    MONTH = "month"
    """A year and a month, `2026-08`."""
    OBJECT = "object"
    LIST = "list"


@dataclass(frozen=True)
class Child:
    """An array of objects whose rows deserve a table of their own.

    Attributes:
        table: Name of that table.
        key: Properties of the row that identify it within its parent; empty when Xero
            gives the row no identity and its position is all there is.
    """

    table: str
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """One property of a Xero model.

    Attributes:
        name: Xero's own name, verbatim.
        kind: Its type.
        about: What it means, for people.
        model: The shape of the object, or of the elements of the list.
        child: Set on a list whose rows deserve a table of their own.
        refers: The stream whose key (within the organisation) this value is.
        quoted: Xero is known to send the number or boolean as a string in this place.
    """

    name: str
    kind: Kind
    about: str
    model: Model | None = None
    child: Child | None = None
    refers: str | None = None
    quoted: bool = False


@dataclass(frozen=True)
class Lift:
    """The id of an embedded reference, repeated next to it so that it can be joined on.

    Attributes:
        name: Property that receives the id.
        source: Property that holds the embedded copy.
        inner: Name of the id inside the copy.
        refers: Stream the id belongs to.
        suffixes: When set, lift only if the copy's `Type` ends with one of these.
        unless: Do not lift if the copy's `Type` ends with one of these.
    """

    name: str
    source: str
    inner: str
    refers: str
    suffixes: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """The shape of one of Xero's objects.

    Attributes:
        name: Name of the model in Xero's specification.
        about: What it is.
        fields: Its properties, the identifying one first.
        lifts: Ids that the tap lifts out of embedded copies.
        partial: True for an embedded copy, in which Xero sends only some fields.
        on_children: Properties that the rows of its child tables repeat, to filter by, as far as
            it has them.
    """

    name: str
    about: str
    fields: tuple[Field, ...]
    lifts: tuple[Lift, ...] = ()
    partial: bool = False
    on_children: tuple[str, ...] = ()

    def copy(self, *names: str, extra: tuple[Field, ...] = ()) -> Model:
        """The shape of an embedded copy that shows only the named fields.

        Args:
            names: Fields of this model that the copy has.
            extra: Fields the copy has in a shape of its own.

        Raises:
            KeyError: A name is not a field of this model.
        """
        own = {field.name: field for field in self.fields}
        fields = tuple(own[name] for name in names) + extra
        present = {field.name for field in fields}
        lifts = tuple(lift for lift in self.lifts if lift.source in present)
        return replace(self, fields=fields, lifts=lifts, partial=True)


def text(name: str, about: str, *, refers: str | None = None) -> Field:
    """A string, an id or a code."""
    return Field(name, Kind.TEXT, about, refers=refers)


def flag(name: str, about: str, *, quoted: bool = False) -> Field:
    """A boolean."""
    return Field(name, Kind.FLAG, about, quoted=quoted)


def whole(name: str, about: str) -> Field:
    """An integer."""
    return Field(name, Kind.WHOLE, about)


def amount(name: str, about: str, *, quoted: bool = False) -> Field:
    """Money, a quantity or a percentage."""
    return Field(name, Kind.AMOUNT, about, quoted=quoted)


def rate(name: str, about: str) -> Field:
    """An exchange rate."""
    return Field(name, Kind.RATE, about)


def day(name: str, about: str) -> Field:
    """A calendar date."""
    return Field(name, Kind.DAY, about)


def moment(name: str, about: str) -> Field:
    """An instant in UTC."""
    return Field(name, Kind.MOMENT, about)


def month(name: str, about: str) -> Field:
    """A year and a month."""
    return Field(name, Kind.MONTH, about)


def one(name: str, model: Model, about: str) -> Field:
    """An object."""
    return Field(name, Kind.OBJECT, about, model=model)


def many(name: str, model: Model, about: str, *, child: Child | None = None) -> Field:
    """A list of objects."""
    return Field(name, Kind.LIST, about, model=model, child=child)


def lift(name: str, source: str, refers: str, *, inner: str | None = None) -> Lift:
    """The id of the embedded copy `source`, under `name`."""
    return Lift(name=name, source=source, inner=inner or name, refers=refers)
