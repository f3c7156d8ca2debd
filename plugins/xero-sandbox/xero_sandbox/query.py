"""The language of `where` and `order`, parsed into the trees of `expressions`.

It is the subset of .NET expressions that Xero documents: comparisons, AND, OR, NOT, parentheses,
`DateTime(…)`, `Guid("…")`, nested properties, `null`, booleans and the string methods Contains,
StartsWith, EndsWith, ToLower and ToUpper.

Source: Xero, "Requests and responses" (filtering and ordering).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from xero_sandbox.expressions import (
    Comparison,
    Expression,
    Junction,
    Literal,
    Not,
    Operand,
    Property,
    TextTest,
    date_literal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<symbol>==|!=|<>|<=|>=|&&|\|\||[=<>!().,])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {
    "==": "==",
    "=": "==",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_MIDNIGHT = (0, 0, 0, 0)
_CHANGES = {"tolower": "lower", "toupper": "upper"}
_TESTS = {"contains", "startswith", "endswith"}
_KINDS = {"s": "String", "u": "Guid", "d": "DateTime", "n": "Decimal", "b": "Boolean"}


class QueryError(ValueError):
    """An expression that Xero would refuse with a QueryParseException."""


def parse_where(text: str, types: Mapping[str, str], entity: str) -> Expression:
    """Parse a `where` expression.

    Args:
        text: The expression as it came, URL-decoded.
        types: Property path to one-letter type (see `endpoints.Endpoint.fields`).
        entity: What a document is called in error messages.

    Returns:
        The tree.

    Raises:
        QueryError: The text is not an expression over these properties.
    """
    return _Parser(text, types, entity).whole()


def parse_order(text: str, types: Mapping[str, str], entity: str) -> list[tuple[str, bool]]:
    """Parse an `order` parameter: `Field [ASC|DESC]`, several separated by commas.

    Returns:
        (property path, descending) pairs.

    Raises:
        QueryError: A property is unknown or the direction is neither ASC nor DESC.
    """
    keys = []
    for item in text.split(","):
        words = item.split()
        direction = words[1].upper() if len(words) == 2 else "ASC"
        if len(words) not in (1, 2) or direction not in ("ASC", "DESC"):
            raise QueryError(f"Syntax error in order '{text}'")
        keys.append((_property(words[0], types, entity).path, direction == "DESC"))
    return keys


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str, types: Mapping[str, str], entity: str) -> None:
        self._text = text
        self._types = types
        self._entity = entity
        self._tokens = _tokenise(text)
        self._at = 0

    def whole(self) -> Expression:
        tree = self._either()
        if self._at != len(self._tokens):
            raise self._syntax_error()
        return tree

    def _syntax_error(self) -> QueryError:
        text = self._tokens[self._at][1] if self._at < len(self._tokens) else "end of expression"
        return QueryError(f"Syntax error at '{text}' in '{self._text}'")

    def _take(self, *words: str) -> str | None:
        """The next token when it is one of these words or symbols, compared in upper case."""
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind in ("name", "symbol") and text.upper() in words:
                self._at += 1
                return text
        return None

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._syntax_error()

    def _junction(self, word: str, symbol: str, part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self._take(word, symbol):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _either(self) -> Expression:
        return self._junction("OR", "||", self._both)

    def _both(self) -> Expression:
        return self._junction("AND", "&&", self._single)

    def _single(self) -> Expression:
        if self._take("NOT", "!"):
            return Not(self._single())
        if self._take("("):
            tree = self._either()
            self._expect(")")
            return tree
        left = self._operand()
        if isinstance(left, TextTest):
            expected = self._equals_boolean()
            return left if expected else Not(left)
        operator = self._take(*_COMPARISONS)
        if operator is None:
            if isinstance(left, Property) and left.kind == "b":
                return Comparison(left, "==", Literal(value=True, kind="b"))
            raise QueryError(f"Expression of type 'Boolean' expected in '{self._text}'")
        right = self._operand()
        if isinstance(right, TextTest):
            raise self._syntax_error()
        return _comparison(left, _COMPARISONS[operator], right)

    def _equals_boolean(self) -> bool:
        """`Name.Contains("x")` stands alone or is compared with true or false."""
        operator = self._take("==", "=", "!=", "<>")
        if operator is None:
            return True
        word = self._take("TRUE", "FALSE")
        if word is None:
            raise self._syntax_error()
        return (word.upper() == "TRUE") == (_COMPARISONS[operator] == "==")

    def _operand(self) -> Operand | TextTest:
        if self._at >= len(self._tokens):
            raise self._syntax_error()
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "string":
            return Literal(_unquote(text), "s")
        if kind == "number":
            return Literal(float(text), "n")
        if kind == "name":
            word = text.lower()
            if word == "null":
                return Literal(None, "null")
            if word in ("true", "false"):
                return Literal(word == "true", "b")
            if word == "datetime":
                return self._date()
            if word == "guid":
                return self._guid()
            return self._path(text)
        self._at -= 1
        raise self._syntax_error()

    def _arguments(self) -> list[str]:
        """The raw literals between parentheses."""
        self._expect("(")
        values: list[str] = []
        while not self._take(")"):
            if values:
                self._expect(",")
            if self._at >= len(self._tokens) or self._tokens[self._at][0] not in (
                "string",
                "number",
            ):
                raise self._syntax_error()
            values.append(self._tokens[self._at][1])
            self._at += 1
        return values

    def _date(self) -> Literal:
        if self._take("."):
            self._expect("PARSE")
            values = [_unquote(value) for value in self._arguments()]
            try:
                moment = parse_moment(values[0])
            except (IndexError, ValueError):
                raise QueryError(f"DateTime.Parse cannot read its text in '{self._text}'") from None
            return date_literal(moment)
        try:
            year, month, day, *time = (int(value) for value in self._arguments())
            hour, minute, second, milliseconds = (*time, *_MIDNIGHT[len(time) :])
            moment = datetime(year, month, day, hour, minute, second, milliseconds * 1000, UTC)
        except (ValueError, OverflowError):
            raise QueryError(f"DateTime(…) is not a date in '{self._text}'") from None
        return date_literal(moment)

    def _guid(self) -> Literal:
        try:
            (text,) = self._arguments()
            return Literal(str(UUID(_unquote(text))), "u")
        except ValueError:
            raise QueryError(f"Guid(…) is not a guid in '{self._text}'") from None

    def _path(self, first: str) -> Property | TextTest:
        names = [first]
        change: str | None = None
        while self._take("."):
            if self._at >= len(self._tokens) or self._tokens[self._at][0] != "name":
                raise self._syntax_error()
            name = self._tokens[self._at][1]
            self._at += 1
            if name.lower() in _TESTS:
                return self._text_test(_changed(self._find(names), change), name)
            if name.lower() in _CHANGES:
                self._expect("(")
                self._expect(")")
                change = _CHANGES[name.lower()]
            else:
                names.append(name)
        return _changed(self._find(names), change)

    def _find(self, names: list[str]) -> Property:
        return _property(".".join(names), self._types, self._entity)

    def _text_test(self, subject: Property, method: str) -> TextTest:
        arguments = self._arguments()
        if subject.kind != "s" or len(arguments) != 1 or not arguments[0].startswith('"'):
            raise QueryError(f"'{method}' takes one text and a text property in '{self._text}'")
        return TextTest(subject, method.lower(), _unquote(arguments[0]))


def _tokenise(text: str) -> list[tuple[str, str]]:
    tokens = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _TOKEN.match(stripped, at)
        if match is None:
            raise QueryError(f"Syntax error at position {at} in '{text}'")
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        at = match.end()
    return tokens


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _property(path: str, types: Mapping[str, str], entity: str) -> Property:
    # Property names are not sensitive to case in Xero's language.
    for name, kind in types.items():
        if name.lower() == path.lower():
            return Property(name, kind)
    raise QueryError(f"No property or field '{path}' exists in type '{entity}'")


def _changed(subject: Property, change: str | None) -> Property:
    if change and subject.kind != "s":
        raise QueryError(f"'{subject.path}' is not a text")
    return Property(subject.path, subject.kind, change)


def _comparison(left: Operand, operator: str, right: Operand) -> Comparison:
    kinds = {left.kind, right.kind} - {"null"}
    if len(kinds) > 1:
        raise QueryError(
            f"Operator '{operator}' incompatible with operand types "
            f"'{_KINDS.get(left.kind, 'null')}' and '{_KINDS.get(right.kind, 'null')}'"
        )
    return Comparison(left, operator, right)


def parse_moment(text: str) -> datetime:
    """Read an ISO date or timestamp; without a zone it is UTC.

    Raises:
        ValueError: The text is neither.
    """
    # Python 3.10 knows neither the Z nor fractions of other than 3 or 6 digits.
    cleaned = re.sub(r"\.(\d+)", lambda m: "." + m[1][:6].ljust(6, "0"), text.strip())
    moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", cleaned))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
