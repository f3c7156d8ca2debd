"""The README's tables of streams and reports are what the code says.

Run with `UPDATE_SNAPSHOTS=1` to write it anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tap_xero.models.resources import RESOURCES, Paging
from tap_xero.reports.table import REPORTS, Columns, resource

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


def reports_table() -> str:
    lines = [
        "| stream | of Xero | columns | periods a call | options | scope |",
        "|---|---|---|---|---|---|",
    ]
    for each in REPORTS:
        facts = resource(each)
        options = ", ".join(f"`{name}`" for name in each.allowed)
        measures = "figures" if each.columns is Columns.MEASURES else "periods"
        lines.append(
            f"| `{each.stream}` | {facts.path} | {measures} | {each.in_one_call} | {options} "
            f"| `{facts.granular}` or `{facts.scope}` |"
        )
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "table"), [("streams", streams_table), ("reports", reports_table)]
)
def test_the_table_is_up_to_date(name, table):
    block = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
    text = README.read_text()
    current = block.sub(lambda match: match[1] + table() + match[2], text)
    assert block.search(text)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        README.write_text(current)
        text = current
    assert text == current
