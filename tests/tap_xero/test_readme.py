"""The README's table of streams is what the code says.

Run with `UPDATE_SNAPSHOTS=1` to write it anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tap_xero.resources import RESOURCES, Paging

README = Path(__file__).parents[2] / "tap-xero" / "README.md"
PAGING = {
    Paging.PAGES: "1000",
    Paging.HUNDREDS: "100",
    Paging.OFFSET: "100, by number",
    Paging.WHOLE: "all at once",
}


def streams_table() -> str:
    lines = [
        "| stream | of Xero | key, after `TenantID` | rows a call | incremental by | scope |",
        "|---|---|---|---|---|---|",
    ]
    for each in RESOURCES:
        scopes = " or ".join(f"`{name}`" for name in dict.fromkeys((each.granular, each.scope)))
        paging = PAGING[each.paging] + (", and a call for each" if each.detail else "")
        since = f"`{each.updated}`" if each.since else "read whole"
        key = ", ".join(f"`{name}`" for name in each.key)
        lines.append(f"| `{each.stream}` | {each.path} | {key} | {paging} | {since} | {scopes} |")
    return "\n".join(lines)


def test_the_table_of_streams_is_up_to_date():
    block = re.compile(r"(<!-- streams -->\n).*?(\n<!-- /streams -->)", re.DOTALL)
    text = README.read_text()
    current = block.sub(lambda match: match[1] + streams_table() + match[2], text)
    assert block.search(text)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        README.write_text(current)
        text = current
    assert text == current
