"""Every message that the page on troubleshooting explains is one that the sources have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "pages" / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = (
    "tap-xero/tap_xero",
    "target-databricks/target_databricks",
    "plugins/tap-databricks/tap_databricks",
    "plugins/target-xero/target_xero",
)
TABLE = re.compile(r"^\| message \|.*\n\|---.*\n((?:\|.*\n?)+)", re.MULTILINE)
FORMAT = re.compile(r"%(?:\.\d+)?[sdf]|\{\w+\}")
MESSAGES = [
    row.split("|")[1].strip().strip("`")
    for table in TABLE.findall(PAGE)
    for row in table.strip().splitlines()
]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """All that the sources can say, with `…` for what is put in."""
    trees = (
        ast.parse(path.read_text(encoding="utf-8"))
        for base in SOURCES
        for path in (ROOT / base).rglob("*.py")
    )
    return [FORMAT.sub("…", text) for tree in trees for text in said(tree)]


def said(tree: ast.AST) -> Iterator[str]:
    """The texts of a module, docstrings left out, formatted ones in one piece."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            continue
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "…"
                    for part in child.values
                )
            elif isinstance(child, ast.Constant) and isinstance(child.value, str):
                yield child.value


def is_said(message: str, texts: list[str]) -> bool:
    """Whether a text has the words of a message, in their order, with anything at each `…`."""
    words = re.compile(".*".join(re.escape(part) for part in message.split("…")), re.DOTALL)
    return any(words.search(text) for text in texts)


def test_each_message_is_explained_once():
    assert len(MESSAGES) > 50
    assert len(set(MESSAGES)) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_is_explained_is_in_the_sources(message, texts):
    assert len(message.replace("…", "").strip()) > 15
    assert is_said(message, texts)


@pytest.mark.parametrize(
    "message", ["Xero does not let that app read …", "Xero … the credentials (…) again."]
)
def test_a_message_that_nobody_says_is_found_out(message, texts):
    assert not is_said(message, texts)
