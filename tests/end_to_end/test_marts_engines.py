"""One set of models for two engines: what one writes its own way is not left to the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml
from conftest import REPOSITORY
from jinja2.runtime import Macro

MARTS = REPOSITORY / "plugins" / "marts"
OF_THE_OTHER = {
    "databricks": r"unnest\(|generate_series\(|hugeint|//|varchar|string_agg\(|at time zone",
    "duckdb": r"explode\(|[^_]sequence\(|try_element_at|date_add\(|collect_\w+\(|array_join\(",
}
"""What only the other engine has, or what means something else there."""

NOT_IN_BOTH = (
    r"\bqualify\b|\bilike\b|\bpivot\b|\bexclude\s*\(|\bfilter\s*\(|group by all|\basof\b|::"
)
"""What some engine lacks and no macro puts right."""


class _Returned(Exception):  # noqa: N818
    """What `return` in a macro of dbt gives instead of the text of the macro."""

    def __init__(self, value: object) -> None:
        self.value = value


class _Source(SimpleNamespace):
    def __str__(self) -> str:
        return f"xero.{self.identifier}"


def _return(value: object) -> None:
    raise _Returned(value)


@pytest.fixture
def macros_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """Macros give values, as they do in dbt."""
    invoke: Callable[..., Any] = Macro._invoke

    def returning(self: Macro, *arguments: Any) -> Any:
        try:
            return invoke(self, *arguments)
        except _Returned as returned:
            return returned.value

    monkeypatch.setattr(Macro, "_invoke", returning)


@cache
def _project(engine: str) -> jinja2.Environment:
    """What models see of dbt, where each table has but the first half of its columns."""
    tables = {
        f"source.xero_marts.{source['name']}.{table['name']}": table["config"]
        for path in (MARTS / "models").glob("*.yml")
        for source in yaml.safe_load(path.read_text(encoding="utf-8")).get("sources", ())
        for table in source["tables"]
    }
    settings = yaml.safe_load((MARTS / "dbt_project.yml").read_text(encoding="utf-8"))

    def columns(relation: _Source) -> list[SimpleNamespace]:
        names = list(tables[f"source.xero_marts.xero.{relation.identifier}"]["meta"]["columns"])
        return [SimpleNamespace(name=name) for name in names[: len(names) // 2]]

    environment = jinja2.Environment(
        extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined, autoescape=False
    )
    environment.globals |= {
        "target": SimpleNamespace(type=engine),
        "ref": lambda name: f"marts.{name}",
        "source": lambda _, name: _Source(database="main", schema="xero", identifier=name),
        "var": lambda name, default="": settings["vars"].get(name, default),
        "env_var": lambda _, default="": default,
        "config": lambda **_: "",
        "this": "marts.this",
        "execute": True,
        "is_incremental": lambda: True,
        "return": _return,
        "adapter": SimpleNamespace(
            get_relation=lambda *parts: _Source(identifier=parts[-1]),
            get_columns_in_relation=columns,
        ),
        "graph": SimpleNamespace(sources=tables),
        "dbt": SimpleNamespace(datediff=lambda first, last, _: f"datediff({first}, {last})"),
    }
    macros = "".join(p.read_text(encoding="utf-8") for p in (MARTS / "macros").glob("*.sql"))
    module = environment.from_string(macros).module
    environment.globals |= {k: v for k, v in vars(module).items() if isinstance(v, Macro)}
    return environment


def _models() -> Iterator[Path]:
    yield from sorted((MARTS / "models").rglob("*.sql"))
    yield from sorted((MARTS / "tests").glob("*.sql"))


@pytest.mark.usefixtures("macros_return")
@pytest.mark.parametrize("engine", ["duckdb", "databricks"])
def test_the_sql_for_an_engine_has_nothing_of_the_other(engine: str) -> None:
    words = re.compile(f"{OF_THE_OTHER[engine]}|{NOT_IN_BOTH}", re.IGNORECASE)
    faults = {}
    for path in _models():
        sql = _project(engine).from_string(path.read_text(encoding="utf-8")).render()
        assert re.search(r"\bselect\b", sql), path.name
        assert sql.count("(") == sql.count(")"), path.name
        if match := words.search(sql):
            faults[path.name] = sql[max(match.start() - 30, 0) : match.end() + 30]
    assert faults == {}


@pytest.mark.usefixtures("macros_return")
def test_features_have_a_key_with_time_on_databricks_alone() -> None:
    call = "{{ feature_key(['contact_key'], 'month_end') | join('; ') }}"
    keys = {
        engine: _project(engine).from_string(call).render().strip()
        for engine in ("duckdb", "databricks")
    }
    assert keys["duckdb"] == ""
    *_, drop, add = keys["databricks"].split("; ")
    assert drop == "alter table {{ this }} drop primary key if exists"
    assert add == "alter table {{ this }} add primary key (contact_key, month_end timeseries)"
