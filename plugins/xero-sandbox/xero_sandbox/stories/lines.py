"""Line items: drawn, priced, summed and written as Xero writes them.

Quantities and unit amounts are integers of ten-thousandths, amounts integers of cents. Tax is
rounded to the cent on each line and then added up, as Xero does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from xero_sandbox.stories import profiles
from xero_sandbox.stories.organisation import Account, ItemFact, Organisation, uuid_text
from xero_sandbox.wire import fine, money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

EXCLUSIVE, INCLUSIVE, NO_TAX = "Exclusive", "Inclusive", "NoTax"

# How many lines a document has: averages four.
_COUNTS = (1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 7, 8)


class Line(NamedTuple):
    """A line item with its amounts.

    Attributes:
        id: LineItemID.
        description: What people read.
        quantity: Ten-thousandths.
        unit: Unit amount in ten-thousandths.
        account: What it is booked to.
        tax: Its tax rate.
        item: The product, if it is one.
        discount: Hundredths of a percent; 0 for none.
        tracking: The options chosen, ready for the wire.
        amount: LineAmount in cents.
        tax_amount: TaxAmount in cents.
        discount_amount: Cents taken off by the discount.
    """

    id: str
    description: str
    quantity: int
    unit: int
    account: Account
    tax: profiles.Tax
    item: ItemFact | None
    discount: int
    tracking: list[dict[str, Any]]
    amount: int
    tax_amount: int
    discount_amount: int


class Totals(NamedTuple):
    """Sums of a document in cents."""

    sub: int
    tax: int
    total: int
    discount: int


def half_up(numerator: int, denominator: int) -> int:
    """Return the quotient of two integers, rounded half away from zero."""
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def to_base(cents: int, rate: int) -> int:
    """Return an amount in base currency; `rate` is foreign units per base unit in millionths."""
    return cents if rate == 1_000_000 else half_up(cents * 1_000_000, rate)


def price(quantity: int, unit: int, discount: int, rate: int, mode: str) -> tuple[int, int, int]:
    """Return amount, tax and discount of a line in cents."""
    gross = (quantity * unit + 500_000) // 1_000_000
    amount = half_up(quantity * unit * (10_000 - discount), 10_000_000_000) if discount else gross
    if mode == EXCLUSIVE:
        tax = (amount * rate + 5_000) // 10_000
    elif mode == INCLUSIVE:
        tax = half_up(amount * rate, 10_000 + rate)
    else:
        tax = 0
    return amount, tax, gross - amount


def draw(
    organisation: Organisation,
    dice: Random,
    *,
    sale: bool,
    mode: str,
    taxed: bool = True,
    count: int | None = None,
) -> list[Line]:
    """Return the lines of a new document.

    Args:
        organisation: Whose document it is.
        dice: Decides everything.
        sale: Whether money comes in.
        mode: LineAmountTypes.
        taxed: False for documents abroad.
        count: How many lines; by default one to eight, four on average.
    """
    roll = dice.random
    accounts = organisation.sale_accounts if sale else organisation.cost_accounts
    standard, zero = (
        organisation.country.taxes[0 if sale else 1],
        organisation.country.taxes[2 if sale else 3],
    )
    items, tracking = organisation.untracked_items, organisation.tracking_wire
    lines = []
    # Ids of one document share a stem, which spares each line its own dice.
    stem = uuid_text(dice.getrandbits(128))[:-3]
    for number in range(count or _COUNTS[int(roll() * len(_COUNTS))]):
        chance = roll()
        item = items[int(roll() * len(items))] if chance < 0.45 else None
        if item is not None:
            quantity = (1 + int(roll() * 24)) * 10_000
            unit = item.price if sale else item.cost
            description = item.name
        else:
            quantity = 10_000 if chance < 0.8 else 2_500 * (1 + int(roll() * 30))
            unit = (1_000 + int(roll() ** 3 * 200_000)) * 100
            if chance > 0.95:
                unit += int(roll() * 100)
            description = profiles.DESCRIPTIONS[int(roll() * len(profiles.DESCRIPTIONS))]
        tax = zero if not taxed or mode == NO_TAX or roll() < 0.06 else standard
        discount = 500 * (1 + int(roll() * 4)) if sale and roll() < 0.06 else 0
        first = tracking[int(roll() * len(tracking))]
        lines.append(
            Line(
                f"{stem}{number:03x}",
                description,
                quantity,
                unit,
                accounts[int(roll() * len(accounts))],
                tax,
                item,
                discount,
                first[int(roll() * len(first))],
                *price(quantity, unit, discount, tax.rate, mode),
            )
        )
    return lines


def revised(lines: list[Line], mode: str) -> list[Line]:
    """Return the lines after an edit: the last one leaves, and of the first there is one more."""
    first = lines[0]
    quantity = first.quantity + 10_000
    amounts = price(quantity, first.unit, first.discount, first.tax.rate, mode)
    changed = first._replace(
        quantity=quantity, amount=amounts[0], tax_amount=amounts[1], discount_amount=amounts[2]
    )
    return [changed, *(lines[1:-1] if len(lines) > 1 else [])]


def totals(lines: Sequence[Line], mode: str) -> Totals:
    """Return SubTotal, TotalTax, Total and TotalDiscount."""
    amount = tax = discount = 0
    for line in lines:
        amount += line.amount
        tax += line.tax_amount
        discount += line.discount_amount
    if mode == INCLUSIVE:
        return Totals(amount - tax, tax, amount, discount)
    return Totals(amount, tax, amount + tax, discount)


def wire_line(line: Line) -> dict[str, Any]:
    """Return a line item as Xero sends it, with unit amounts to four places."""
    wire: dict[str, Any] = {
        "LineItemID": line.id,
        "Description": line.description,
        "Quantity": fine(line.quantity),
        "UnitAmount": fine(line.unit),
        "LineAmount": money(line.amount),
        "TaxType": line.tax.type,
        "TaxAmount": money(line.tax_amount),
        "AccountCode": line.account.fact.code,
        "AccountID": line.account.id,
        "Tracking": line.tracking,
    }
    if line.item is not None:
        wire["ItemCode"] = line.item.code
        wire["Item"] = {"ItemID": line.item.id, "Name": line.item.name, "Code": line.item.code}
    if line.discount:
        wire["DiscountRate"] = money(line.discount)
        wire["DiscountAmount"] = fine(line.discount_amount * 100)
        wire["DiscountEnteredAsPercent"] = True
    return wire
