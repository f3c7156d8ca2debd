"""Markdown of the repository, as GitHub reads it, for Python-Markdown; and parts of documents.

Source: GitHub Flavored Markdown, 5.2 and 5.3 (a list item's content begins where its text does, and
a list may follow a paragraph at once); Python-Markdown, Syntax, Lists (four spaces, a blank line).
"""

from __future__ import annotations

import re

HEADING = re.compile(r"(#{1,6}) (.+)")
FENCE = re.compile(r" *(```|~~~)")
ITEM = re.compile(r"(?P<mark>[-*+]|\d+\.)(?P<gap> +)(?=\S)")


class NoSuchPartError(LookupError):
    """A document lacks the part that is asked for."""


def slug(heading: str) -> str:
    """What a heading is called in a link, as GitHub and Python-Markdown agree."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def section(text: str, name: str) -> str:
    """The section of that slug, its heading on the second level and those below it accordingly.

    Raises:
        NoSuchPartError: No heading has the slug.
    """
    lines, depth = [], 0
    for line, heading in _headings(text):
        level = len(heading[1]) if heading else 0
        if depth and level and level <= depth:
            break
        if not depth and heading and slug(heading[2]) == name:
            depth = level
        if depth:
            lines.append(f"{'#' * (level - depth + 2)} {heading[2]}" if heading else line)
    if not lines:
        raise NoSuchPartError(f"there is no section #{name}")
    return "\n".join(lines).strip() + "\n"


def step(text: str, name: str, number: int) -> str:
    """What a numbered item of a section says, as paragraphs.

    Raises:
        NoSuchPartError: The section, or an item of that number, is not there.
    """
    taken: list[str] | None = None
    for line in section(text, name).splitlines():
        begins = re.match(r"(\d+)\. +(.*)", line)
        if begins and int(begins[1]) == number:
            taken = [begins[2]]
        elif taken is not None and (begins or (line and not line.startswith(" "))):
            break
        elif taken is not None:
            taken.append(line.removeprefix("   "))
    if taken is None:
        raise NoSuchPartError(f"#{name} has no item {number}")
    return "\n".join(taken).strip() + "\n"


def opening(text: str) -> str:
    """What stands between a document's title and its first section."""
    lines = []
    for line, heading in _headings(text):
        if heading and lines:
            break
        if not heading:
            lines.append(line)
    return "\n".join(lines).strip() + "\n"


def anchors(text: str) -> set[str]:
    """What links of a text can lead to in it."""
    return {f"#{slug(heading[2])}" for _, heading in _headings(text) if heading}


def for_python_markdown(text: str) -> str:
    """The same document, items of lists indented and set apart as Python-Markdown wants it."""
    lines: list[str] = []
    contents: list[int] = []  # the columns at which the open items' text begins
    fenced = False
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        apart = not lines or not lines[-1].strip()
        item = None if fenced else ITEM.match(line.lstrip(" "))
        if not line.strip():
            lines.append("")
            continue
        if not fenced and (apart or item):
            while contents and indent < contents[-1]:
                contents.pop()
        depth, column = len(contents), contents[-1] if contents else 0
        if item and indent - column < 4:
            if not apart and not _goes_on(lines[-1]):
                lines.append("")
            lines.append(f"{' ' * 4 * depth}{item['mark']} {line.lstrip(' ')[item.end() :]}")
            contents.append(indent + item.end())
        else:
            lines.append(
                " " * 4 * depth + (line[column:] if indent >= column else line.lstrip(" "))
            )
        if FENCE.match(line):
            fenced = not fenced
    return "\n".join(lines) + "\n"


def _goes_on(line: str) -> bool:
    """Whether a line belongs to a list already, so that an item may follow it."""
    return line.startswith("    ") or bool(ITEM.match(line))


def _headings(text: str) -> list[tuple[str, re.Match[str] | None]]:
    """Each line, and what it says where it is a heading; comments in code are none."""
    found, fenced = [], False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        found.append((line, None if fenced else HEADING.fullmatch(line)))
    return found
