"""Just enough of SQL's text to find a statement's own words: tokens, names, and a reader over both.

This does not parse SQL. Spark does; the sandbox looks at the words it has to know and leaves the
rest of the text exactly as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from databricks_sandbox.errors import SqlError

_TOKEN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*|/\*.*?\*/)
    | (?P<name>`(?:[^`]|``)*`)
    | (?P<text>[rR]?'(?:[^'\\]|\\.|'')*'|[rR]?"(?:[^"\\]|\\.|"")*")
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>[^\W\d]\w*)
    | (?P<mark>=>|<=>|::|[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A word, a delimited name, a string, a number or a mark, and where it stands.

    Attributes:
        kind: `word`, `name`, `text`, `number` or `mark`.
        text: as it is written.
        start: offset of its first character.
        end: offset behind its last one.
    """

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The word in upper case; other tokens as they are written."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def value(self) -> str:
        """The name or string that is meant."""
        if self.kind == "name":
            return self.text[1:-1].replace("``", "`")
        if self.kind == "text":
            return _string(self.text)
        return self.text


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text; comments and white space are left out."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "mark"
        if kind != "space":
            yield Token(kind, match[0], match.start(), match.end())


def head(text: str, count: int = 24) -> str:
    """The first words of a statement in upper case, one space between them."""
    words = []
    for token in tokens(text):
        words.append(token.upper)
        if len(words) == count:
            break
    return " ".join(words)


class Reader:
    """Reads a statement from left to right.

    Args:
        text: the whole statement.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokens(text))
        while self.tokens and self.tokens[-1].text == ";":
            self.tokens.pop()
        self.position = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """The next token, or one further on; None at the end."""
        index = self.position + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def accept(self, *words: str) -> bool:
        """Step over these words if they come next."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token is None or token.upper != word:
                return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Step over these words; anything else is a syntax error."""
        if not self.accept(*words):
            raise self.error()

    def next(self) -> Token:
        """The next token, stepped over."""
        token = self.peek()
        if token is None:
            raise self.error()
        self.position += 1
        return token

    def word(self) -> str:
        """The next identifier."""
        token = self.next()
        if token.kind not in ("word", "name"):
            self.position -= 1
            raise self.error()
        return token.value

    def string(self) -> str:
        """The next string literal."""
        token = self.next()
        if token.kind != "text":
            self.position -= 1
            raise self.error()
        return token.value

    def name(self) -> tuple[str, ...]:
        """The next name, in its parts."""
        parts = [self.word()]
        while self.accept("."):
            parts.append(self.word())
        return tuple(parts)

    def names_in_parentheses(self) -> list[str]:
        """`(a, b)`: identifiers, what follows each (`TIMESERIES`, `ASC`) left out."""
        self.expect("(")
        names = [self.word()]
        while not self.accept(")"):
            if self.accept(","):
                names.append(self.word())
            else:
                self.next()
        return names

    def pairs_in_parentheses(self) -> dict[str, str]:
        """`('a' = 'b', 'c')`: a value left out is empty."""
        self.expect("(")
        pairs = {}
        while True:
            key = self.next().value
            pairs[key] = self.next().value if self.accept("=") or self.accept("=>") else ""
            if self.accept(")"):
                return pairs
            self.expect(",")

    @property
    def at_end(self) -> bool:
        """Nothing is left."""
        return self.position >= len(self.tokens)

    def expect_end(self) -> None:
        """Anything left is a syntax error."""
        if not self.at_end:
            raise self.error()

    def error(self) -> SqlError:
        """A syntax error at the next token."""
        token = self.peek()
        near = f"'{token.text}'" if token else "end of input"
        line = self.text.count("\n", 0, token.start if token else len(self.text)) + 1
        return SqlError("PARSE_SYNTAX_ERROR", f"Syntax error at or near {near} (line {line}).")


def splice(text: str, changes: list[tuple[int, int, str]]) -> str:
    """A text with pieces replaced: start, end, and what stands there instead."""
    for start, end, instead in sorted(changes, reverse=True):
        text = text[:start] + instead + text[end:]
    return text


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


def _string(literal: str) -> str:
    if literal[0] in "rR":
        return literal[2:-1]
    mark, body = literal[0], literal[1:-1]
    body = body.replace(mark * 2, mark)
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), body, flags=re.DOTALL)
