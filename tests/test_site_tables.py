"""The site's references of tables are what their tool writes, diagrams with every reference."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations

import diagram
import pytest
import tables
from diagram import Entity

BOOKS = [
    Entity("payments", ("payment_id",), ("invoices", "batches", "payments", "elsewhere")),
    Entity("invoices", ("invoice_id", "+ lines"), ("contacts",)),
    Entity("batches", (), ("payments",)),
    Entity("contacts", (), ()),
    Entity("users", (), ()),
]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {path.name: text for path, text in tables.pages().items()}


def test_the_pages_are_what_the_tool_writes(pages):
    written = {path.name: path.read_text(encoding="utf-8") for path in tables.pages()}
    assert written == pages, "run `just define`"


def test_every_reference_of_a_table_is_drawn_and_stands_at_its_column(pages):
    text = pages["tables.md"]
    assert 'class="from-invoices to-contacts"' in text
    assert "the embedded copy in Contact. → [contacts](#contacts) |" in text
    assert text.count("<path ") > 80
    assert 'class="from-fct_invoice_lines to-dim_contact"' in pages["marts.md"]


def test_a_diagram_has_each_table_and_each_reference_within_it_once():
    root = ET.fromstring(diagram.svg("Books", BOOKS))
    space = "{http://www.w3.org/2000/svg}"
    assert [each.get("href") for each in root.iter(f"{space}a")] == [f"#{e.name}" for e in BOOKS]
    assert sorted(str(each.get("class")) for each in root.iter(f"{space}path")) == [
        "from-batches to-payments",
        "from-invoices to-contacts",
        "from-payments to-batches",
        "from-payments to-invoices",
    ]


@pytest.mark.parametrize("page", ["tables.md", "marts.md"])
def test_no_two_boxes_of_a_diagram_overlap_and_all_are_in_the_picture(page, pages):
    numbers = r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"'
    boxes = [tuple(map(int, found)) for found in re.findall(numbers, pages[page])]
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', pages[page]).groups())
    assert len(boxes) > 15
    for x, y, w, h in boxes:
        assert x + w <= width
        assert y + h <= height
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


def test_a_table_stands_left_of_what_it_points_at_unless_they_point_at_each_other():
    text = diagram.svg("Books", BOOKS)
    left = {name: int(x) for name, x in re.findall(r'class="table-(\w+)"><rect x="(\d+)"', text)}
    assert left["payments"] < left["invoices"] < left["contacts"] == left["users"]
