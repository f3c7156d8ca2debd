"""The commands that the documents show, and the way by which a test takes one to run it.

A command is a line of a block of code, together with what a backslash or an open quotation mark
continues, or a span of code of more than one word. It begins with one of `PROGRAMS`, before which
settings, a crontab's time or a unit's `ExecStart=` may stand. White space within a line counts as
one space; comments do not count.

`as_shown("uv run meltano run page")` is that text, if a document shows it. `taken()` lists what the
tests take in this way, so that `tests/test_shown_commands.py` finds what no test runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

DOCUMENTS = tuple(
    path
    for pattern in ("*.md", "*/*.md", "plugins/**/*.md", "docs/pages/*.md")
    for path in sorted(ROOT.glob(pattern))
    if path.name != "CHANGELOG.md" and "node_modules" not in path.parts
)
"""What people read to do as it says; the changelog tells what was done."""

FILES = (
    *(
        path
        for path in sorted((ROOT / "deploy").iterdir())
        if path.suffix != ".py" and path.is_file()
    ),
    *(ROOT / name for name in (".env.example", "meltano.yml", ".ci/run")),
)
"""Files whose comments and steps show commands."""

PROGRAMS = (
    *("uv", "uvx", "pip", "pipx", "python", "meltano", "just", "docker", "databricks", "az"),
    *("tap-[a-z-]+", "target-[a-z-]+", "xero-(?:sandbox|job|report)[a-z-]*", "databricks-sandbox"),
    *("git", "npm", "dbt", "cd", "echo", "set", "test", "export", "bash", "deploy/[a-z]+", "ln"),
    *("airflow", "dagster"),
)

UNFINISHED = frozenset(
    {
        *("uv run", "uv pip", "uv tool install", "pipx install", "meltano run", "meltano el"),
        *("meltano select", "meltano config set", "meltano add --from-ref", "dbt build"),
    }
)
"""Words for a command, which would be refused as they stand."""

_COMMAND = re.compile(
    r"(?:(?:[\d*/,-]+ ){5} *|ExecStart=\S*/|(?:[A-Z_]+=\S* )+)?"
    rf"(?:{'|'.join(PROGRAMS)})(?= \S|$)",
)
_LIKE_A_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?P<word>[a-z][\w-]*)(?= +[\w\"'./<$~-])(?! +=)")
_FENCE = re.compile(r" *(?:```|~~~)(?P<language>\w*)")
_OUTPUT = re.compile(r"<!-- output: .*?<!-- /output -->", re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_COMMENT = re.compile(r" {2,}# .*")
_SHELLS = {"", "sh", "bash", "shell", "console"}


class NotShownError(LookupError):
    """A test runs as a document's what no document shows."""


def as_shown(command: str) -> str:
    """The command, as at least one document shows it.

    Raises:
        NotShownError: None does.
    """
    if command not in shown():
        raise NotShownError(f"no document shows the command {command!r}")
    return command


@cache
def shown() -> dict[str, list[str]]:
    """Each command that is shown, and the documents that show it."""
    found: dict[str, list[str]] = {}
    for path in (*DOCUMENTS, *FILES):
        commands = in_markdown if path.suffix == ".md" else in_comments
        for command in commands(path.read_text(encoding="utf-8")):
            documents = found.setdefault(command, [])
            if (name := str(path.relative_to(ROOT))) not in documents:
                documents.append(name)
    return found


def in_markdown(text: str) -> Iterator[str]:
    """The commands of a document, those of blocks first."""
    blocks, prose = _parted(_OUTPUT.sub("", text))
    for block in blocks:
        yield from _of_block(block)
    yield from _of_spans(prose)


def first_words(text: str) -> set[str]:
    """What begins a line of a document's code that looks like a command and is taken for none."""
    return {
        found["word"]
        for block in _parted(_OUTPUT.sub("", text))[0]
        for line in block
        if (found := _LIKE_A_COMMAND.match(line)) and not _COMMAND.match(" ".join(line.split()))
    }


def in_comments(text: str) -> Iterator[str]:
    """The commands of a file's comments, and the steps of a workflow."""
    lines = text.splitlines()
    for line in lines:
        if found := re.match(r"(?:#|[ -]*run:) *(.+)", line):
            yield from _of_block([re.sub(r" {3,}.*", "", found[1])])
    comments = (line.lstrip(" #") for line in lines if line.lstrip().startswith("#"))
    yield from _of_spans("\n".join(comments))


@cache
def taken() -> dict[str, list[str]]:
    """Each command that a test takes by `as_shown`, and the files of these tests."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.stem.endswith("shown_commands") or "as_shown(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == as_shown.__name__:
                command = ast.literal_eval(node.args[0])
                found.setdefault(command, []).append(str(path.relative_to(ROOT)))
    return found


def _parted(text: str) -> tuple[list[list[str]], str]:
    """Blocks of code in a shell's language or in none, without their indent, and all the rest."""
    blocks: list[list[str]] = []
    prose: list[str] = []
    language, before, indented = None, "", False
    for line in text.splitlines():
        if fence := _FENCE.match(line):
            language = None if language is not None else fence["language"]
            blocks.append([])
        elif language is not None:
            if language in _SHELLS:
                blocks[-1].append(line)
        elif line.startswith("    ") and (indented or not before.strip()):
            if not indented:
                blocks.append([])
            indented = True
            blocks[-1].append(line)
        else:
            indented = indented and not line.strip()
            prose.append(line)
        before = line
    return [_dedented(block) for block in blocks], "\n".join(prose)


def _dedented(block: list[str]) -> list[str]:
    indent = min((len(line) - len(line.lstrip()) for line in block if line.strip()), default=0)
    return [line[indent:].rstrip() for line in block]


def _of_block(lines: list[str]) -> Iterator[str]:
    if lines and lines[0].startswith("#!"):
        yield "\n".join(lines).strip()
        return
    command = ""
    for line in lines:
        if not command and not _COMMAND.match(" ".join(line.split())):
            continue
        command += line
        if command.endswith("\\"):
            command = command.removesuffix("\\")
        elif command.count('"') % 2:
            command += "\n"
        else:
            yield _plain(_COMMENT.sub("", command))
            command = ""


def _of_spans(prose: str) -> Iterator[str]:
    for span in _SPAN.findall(prose):
        command = _plain(" ".join(span.split()).replace("\\|", "|"))
        if " " in command and _COMMAND.match(command) and command not in UNFINISHED:
            yield command


def _plain(command: str) -> str:
    """A command whose lines have their indent, as it means something, and no other white space."""
    first, *more = command.split("\n")
    return "\n".join([" ".join(first.split()), *more])
