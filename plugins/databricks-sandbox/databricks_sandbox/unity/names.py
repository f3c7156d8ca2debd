"""Names inside statements that Spark does not know, replaced by what it does."""

from __future__ import annotations

import fnmatch

from databricks_sandbox.engine.session import quote
from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.information_schema import relation
from databricks_sandbox.unity.metastore import Metastore, Securable
from databricks_sandbox.unity.sql_text import Reader, Token, splice, tokens
from databricks_sandbox.unity.volumes import Volumes, normal_path

# Formats whose files Spark reads as format.`path`.
_FORMATS = ("parquet", "json", "csv", "text", "avro", "orc", "binaryFile", "delta")

# Options of read_files that are not options of the reader behind it.
_OWN_OPTIONS = ("schema", "schemahints", "schemaevolutionmode", "rescueddatacolumn",
                "includeexistingfiles", "inferschema", "infercolumntypes")  # fmt: skip


class Names:
    """Replaces names in statements.

    Args:
        metastore: what Spark does not keep.
        grants: who may do what.
        volumes: files.
    """

    def __init__(self, metastore: Metastore, grants: Grants, volumes: Volumes) -> None:
        self._metastore = metastore
        self._grants = grants
        self._volumes = volumes

    def volume_paths(self, execution: Execution, text: str) -> str:
        """``format.`/Volumes/…` `` becomes the folder behind it; strings are data and stay."""
        changes = []
        for token in tokens(text):
            if token.kind != "name":
                continue
            path = token.value.removeprefix("dbfs:")
            if path.lower().startswith("/volumes/"):
                changes.append(
                    (token.start, token.end, quote(self._folder(execution, token.value)))
                )
        return splice(text, changes)

    def read_files(self, execution: Execution, text: str) -> str:
        """`read_files('path', format => 'parquet', …)` becomes ``parquet.`path` WITH (…)``."""
        reader = Reader(text)
        changes = []
        while (token := reader.peek()) is not None:
            following = reader.peek(1)
            if token.upper == "READ_FILES" and following is not None and following.text == "(":
                reader.next()
                reader.next()
                changes.append((token.start, *self._read_files(execution, reader)))
            else:
                reader.next()
        return splice(text, changes)

    def _read_files(self, execution: Execution, reader: Reader) -> tuple[int, str]:
        path, options = reader.string(), {}
        while reader.accept(","):
            name = reader.word()
            reader.expect("=>")
            options[name] = reader.next().value
        reader.expect(")")
        end = reader.tokens[reader.position - 1].end
        kind = next((options.pop(name) for name in list(options) if name.lower() == "format"), None)
        if kind is None:
            kind = path.rstrip("/").rsplit(".", 1)[-1]
        if kind not in _FORMATS:
            raise unsupported(f"read_files of format '{kind}'; name one of {', '.join(_FORMATS)}")
        unsuitable = [name for name in options if name.lower() in _OWN_OPTIONS]
        if unsuitable:
            raise unsupported(f"the option '{unsuitable[0]}' of read_files")
        where = (
            self._folder(execution, path)
            if path.removeprefix("dbfs:").startswith("/Volumes/")
            else path
        )
        relation = f"{kind}.{quote(where)}"
        if options:
            pairs = ", ".join(f"{_text(name)} = {_text(value)}" for name, value in options.items())
            relation += f" WITH ({pairs})"
        return end, relation

    # What may follow a relation that has no alias.

    def information_schema(self, execution: Execution, text: str) -> str:
        """`[catalog.]information_schema.name` becomes a temporary view of what it shows now."""
        sequence = list(tokens(text))
        changes = []
        for index, token in enumerate(sequence):
            if token.kind not in ("word", "name") or token.value.lower() != "information_schema":
                continue
            after = sequence[index + 1 : index + 4]
            if len(after) < 2 or after[0].text != ".":
                continue
            first, catalog = index, execution.engine.current_catalog
            if index >= 2 and sequence[index - 1].text == ".":
                first, catalog = index - 2, sequence[index - 2].value.lower()
            name = after[1].value.lower()
            answer = relation(execution, self._metastore, self._grants, catalog, name)
            # Statements of one session may run side by side.
            view = f"__{catalog}_information_schema_{name}_{execution.group}"
            if view not in execution.views:
                execution.engine.create_view(view, answer.table, answer.schema)
                execution.views.add(view)
            following = after[2] if len(after) > 2 else None
            has_alias = (
                following is not None
                and following.kind in ("word", "name")
                and (following.kind == "name" or following.upper not in _NOT_AN_ALIAS)
            )
            # Columns may be named through the relation, so its name stays.
            instead = quote(view) + ("" if has_alias else f" AS {quote(name)}")
            changes.append((sequence[first].start, after[1].end, instead))
        return splice(text, changes)

    def own_schemas(self, _: Execution, text: str) -> str:
        """Changes nothing, but finds no schema in a catalog that it was not created in."""
        if len(self._metastore.catalogs) < 2:
            return text
        sequence = list(tokens(text))
        for catalog, dot, schema in zip(sequence, sequence[1:], sequence[2:], strict=False):
            owner = self._metastore.schemas.get(schema.value.lower())
            if (
                dot.text == "."
                and catalog.value.lower() in self._metastore.catalogs
                and owner not in (None, catalog.value.lower())
            ):
                raise SqlError(
                    "SCHEMA_NOT_FOUND",
                    f"The schema `{catalog.value}`.`{schema.value}` cannot be found. Verify the "
                    "spelling and correctness of the schema and catalog.",
                )
        return text

    def functions(self, execution: Execution, text: str) -> str:
        """`current_catalog()` and its like become what they say here."""
        sequence = list(tokens(text))
        values = {
            "CURRENT_CATALOG": execution.engine.current_catalog,
            "SESSION_USER": execution.principal.name,
            "CURRENT_METASTORE": "aws:us-west-2:databricks-sandbox",
        }
        changes, depth = [], 0
        for index, token in enumerate(sequence):
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if token.kind != "word" or not _is_call(sequence, index):
                continue
            value = values.get(token.upper)
            if value is None:
                continue
            end = (
                index + 2
                if index + 2 < len(sequence) and sequence[index + 1].text == "("
                else index
            )
            literal = _text(value)
            # Spark would name the column after the literal; keep the name clients ask for.
            if depth == 0 and _is_select_item(sequence, index, end):
                literal += f" AS {quote(token.text.lower() + '()')}"
            changes.append((token.start, sequence[end].end, literal))
        return splice(text, changes)

    def _folder(self, execution: Execution, path: str) -> str:
        volumes = self._volumes
        volume = volumes.of_path(path)
        self._grants.require(execution.principal, "READ VOLUME", Securable("VOLUME", volume.name))
        local = volumes.local(path)
        if not any(mark in path for mark in "*?[{") and not local.exists():
            raise SqlError("PATH_NOT_FOUND", f"Path does not exist: {normal_path(path)}.", "42K03")
        return str(local)


