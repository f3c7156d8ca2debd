"""From a row of Xero to a record: one function compiled for each stream.

A record has the organisation first, then the lifted ids, then what Xero sent, with
dates in ISO spelling and the noise of write responses taken out. Fields that no model
knows pass through. The function is made once per stream from the model and the
selection, because looking both up for every record costs more than the work itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_xero.api import wire
from tap_xero.models import dates
from tap_xero.models.fields import Kind
from tap_xero.models.schema import TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_xero.models.fields import Field, Lift, Model

    Change = Callable[[dict[str, Any]], None]
    Convert = Callable[[Any], Any]
    Selection = Mapping[tuple[str, ...], bool]

NOISE = (
    "Attachments",
    "HasErrors",
    "HasValidationErrors",
    "StatusAttributeString",
    "ValidationErrors",
    "Warnings",
)
"""What Xero says about writing a document, which leaks into reading it.

`Attachments` is only on single documents and only says what `HasAttachments` says.
Source: examples of Xero's specification.
"""

_QUIET = frozenset(
    {
        "Address",
        "AddressForOrganisation",
        "ContactPerson",
        "InvoiceAddress",
        "LineItem",
        "LineItemItem",
        "LineItemTracking",
        "Phone",
        "SalesTrackingCategory",
        "TaxBreakdownComponent",
    }
)
"""Models that cannot be written on their own, so nothing is said about writing them.

There are so many of these objects that looking for noise in them costs more than the
rest of the transform.
"""

_DATES: dict[Kind, Convert] = {
    Kind.DAY: dates.calendar_date,
    Kind.MOMENT: dates.instant,
    Kind.MONTH: dates.month,
}


def compile_transform(
    model: Model, selection: Selection, *, verbatim: bool
) -> Callable[[dict[str, Any], str], dict[str, Any]]:
    """Make the function that turns rows of one resource into records.

    Args:
        model: What a row is.
        selection: The catalog's selection by breadcrumb, as the SDK resolves it; a
            breadcrumb that is missing counts as its parent.
        verbatim: How `tap_xero.api.wire.decode` read the numbers.

    Returns:
        A function of a row and the organisation's id. It may change the row.
    """
    change = _compile(model, selection, (), verbatim=verbatim, noisy=True)
    lifts = _compile_lifts(model.lifts)
    dropped = {
        name
        for name in (*(lift.name for lift in model.lifts), TENANT)
        if not selection[("properties", name)]
    }

    def transform(row: dict[str, Any], tenant: str) -> dict[str, Any]:
        record: dict[str, Any] = {TENANT: tenant}
        for lift in lifts:
            lift(row, record)
        if change is not None:
            change(row)
        record.update(row)
        for name in dropped:
            record.pop(name, None)
        return record

    return transform


def _compile_lifts(
    lifts: tuple[Lift, ...],
) -> list[Callable[[dict[str, Any], dict[str, Any]], None]]:
    return [_lifter(lift) for lift in lifts]


def _lifter(lift: Lift) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    name, source, inner = lift.name, lift.source, lift.inner
    if not lift.suffixes and not lift.unless:

        def copy_id(row: dict[str, Any], record: dict[str, Any]) -> None:
            copy = row.get(source)
            if type(copy) is dict and inner in copy and name not in row:
                record[name] = copy[inner]

        return copy_id

    def copy_id_by_type(row: dict[str, Any], record: dict[str, Any]) -> None:
        copy = row.get(source)
        if type(copy) is not dict or inner not in copy or name in row:
            return
        kind = str(copy.get("Type") or "")
        if kind.endswith(lift.suffixes or "") and not (lift.unless and kind.endswith(lift.unless)):
            record[name] = copy[inner]

    return copy_id_by_type


def _compile(
    model: Model,
    selection: Selection,
    breadcrumb: tuple[str, ...],
    *,
    verbatim: bool,
    noisy: bool,
) -> Change | None:
    """The change an object of this model needs in place, or None if it needs none."""
    drop = tuple(NOISE) if noisy else ()
    convert: list[tuple[str, Convert]] = []
    inside: list[tuple[str, Change, bool]] = []
    for field in model.fields:
        here = (*breadcrumb, "properties", field.name)
        if not selection[here]:
            drop += (field.name,)
        elif field.model is not None:
            nested = _compile(
                field.model,
                selection,
                here,
                verbatim=verbatim,
                noisy=field.model.name not in _QUIET,
            )
            if nested is not None:
                inside.append((field.name, nested, field.kind is Kind.LIST))
        elif (conversion := _conversion(field, verbatim=verbatim)) is not None:
            convert.append((field.name, conversion))
    lifts = _compile_lifts(model.lifts) if breadcrumb else []
    if not (drop or convert or inside or lifts):
        return None
    if len(lifts) == 1 and not (drop or convert or inside):
        # The case of line items, of which there are more than of anything else.
        (only,) = lifts
        return lambda row: only(row, row)

    def change(row: dict[str, Any]) -> None:
        for name, conversion in convert:
            if name in row:
                row[name] = conversion(row[name])
        for name, nested, is_list in inside:
            value = row.get(name)
            if not value:
                continue
            if is_list:
                if type(value) is list:
                    for element in value:
                        if type(element) is dict:
                            nested(element)
            elif type(value) is dict:
                nested(value)
        for lift in lifts:
            lift(row, row)
        for name in drop:
            row.pop(name, None)

    return change


def _conversion(field: Field, *, verbatim: bool) -> Convert | None:
    if field.quoted:
        if field.kind is Kind.FLAG:
            return wire.boolean
        return lambda value: wire.number(value, verbatim=verbatim)
    return _DATES.get(field.kind)
