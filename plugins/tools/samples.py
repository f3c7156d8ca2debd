"""The samples of output in README.md, written from runs of the demo.

    uv run python plugins/tools/samples.py

runs the demo twice in a folder of its own, with this environment's Meltano, and puts what tap and
target say between the marks `<!-- output: first -->` and `<!-- output: second -->`. Figures differ
from run to run, as business in the sandbox goes on; a test holds the shapes of the lines against
those of a run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PLUGINS = ("tap-xero", "target-databricks")
RUN = ("run", *PLUGINS)

_LINE = re.compile(r"^\S+Z? \[\w+ *\] (\S+) +(.*)$")
"""A line as Meltano prints it without colours: time, level, plugin, text."""
_NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")
_NAME = re.compile(r"\b(?:[a-z_]+ 0, )*[a-z_]+ 0\b")
_UNIT = re.compile(r"\b(?:k|M|G)?B\b")


def said(output: str) -> list[str]:
    """What tap and target say in the output of a run: plugin and text, a line each."""
    lines, speaker = [], ""
    for line in output.splitlines():
        if found := _LINE.match(line):
            speaker, text = found.groups()
        else:
            text = line
        if speaker in PLUGINS and text.strip():
            lines.append(f"{speaker if found else '':<18} {text}".rstrip())
    return lines


def shape(line: str) -> str:
    """A line without its figures, and without which and how many streams it names."""
    text = _UNIT.sub("B", _NUMBER.sub("0", " ".join(line.split())))
    text = re.sub(r"0 streams? more", "0 more", text).replace("nothing new", "name 0")
    return _NAME.sub("name 0", text).replace("name 0, 0 more", "name 0")


def is_progress(line: str) -> bool:
    """Whether a line says how far a run is; fast machines have none."""
    return re.search(r" \d+ (?:s|min): ", line) is not None


def samples(text: str) -> dict[str, list[str]]:
    """The samples of a README, by name."""
    marks = re.compile(r"<!-- output: (\w+) -->\n(.*?)<!-- /output -->", re.DOTALL)
    return {
        name: [line.removeprefix("    ") for line in block.splitlines() if line.strip()]
        for name, block in marks.findall(text)
    }


def with_sample(text: str, name: str, lines: list[str]) -> str:
    """A README with a sample in the place of the one that it has."""
    mark = f"<!-- output: {name} -->\n"
    block = "".join(f"    {line}\n" for line in lines)
    start = text.index(mark) + len(mark)
    return f"{text[:start]}\n{block}\n{text[text.index('<!-- /output -->', start) :]}"


def main() -> None:
    """Run the demo twice and write what it says."""
    text = README.read_text(encoding="utf-8")
    with TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy(ROOT / "meltano.yml", root)
        for kind in ("extractors", "loaders", "utilities"):
            shutil.copytree(ROOT / "plugins" / kind, root / "plugins" / kind)
        for name in ("first", "second"):
            text = with_sample(text, name, said(_run(root)))
    README.write_text(text, encoding="utf-8")


def _run(root: Path) -> str:
    """Run the demo in a folder.

    Raises:
        SystemExit: It failed; what it printed says why.
    """
    binaries = Path(sys.executable).parent
    done = subprocess.run(  # noqa: S603
        [binaries / "meltano", *RUN],
        cwd=root,
        env={
            **os.environ,
            "NO_COLOR": "1",
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout)
    return done.stdout


if __name__ == "__main__":
    main()
