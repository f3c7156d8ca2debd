"""Conditions on documents as a small tree, and the SQL that a tree stands for.

Made by `query` from text and by `app.reading` from parameters; nothing here touches the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xero_sandbox.wire import to_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

Scalar = str | float | bool | None


@dataclass(frozen=True)
class Literal:
    """A constant; dates are milliseconds since 1970, guids lower-case text."""

    value: Scalar
    kind: str


@dataclass(frozen=True)
class Property:
    """A property of the document, perhaps nested, perhaps lower- or upper-cased."""

    path: str
    kind: str
    change: str | None = None


Operand = Literal | Property


@dataclass(frozen=True)
class Comparison:
    """`left operator right`; with null, only == and != can hold."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True)
class TextTest:
    """`subject.Contains(text)` and its two siblings; never true of a missing text."""

    subject: Property
    method: str
    text: str
    ignore_case: bool = False


@dataclass(frozen=True)
class Membership:
    """The property is one of the values."""

    subject: Property
    values: tuple[str, ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Expression


@dataclass(frozen=True)
class Junction:
    """All parts hold (AND) or at least one does (OR)."""

    word: str
    parts: tuple[Expression, ...]


Expression = Comparison | TextTest | Membership | Not | Junction


def all_of(parts: Sequence[Expression]) -> Expression | None:
    """Join conditions that must all hold; None when there is none."""
    return parts[0] if len(parts) == 1 else Junction("AND", tuple(parts)) if parts else None


def property_of(path: str, types: Mapping[str, str]) -> Property:
    """A property that the table of endpoints names."""
    return Property(path, types[path])


def paths_of(tree: Expression) -> list[str]:
    """The properties that a condition looks at."""
    if isinstance(tree, Comparison):
        return [item.path for item in (tree.left, tree.right) if isinstance(item, Property)]
    if isinstance(tree, Not):
        return paths_of(tree.part)
    if isinstance(tree, Junction):
        return [path for part in tree.parts for path in paths_of(part)]
    return [tree.subject.path]


def date_literal(moment: datetime) -> Literal:
    """A date as the language compares it."""
    return Literal(to_ms(moment), "d")


def to_sql(tree: Expression, column: Callable[[str, str], str]) -> tuple[str, list[Scalar]]:
    """Write a tree as an SQL condition that is 0 or 1, never NULL.

    Args:
        tree: The expression.
        column: Gives the SQL of a property from its path and its type; dates must come out as
            milliseconds since 1970.

    Returns:
        The condition and its parameters.
    """
    parameters: list[Scalar] = []

    def operand(item: Operand) -> str:
        if isinstance(item, Literal):
            parameters.append(item.value)
            return "?"
        sql = column(item.path, item.kind)
        return f"{item.change}({sql})" if item.change else sql

    def condition(node: Expression) -> str:
        if isinstance(node, Comparison):
            left, right = operand(node.left), operand(node.right)
            if node.operator in ("==", "!="):
                return f"({left} {'IS' if node.operator == '==' else 'IS NOT'} {right})"
            return f"ifnull({left} {node.operator} {right}, 0)"
        if isinstance(node, TextTest):
            return _text_test_sql(operand(node.subject), node, parameters)
        if isinstance(node, Membership):
            subject = operand(node.subject)
            parameters.extend(node.values)
            return f"ifnull({subject} IN ({', '.join('?' * len(node.values))}), 0)"
        if isinstance(node, Not):
            return f"(NOT {condition(node.part)})"
        return "(" + f" {node.word} ".join(condition(part) for part in node.parts) + ")"

    return condition(tree), parameters


def _text_test_sql(subject: str, node: TextTest, parameters: list[Scalar]) -> str:
    text = node.text.lower() if node.ignore_case else node.text
    subject = f"lower({subject})" if node.ignore_case else subject
    if node.method == "contains":
        parameters.append(text)
        return f"ifnull(instr({subject}, ?) > 0, 0)"
    parameters.append(text)
    if node.method == "startswith":
        return f"ifnull(substr({subject}, 1, {len(text)}) = ?, 0)"
    # substr counts from the end when negative; an empty text ends every text.
    return (
        f"ifnull(substr({subject}, -{len(text)}) = ?, 0)"
        if text
        else f"({subject} || ? IS NOT NULL)"
    )
