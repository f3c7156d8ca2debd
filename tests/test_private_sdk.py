"""What the packages use of the SDK that it does not promise to keep, by name and with the reason.

A member whose name begins with an underscore may go with any release. The names here are computed
from the source, so a new one needs its reason, and one that the SDK drops is named by the test that
fails: nothing else may notice an override that nobody calls any more.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import pytest

PACKAGES = ("tap_databricks", "tap_xero", "target_databricks")
THEIRS = ("singer_sdk", "singer", "meltano")

USED = {
    "tap_databricks": {
        "PluginBase._config": "settings that are set to nothing are not set",
        "PluginBase._env_var_config": "variables that are left empty, and errors without a value",
        "PluginBase._env_var_prefix": "names of the variables",
        "PluginBase._validate_config": "settings that are left empty get their defaults",
        "Stream._generate_schema_messages": "annotations, which a parsed schema has lost",
        "Stream._increment_stream_state": "rows without a bookmark, which say nothing",
        "Stream._metadata": "whether metadata is the SDK's or a catalog's",
        "Stream._stream_version": "whether a version is to be activated",
        "Stream._write_activate_version_message": "after all records instead of before them",
    },
    "tap_xero": {
        "PluginBase._config": "settings that are set to nothing are not set",
        "PluginBase._env_var_config": "variables that are left empty, and errors without a value",
        "PluginBase._env_var_prefix": "names of the variables",
        "PluginBase._handle_termination": "stops between two lines, never within one",
        "PluginBase._validate_config": "errors that say what to do, and checks no schema can make",
        "Stream._check_max_record_limit": "`--test` ends after one record",
        "Stream._generate_record_messages": "records as stream maps leave them, held back",
        "Stream._generate_schema_messages": "annotations, which a parsed schema has lost",
        "Stream._initialized_at": "the version that the SDK itself gives a full table",
        "Stream._stream_version": "the version of a table that is refreshed whole now and then",
        "Stream._sync_records": "pages are written whole, of several organisations at once",
        "Stream._write_activate_version_message": "after all records instead of before them",
        "Stream._write_record_message": "one record by way of stream maps",
        "Stream._write_schema_message": "one schema, though other organisations are ahead",
        "Stream._write_state_message": "without the empty entries that the SDK adds",
        "singer_sdk.configuration._dict_config.parse_environment_config": "one variable at a time",
    },
    "target_databricks": {
        "BaseSingerReader._process_activate_version_message": "versions of children",
        "BaseSingerReader._process_batch_message": "BATCH files of any tap",
        "BaseSingerReader._process_record_message": "records are blocks of lines, not dicts",
        "BaseSingerReader._process_schema_message": "what the SDK's parsed schema has lost",
        "BaseSingerReader._process_state_message": "states wait until what came before is applied",
        "PluginBase._config": "settings that are set to nothing are not set",
        "PluginBase._env_var_config": "variables that are left empty, and errors without a value",
        "PluginBase._env_var_prefix": "names of the variables",
        "PluginBase._handle_termination": "stops without losing what was received",
        "PluginBase._validate_config": "errors that say what to do, and checks no schema can make",
        "Sink._validator": "the SDK's own check of records, and no second one",
        "Target._MAX_RECORD_AGE_IN_MINUTES": "how long records may wait",
        "Target._handle_max_record_age": "records of BATCH files must not wait longer than others",
        "Target._max_record_age_in_minutes": "how long records have waited",
        "Target._sinks_active": "what each stream has received",
        "singer_sdk.configuration._dict_config.parse_environment_config": "one variable at a time",
    },
}
"""By package, what it overrides, calls or reads: the class that has it, the member, and why."""


@cache
def classes_of(package: str) -> list[type]:
    """The classes of a package that are made from one of the SDK's."""
    modules = pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
    members = [each for module in modules for each in vars(import_module(module.name)).values()]
    made = {each for each in members if isinstance(each, type) and is_from(each, (package,))}
    return sorted((each for each in made if bases_of(each)), key=lambda each: each.__qualname__)


