r"""Query tags as clients write them into a session's configuration: `key:value,key2:value2`.

Source: databricks-sql-connector, `serialize_query_tags`; a backslash escapes `\`, `,` and `:`.
"""

from __future__ import annotations


def parse_query_tags(text: str | None) -> dict[str, str | None]:
    """Tags by name; a tag without a value has None."""
    tags: dict[str, str | None] = {}
    if not text:
        return tags
    pieces, current, escaped = [], "", False
    separators: list[int] = []
    for character in text:
        if escaped:
            current += character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ",":
            pieces.append((current, separators))
            current, separators = "", []
        elif character == ":":
            separators.append(len(current))
            current += character
        else:
            current += character
    pieces.append((current, separators))
    for piece, cuts in pieces:
        if cuts:
            tags[piece[: cuts[0]].strip()] = piece[cuts[0] + 1 :]
        elif piece.strip():
            tags[piece.strip()] = None
    return tags
