"""Every command that a document shows is run by a test, or it is said here why it cannot be.

A test takes the text by `as_shown` (`tests/end_to_end/shown_commands.py`) and gives it to a shell;
what stands for something else in it (`…`, `<file>`, `prod:`) the test replaces, for all to see.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from shown_commands import (
    DOCUMENTS,
    ROOT,
    NotShownError,
    as_shown,
    first_words,
    in_comments,
    in_markdown,
)
from shown_commands import shown as all_shown
from shown_commands import taken as all_taken

DOCKER = "needs Docker; tests/test_deploy.py runs what the image runs"
SIGNED_IN = "signs somebody in to a workspace or a cloud, in a browser"
WORKSPACE = "needs the command line tool of Databricks and a workspace"
OSV = "asks osv.dev, and a test asks no other host; `just audit-offline` does the same from a file"
PINS = "takes minutes and gigabytes; tests/test_dependencies.py holds pins against hashes"

NOT_RUN = {
    "docker": DOCKER,
    "az login": SIGNED_IN,
    "databricks auth login": SIGNED_IN,
    "databricks bundle": WORKSPACE,
    "databricks secrets": WORKSPACE,
    "databricks notification-destinations": WORKSPACE,
    "just audit": OSV,
    "pip install --require-hashes -r hashes.txt": PINS,
}
"""How commands begin that cannot be run here, and why."""


def cannot_run(command: str) -> list[str]:
    """The entries of `NOT_RUN` that a command is one of."""
    return [words for words in NOT_RUN if f"{command} ".startswith(f"{words} ")]


def test_every_command_that_a_document_shows_is_run_or_it_is_said_why_not():
    shown = all_shown()
    assert len(shown) > 150
    lost = {each: shown[each] for each in shown if each not in all_taken() and not cannot_run(each)}
    assert lost == {}, "no test takes these by as_shown(), and NOT_RUN says no reason"


def test_what_tests_take_is_shown_and_can_be_run():
    assert all_taken().keys() - all_shown().keys() == set()
    assert [each for each in all_taken() if cannot_run(each)] == []


def test_what_cannot_be_run_is_shown_and_has_a_reason():
    met = {words for command in all_shown() for words in cannot_run(command)}
    assert met == NOT_RUN.keys(), "no document shows the others any more"
    assert all(len(reason) > 20 for reason in NOT_RUN.values())


PROSE = {
    *("import", "from", "case"),  # Python within a command, a script's own word
    *("access", "refresh", "kept", "scopes", "not", "organisation"),  # what commands print
}


def test_no_program_is_overlooked():
    """What is in a block of code and begins as a command does is one, or is known to be none."""
    found = {word for path in DOCUMENTS for word in first_words(path.read_text(encoding="utf-8"))}
    assert found == PROSE, "add a program to PROGRAMS of shown_commands.py"
    assert first_words("    terraform apply x\n    uv sync\n") == {"terraform"}


def test_a_command_that_no_document_shows_is_refused():
    with pytest.raises(NotShownError, match="no document shows the command 'uv run meltano fly'"):
        as_shown("uv run meltano fly")


def test_all_that_is_in_the_site_is_looked_through():
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    pages = re.findall(r": ([\w./-]+\.md)$", (ROOT / "docs/mkdocs.yml").read_text(), re.MULTILINE)
    included = re.findall(
        r"<!-- include: ([^#]+)#",
        "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs/pages").glob("*.md")),
    )
    assert len(pages) > 20
    assert len(included) > 10
    lost = {each for each in (*pages, *included) if not {each, f"docs/pages/{each}"} & names}
    assert lost == {"CHANGELOG.md"}


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("    uv sync\n", ["uv sync"]),
        ("1. Do:\n\n       uv run meltano \\\n         run x\n", ["uv run meltano run x"]),
        ("```\npip install x   # once\n```\n", ["pip install x"]),
        ("```python\nuv sync\n```\n", []),
        ("```bash\nuv sync\n```\n", ["uv sync"]),
        ('    python -c "\n    x =  1"\n', ['python -c "\nx =  1"']),
        ("    A_B=c uv sync\n    A_B=c\n", ["A_B=c uv sync"]),
        ("    0 3 * * *  cd /srv && uv sync\n", ["0 3 * * * cd /srv && uv sync"]),
        ("Then `uv run\nmeltano test`, or `uv`.", ["uv run meltano test"]),
        ("| `just test` | `xero-job read\\|write` |", ["just test", "xero-job read|write"]),
        ("`uv run` and `meltano run` and `tap-xero`", []),
        ("<!-- output: x -->\n\n    tap-xero  says so\n\n<!-- /output -->", []),
        ("    #!/bin/sh\n    case $1 in\n      a) uv sync ;;\n    esac\n",
         ["#!/bin/sh\ncase $1 in\n  a) uv sync ;;\nesac"]),
    ],
)  # fmt: skip
def test_commands_of_a_document(text, commands):
    assert list(in_markdown(text)) == commands


def test_commands_of_a_files_comments_and_steps():
    text = "# docker build .\n#     deploy/start run x    runs\n# See `just docs`\n  - run: uv sync"
    assert list(in_comments(text)) == [
        *("docker build .", "deploy/start run x", "uv sync", "just docs")
    ]


def test_a_command_of_just_has_its_recipe():
    recipes = set(
        re.findall(r"^([a-z-]+)(?: .*)?:$", (ROOT / "justfile").read_text(), re.MULTILINE)
    )
    named = {
        word
        for command in all_shown()
        for words in re.findall(r"\bjust ((?:[a-z-]+ ?)+)", command)
        for word in words.split()[: 3 if "fix" in words else 1]
    }
    assert len(named) > 15
    assert {each for each in named if not each.startswith("-")} - recipes - {"just"} == set()


def test_a_test_says_a_command_where_it_can_be_found():
    for paths in all_taken().values():
        assert all((ROOT / path).exists() for path in paths)
        assert Path(__file__).name not in {Path(path).name for path in paths}
