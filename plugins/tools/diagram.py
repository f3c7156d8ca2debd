"""Entity diagrams as SVG: tables in columns, each to the left of what it points at.

A page that has one in it needs no script and no network. Pointing at a table shows its references
alone; its name leads to its section of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, GAP, LINE, APART = 200, 120, 15, 14
"""Of a box, between columns, of a line of text, between boxes; in pixels."""
COLUMNS = 4
"""As many as a page has room for; what is further from the last one stands in the first."""
SPACE = 'xmlns="http://www.w3.org/2000/svg"'
STYLE = """\
.md-typeset figure.entities {width: 100%; overflow-x: auto}
svg.entities {font: 12px sans-serif; width: 100%; min-width: 900px}
svg.entities {color: var(--md-default-fg-color, #222)}
svg.entities rect {fill: var(--md-default-bg-color, #fff); stroke: currentColor}
svg.entities text {fill: currentColor}
svg.entities .name {font-weight: bold}
svg.entities a:hover rect {stroke-width: 2}
svg.entities path {fill: none; stroke: currentColor; opacity: .3}"""


@dataclass(frozen=True)
class Entity:
    """A table of a diagram.

    Attributes:
        name: Its name, and that of its section in the page.
        lines: What else its box says: its key, tables that hang on it.
        references: Names of the tables that it points at; others than those of the diagram,
            and itself, are left out.
    """

    name: str
    lines: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Box:
    """Where a table is drawn: its upper left corner, and how high it is."""

    x: int
    y: int
    height: int


def svg(title: str, entities: Sequence[Entity]) -> str:
    """The diagram, for a page of HTML.

    Args:
        title: What it shows, for those who cannot see it.
        entities: Tables, in the order that they keep where nothing speaks for another one.
    """
    pointed = {
        each.name: [n for n in each.references if n != each.name and n in _names(entities)]
        for each in entities
    }
    columns = _ordered(_columns(pointed), pointed)
    boxes = _placed(columns, {each.name: each for each in entities})
    width = max(box.x for box in boxes.values()) + WIDTH + 10
    height = max(box.y + box.height for box in boxes.values()) + 10
    return "\n".join(
        [
            f'<svg class="entities" viewBox="0 0 {width} {height}" role="img" {SPACE}>',
            f"<title>{escape(title)}</title>",
            f"<style>\n{STYLE}",
            *(_pointed_at(each.name) for each in entities),
            "</style>",
            *_edges(pointed, boxes),
            *(_drawn(each, boxes[each.name]) for each in entities),
            "</svg>",
        ]
    )


def _pointed_at(name: str) -> str:
    """What is seen while somebody points at a table: its references, and those to it."""
    others = f"path:not(.from-{name}, .to-{name})"
    return (
        f"svg.entities:has(.table-{name}:hover) path {{opacity: 1}}\n"
        f"svg.entities:has(.table-{name}:hover) {others} {{opacity: .05}}"
    )


def _names(entities: Sequence[Entity]) -> set[str]:
    return {each.name for each in entities}


def _columns(pointed: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Tables by the longest way from them to one that points at nothing; that one comes last.

    A reference that closes a circle counts for nothing.
    """
    depth: dict[str, int] = {}

    def deep(name: str, above: tuple[str, ...]) -> int:
        if name not in depth:
            below = [deep(n, (*above, name)) for n in pointed[name] if n not in (*above, name)]
            depth[name] = 1 + max(below, default=-1)
        return depth[name]

    for name in pointed:
        deep(name, ())
    last = min(max(depth.values()), COLUMNS - 1)
    return [
        [n for n in pointed if min(depth[n], last) == last - column] for column in range(last + 1)
    ]


def _ordered(
    columns: Sequence[Sequence[str]], pointed: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """Columns whose tables are as high as what they point at, or are pointed at by, on average."""
    near = {
        name: [*to, *(n for n, others in pointed.items() if name in others)]
        for name, to in pointed.items()
    }
    ordered = [list(column) for column in columns]
    for _ in range(8):
        height = {n: i / len(column) for column in ordered for i, n in enumerate(column)}
        for column in ordered:
            column.sort(
                key=lambda n: sum(height[m] for m in near[n]) / len(near[n]) if near[n] else 1
            )
    return ordered


def _placed(columns: Sequence[Sequence[str]], entities: Mapping[str, Entity]) -> dict[str, Box]:
    """Boxes of columns, each in the middle of the diagram's height."""
    tall = {name: (len(each.lines) + 1) * LINE + 12 for name, each in entities.items()}
    heights = [sum(tall[n] + APART for n in column) for column in columns]
    boxes = {}
    for number, (column, height) in enumerate(zip(columns, heights, strict=True)):
        y = 10 + (max(heights) - height) // 2
        for name in column:
            boxes[name] = Box(10 + number * (WIDTH + GAP), y, tall[name])
            y += tall[name] + APART
    return boxes


def _edges(pointed: Mapping[str, Sequence[str]], boxes: Mapping[str, Box]) -> Iterator[str]:
    """A curve for each reference, from the table's right side to the other's nearer one."""
    for name, to in pointed.items():
        for other in to:
            a, b = boxes[name], boxes[other]
            ahead = a.x < b.x
            x1, x2 = a.x + WIDTH, b.x if ahead else b.x + WIDTH
            y1, y2 = a.y + LINE, b.y + LINE
            bent = x2 - GAP // 2 if ahead else x2 + GAP // 2
            yield (
                f'<path class="from-{name} to-{other}" '
                f'd="M{x1},{y1} C{x1 + GAP // 2},{y1} {bent},{y2} {x2},{y2}"/>'
            )


def _drawn(entity: Entity, box: Box) -> str:
    """A table's box: its name in the first line, what else it says below."""
    text = "".join(
        f'<text x="{box.x + 8}" y="{box.y + 18 + LINE * (number + 1)}">{escape(line)}</text>'
        for number, line in enumerate(entity.lines)
    )
    return (
        f'<a href="#{entity.name}" class="table-{entity.name}">'
        f'<rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.height}" rx="4"/>'
        f'<text class="name" x="{box.x + 8}" y="{box.y + 18}">{escape(entity.name)}</text>'
        f"{text}</a>"
    )
