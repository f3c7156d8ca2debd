"""What mkdocs does not know of this repository: its documents, their parts, and links between them.

The documents that `nav` names by their path in the repository become pages, and with them come the
pictures and files that a document links to. A line

    <!-- include: tap-xero/README.md#pace -->

stands for that section (`…#going-live/2`: the second item of its list; `…#`: what comes before the
first section), so that nothing is written twice. Links lead to where a file of the repository is in
the site; one that leads nowhere fails the build.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel

sys.path.append(str(Path(__file__).parent))
import markdown_parts as parts

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = "docs/pages"
INCLUDE = re.compile(
    r"^<!-- include: (?P<path>[^#\s]+)#(?P<name>[\w-]*)(?:/(?P<item>\d+))? -->$", re.MULTILINE
)
LINK = re.compile(r"(?P<text>\]\()(?P<path>[^()\s:#]*)(?P<anchor>#[\w-]+)?(?P<end>\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The repository's documents as pages, and what they show or link to beside them."""
    documents = [path for path in _named(config.nav) if path not in files.src_uris]
    for path in documents:
        files.append(File.generated(config, path, content=(ROOT / path).read_text("utf-8")))
    linked = {
        target
        for path in documents
        for found in LINK.finditer((ROOT / path).read_text("utf-8"))
        if (ROOT / (target := _target(path, found["path"]))).is_file()
    }
    for path in sorted(linked - set(documents)):
        files.append(
            File.generated(
                config, path, abs_src_path=str(ROOT / path), inclusion=InclusionLevel.NOT_IN_NAV
            )
        )
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: object) -> str:
    """A page with what it includes, as Python-Markdown reads it, and links that lead to pages."""
    uri = page.file.src_uri
    here = uri if page.file.generated_by else f"{PAGES}/{uri}"

    def included(found: re.Match[str]) -> str:
        text = (ROOT / found["path"]).read_text("utf-8")
        try:
            part = _part(text, found["name"], found["item"])
        except parts.NoSuchPartError as lacking:
            raise PluginError(f"{here} includes {found['path']}, where {lacking}.") from None
        return linked(part, found["path"])

    def linked(text: str, source: str) -> str:
        """Links of a text that stands in `source`, as links of this page."""

        def led(found: re.Match[str]) -> str:
            if not found["path"] and (source == here or found["anchor"] in parts.anchors(text)):
                return found[0]
            target = _target(source, found["path"] or posixpath.basename(source))
            if target not in files.src_uris:
                raise PluginError(f"{source} links to {found['path']}, which is not in the site.")
            way = posixpath.relpath(target, posixpath.dirname(uri) or ".")
            return f"{found['text']}{way}{found['anchor'] or ''}{found['end']}"

        return LINK.sub(led, text)

    own = [linked(text, here) for text in INCLUDE.split(markdown)[::4]]
    taken = [*map(included, INCLUDE.finditer(markdown)), ""]
    return parts.for_python_markdown("".join(a + b for a, b in zip(own, taken, strict=True)))


def _part(text: str, name: str, item: str | None) -> str:
    if not name:
        return parts.opening(text)
    return parts.step(text, name, int(item)) if item else parts.section(text, name)


def _target(source: str, path: str) -> str:
    """Where a link of a document leads, as a path of the site, which is one of the repository."""
    way = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    return way.removeprefix(f"{PAGES}/")


def _named(nav: object) -> list[str]:
    """The pages that the navigation names, however deep."""
    if isinstance(nav, str):
        return [nav]
    each = nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ()
    return [path for entry in each for path in _named(entry)]
