"""The README's table of settings is what `--about` says."""

from __future__ import annotations

import json
from pathlib import Path

from target_databricks.settings import SETTINGS
from target_databricks.target import TargetDatabricks

README = Path(__file__).parents[2] / "target-databricks" / "README.md"
START, END = "<!-- settings -->\n", "<!-- /settings -->"


def settings_table() -> str:
    """The settings as Markdown, one row each; those inside another are described by it."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, setting in TargetDatabricks._get_about_info().settings["properties"].items():
        meaning = " ".join(setting.get("description", "").split())
        if choices := setting.get("enum"):
            meaning += f" One of {', '.join(f'`{c}`' for c in choices)}."
        if setting.get("secret"):
            meaning += " Secret."
        default = setting.get("default")
        shown = (
            ""
            if default is None
            else f"`{default if isinstance(default, str) else json.dumps(default)}`"
        )
        rows.append(f"| `{name}` | {shown} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def test_the_readme_lists_every_setting_as_about_does():
    text = README.read_text(encoding="utf-8")
    found = text[text.index(START) + len(START) : text.index(END)]
    assert found == settings_table(), "put the table of this message between the marks"


def test_every_setting_of_ours_is_described():
    for name, setting in SETTINGS["properties"].items():
        assert setting["description"].endswith("."), name
        assert setting["title"], name