def like(name: str, pattern: str) -> bool:
    """Whether a name matches the pattern of a SHOW statement: `*`, `|`, any case."""
    name = name.lower()
    return any(fnmatch.fnmatchcase(name, one.strip()) for one in pattern.lower().split("|"))


_NOT_AN_ALIAS = (
    "ANTI", "CLUSTER", "CROSS", "DISTRIBUTE", "EXCEPT", "FULL", "GROUP", "HAVING",
    "INNER", "INTERSECT", "JOIN", "LATERAL", "LEFT", "LIMIT", "MINUS", "NATURAL",
    "OFFSET", "ON", "ORDER", "PIVOT", "QUALIFY", "RIGHT", "SEMI", "SORT",
    "TABLESAMPLE", "UNION", "UNPIVOT", "USING", "WHERE", "WINDOW",
)  # fmt: skip


def _is_call(sequence: list[Token], index: int) -> bool:
    if index and sequence[index - 1].text == ".":
        return False
    after = sequence[index + 1 : index + 3]
    if [token.text for token in after] == ["(", ")"]:
        return True
    return sequence[index].upper in ("CURRENT_CATALOG", "SESSION_USER") and not (
        after and after[0].text in ("(", ".")
    )


def _is_select_item(sequence: list[Token], start: int, end: int) -> bool:
    before = sequence[start - 1].upper if start else ""
    after = sequence[end + 1].upper if end + 1 < len(sequence) else ""
    return before in ("SELECT", ",") and after in ("", ",", "FROM", ";")


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
