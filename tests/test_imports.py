"""No package goes in circles: not when it is imported, and not for the type checker either."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = (
    *("tap_databricks", "tap_xero", "target_databricks", "target_xero"),
    *("xero_sandbox", "databricks_sandbox", "xero_report"),
)


def imports_of(package: str) -> dict[str, set[str]]:
    """By module of a package, the modules of it that its text imports, wherever it does so.

    `from package import name` is an import of the module `package.name` where there is one, else of
    `package`. Importing a module also imports the packages it lies in; those are left aside, as
    long as their `__init__` imports nothing of theirs.
    """
    (folder,) = map(Path, find_spec(package).submodule_search_locations)
    files = {_name(package, folder, path): path for path in folder.rglob("*.py")}
    return {
        module: {
            imported
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            for imported in _imported(node, files)
            if imported != module
        }
        for module, path in files.items()
    }


def _name(package: str, folder: Path, path: Path) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join((package, *(part for part in parts if part != "__init__")))


def _imported(node: ast.AST, modules: dict[str, Path]) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & modules.keys()
    if not isinstance(node, ast.ImportFrom) or node.module is None:
        return set()
    assert not node.level, "a relative import, which this test does not follow"
    inner = {f"{node.module}.{alias.name}" for alias in node.names}
    found = inner & modules.keys()
    return found if len(found) == len(inner) else found | ({node.module} & modules.keys())


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_by_way_of_others(package):
    graph = imports_of(package)
    assert any(graph.values())
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def test_an_import_for_the_type_checker_alone_counts():
    source = "if TYPE_CHECKING:\n    from one.two import three\n"
    nodes = ast.walk(ast.parse(source))
    assert {"one.two.three"} == set().union(
        *(_imported(node, {"one.two.three": Path(), "one.two": Path()}) for node in nodes)
    )