def bases_of(made: type) -> list[type]:
    """The classes of the SDK that a class is made from, the nearest first."""
    return [base for base in made.__mro__ if is_from(base, THEIRS)]


def is_from(made: type, packages: tuple[str, ...]) -> bool:
    return made.__module__.partition(".")[0] in packages


@cache
def tree_of(made: type) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(made)))


@cache
def private_members(base: type) -> frozenset[str]:
    """Names that a class of the SDK defines: in its body, or on `self` in its methods."""
    assigned = {
        node.attr
        for node in ast.walk(tree_of(base))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and is_itself(node.value)
    }
    return frozenset(name for name in {*vars(base), *assigned} if is_private(name))


def is_private(name: str) -> bool:
    """Whether a name is private; what the metaclass of abstract classes leaves is nobody's."""
    return name.startswith("_") and not name.endswith("__") and name != "_abc_impl"


def is_itself(node: ast.AST) -> bool:
    """Whether an expression is `self`, `cls` or `super()`."""
    if isinstance(node, ast.Call):
        node = node.func
    return isinstance(node, ast.Name) and node.id in {"self", "cls", "super"}


def private_names_used(package: str) -> set[str]:
    """`Class._member` for all that a package uses of the SDK, `module.name` for what it imports."""
    used = set()
    for made in classes_of(package):
        touched = {name for name in vars(made) if is_private(name)} | {
            node.attr
            for node in ast.walk(tree_of(made))
            if isinstance(node, ast.Attribute) and is_itself(node.value)
        }
        for name in touched:
            owners = [base for base in bases_of(made) if name in private_members(base)]
            used.update(f"{owner.__name__}.{name}" for owner in owners[-1:])
    return used | set(names_from_outside(package))


def names_from_outside(package: str) -> Iterator[str]:
    """What is imported by a private name, and what is taken of others' objects by one."""
    sources = [
        ast.parse(inspect.getsource(import_module(module.name)))
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}.")
    ]
    ours = {name for source in sources for name in names_defined(source)}
    known = {
        name: base.__name__
        for made in classes_of(package)
        for base in bases_of(made)
        for name in private_members(base)
    }
    for node in (each for source in sources for each in ast.walk(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in THEIRS:
            for alias in node.names:
                path = f"{node.module}.{alias.name}"
                if any(map(is_private, path.split("."))):
                    yield path
        elif (
            isinstance(node, ast.Attribute)
            and not is_itself(node.value)
            and node.attr in known.keys() - ours
        ):
            yield f"{known[node.attr]}.{node.attr}"


def names_defined(source: ast.AST) -> Iterator[str]:
    for node in ast.walk(source):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def final_members(base: type) -> set[str]:
    """Names of a class that the SDK declares `typing.final`."""
    return {
        node.name
        for node in ast.walk(tree_of(base))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(each).rpartition(".")[2] == "final" for each in node.decorator_list)
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_private_member_of_the_sdk_that_a_package_uses_is_there_and_has_its_reason(package):
    used, listed = private_names_used(package), USED[package]
    assert used, "the test looks at nothing"
    gone, new = sorted(listed.keys() - used), sorted(used - listed.keys())
    assert not gone, f"not in the SDK any more, or not used any more: {', '.join(gone)}"
    assert not new, f"private members of the SDK that have no reason: {', '.join(new)}"
    assert all(listed.values())


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_is_overridden_that_the_sdk_declares_final(package):
    overridden = [
        f"{made.__qualname__}.{name}"
        for made in classes_of(package)
        for base in bases_of(made)
        for name in vars(made).keys() & final_members(base)
    ]
    assert not overridden
    bases = {base for made in classes_of(package) for base in bases_of(made)}
    assert not [base for base in bases if vars(base).get("__final__")]


def test_members_that_the_sdk_declares_final_are_found():
    (tap,) = (each for each in classes_of("tap_xero") if each.__name__ == "TapXero")
    assert "sync_all" in set().union(*map(final_members, bases_of(tap)))
