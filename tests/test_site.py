"""The documentation site: it builds without a warning, no link is lost, no other host is asked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import markdown_parts as parts
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

ROOT = Path(__file__).parents[1]
CONFIG = str(ROOT / "docs" / "mkdocs.yml")
PAGES = ROOT / "docs" / "pages"
SHOWN = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
"""What a browser fetches by itself, by element."""

pytestmark = pytest.mark.xdist_group("site")


@dataclass
class Page(HTMLParser):
    """What a page of the site has: places to lead to, links, and what it fetches."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := attributes.get(name))}
        if tag == "a" and attributes.get("href"):
            self.links.append(str(attributes["href"]))
        if attributes.get(SHOWN.get(tag, "")) and attributes.get("rel") != "canonical":
            self.fetched.append(str(attributes[SHOWN[tag]]))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> dict[Path, Page]:
    """The pages of the site, as `just docs` builds it, by their path."""
    folder = tmp_path_factory.mktemp("site")
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    build(load_config(CONFIG, site_dir=str(folder)))
    pages = {}
    for path in folder.rglob("*.html"):
        pages[path] = Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    return pages


def folder_of(site: dict[Path, Page]) -> Path:
    return next(path.parent for path in site if path.name == "404.html")


def test_every_page_that_is_written_is_in_the_site_and_so_is_every_packages_readme(site):
    folder = folder_of(site)
    written = {path.stem for path in PAGES.glob("*.md")}
    readmes = {
        path.parent.relative_to(ROOT) / "index"
        for base in ("plugins", "tap-xero", "target-databricks")
        for path in (ROOT / base).rglob("README.md")
    }
    built = {path.relative_to(folder).with_suffix("") for path in site}
    assert len(readmes) >= 9
    assert {Path(name) for name in written} | readmes <= built


def test_every_link_within_the_site_leads_somewhere(site):
    lost = []
    for path, page in site.items():
        if path.name == "404.html":  # its links begin at the root of wherever the site is
            continue
        for link in page.links:
            to = urlsplit(link)
            if to.scheme:
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            there = target / "index.html" if target.is_dir() else target
            if not there.exists() or (to.fragment and to.fragment not in site[there].ids):
                lost.append((path.name, link))
    assert sum(len(page.links) for page in site.values()) > 500
    assert lost == []


def test_nothing_that_a_page_shows_comes_from_another_host(site):
    fetched = {each for page in site.values() for each in page.fetched}
    assert len(fetched) > 5
    assert [each for each in fetched if urlsplit(each).netloc] == []
    sheets = [path.read_text(encoding="utf-8") for path in folder_of(site).rglob("*.css")]
    assert sheets
    assert [
        url
        for text in sheets
        for url in re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", text)
    ] == []


def test_a_part_of_a_readme_stands_on_the_page_that_includes_it(site):
    text = (folder_of(site) / "costs.html").read_text(encoding="utf-8")
    assert "Only statements wake a warehouse." in text
    assert "include:" not in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a place](../../README.md#packages), <!-- a comment -->", None),
        ("[a file](../../no-such-file.md)", "links to ../../no-such-file.md, which is not in the"),
        ("[a place](../../README.md#no-such-place)", "'#no-such-place'"),
        ("<!-- include: README.md#no-such-section -->", "there is no section #no-such-section"),
        ("<!-- include: README.md#going-live/99 -->", "#going-live has no item 99"),
    ],
)
def test_what_leads_nowhere_fails_the_build_and_is_named(text, complaint, tmp_path, caplog):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.md").write_text(f"# A page\n\n{text}\n", encoding="utf-8")
    folders = {"docs_dir": str(tmp_path / "pages"), "site_dir": str(tmp_path / "site")}
    # The repository's documents as ever, and one page beside them.
    documents = re.findall(
        r": ([\w./-]*\b[A-Z]+\.md)$", Path(CONFIG).read_text("utf-8"), re.MULTILINE
    )
    config = load_config(CONFIG, nav=["a.md", *documents], **folders)
    if complaint is None:
        build(config)
        return
    with pytest.raises(Abort) as stopped:
        build(config)
    assert complaint in caplog.text + str(stopped.value)


def test_a_section_ends_where_the_next_of_its_rank_begins_and_stands_on_the_second_level():
    text = "# T\n\nfirst\n\n### A b/c\n\n```\n# no heading\n```\n\n#### D\n\nd\n\n### E\n"
    assert parts.section(text, "a-bc") == "## A b/c\n\n```\n# no heading\n```\n\n### D\n\nd\n"
    assert parts.opening(text) == "first\n"


def test_a_step_of_a_list_is_its_paragraphs():
    text = "## S\n\n1. One\n   more.\n\n       code\n2. Two.\n\nAfter.\n"
    assert parts.step(text, "s", 1) == "One\nmore.\n\n    code\n"
    assert parts.step(text, "s", 2) == "Two.\n"


@pytest.mark.parametrize(
    ("github", "python_markdown"),
    [
        ("text\n- a\n- b\n", "text\n\n- a\n- b\n"),
        ("1. a\n\n   b\n\n       code\n", "1. a\n\n    b\n\n        code\n"),
        ("- a\n  - b\n    c\n- d\n", "- a\n    - b\n        c\n- d\n"),
        ("- a\n\n  | x |\n  |---|\n\nafter\n", "- a\n\n    | x |\n    |---|\n\nafter\n"),
        ("```\n- no list\n  - either\n```\n", "```\n- no list\n  - either\n```\n"),
        ("    code\n    - too\n", "    code\n    - too\n"),
    ],
)
def test_lists_are_indented_as_python_markdown_wants_them(github, python_markdown):
    assert parts.for_python_markdown(github) == python_markdown
