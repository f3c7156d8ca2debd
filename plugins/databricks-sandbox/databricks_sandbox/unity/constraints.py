"""Informational PRIMARY KEY and FOREIGN KEY: read from statements, checked, stored.

Source: Databricks SQL, "CONSTRAINT clause" and "ADD CONSTRAINT clause".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from databricks_sandbox.engine import tables
from databricks_sandbox.errors import SqlError, unsupported
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grants import Grants
from databricks_sandbox.unity.metastore import Constraint, Metastore, Name, Securable
from databricks_sandbox.unity.sql_text import Reader

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

# Words that may follow a key; all but RELY change nothing.
_OPTIONS = (
    ("NOT", "ENFORCED"),
    ("DEFERRABLE",),
    ("INITIALLY", "DEFERRED"),
    ("ENABLE",),
    ("NOVALIDATE",),
    ("NORELY",),
    ("MATCH", "FULL"),
    ("ON", "UPDATE", "NO", "ACTION"),
    ("ON", "DELETE", "NO", "ACTION"),
)


def table_constraint(reader: Reader, table: str) -> Constraint | None:
    """A key at the reader's position: `[CONSTRAINT name] PRIMARY KEY (…)` or `FOREIGN KEY (…) …`.

    None, with the reader where it was, when it is another constraint.
    """
    start = reader.position
    name = reader.word() if reader.accept("CONSTRAINT") else None
    if reader.accept("PRIMARY", "KEY"):
        columns = tuple(column.lower() for column in reader.names_in_parentheses())
        return Constraint(name or f"{table}_pk", "PRIMARY KEY", columns, rely=_options(reader))
    if reader.accept("FOREIGN", "KEY"):
        columns = tuple(column.lower() for column in reader.names_in_parentheses())
        return _reference(reader, table, name, columns)
    reader.position = start
    return None


def extract_keys(
    reader: Reader, table: str, changes: list[tuple[int, int, str]]
) -> list[Constraint]:
    """The keys of a CREATE TABLE, read from its list of columns.

    Args:
        reader: behind the table's name; behind the list afterwards.
        table: the table's name, for keys that have none.
        changes: where what must leave the text is noted.
    """
    opening = reader.peek()
    if opening is None or opening.text != "(":
        return []
    reader.next()
    keys: list[Constraint] = []
    ends: dict[str, int] = {}
    has_not_null = set()
    before_item = opening.end
    items = 0
    while True:
        start = reader.next()
        reader.position -= 1
        key = None
        if start.upper in ("CONSTRAINT", "PRIMARY", "FOREIGN"):
            key = table_constraint(reader, table)
        if key is not None:
            keys.append(key)
            # The comma before it goes along; it can come first, too.
            end = reader.tokens[reader.position - 1].end
            following = reader.peek()
            if not items and following is not None and following.text == ",":
                end = following.end
            changes.append((before_item if items else start.start, end, ""))
        else:
            column = start.value.lower()
            if _column(reader, table, column, keys, changes):
                has_not_null.add(column)
            ends[column] = reader.tokens[reader.position - 1].end
            items += 1
        separator = reader.next()
        if separator.text == ")":
            break
        before_item = separator.start
    for key in keys:
        if key.kind == "PRIMARY KEY":
            # Columns of a primary key are NOT NULL even where nothing says so.
            changes.extend(
                (ends[column], ends[column], " NOT NULL")
                for column in key.columns
                if column in ends and column not in has_not_null
            )
    return keys


def _column(
    reader: Reader,
    table: str,
    column: str,
    keys: list[Constraint],
    changes: list[tuple[int, int, str]],
) -> bool:
    """Step over a column's definition, taking its keys out; says whether it is NOT NULL."""
    not_null, depth, parentheses, angles = False, 0, 0, 0
    before = reader.next()
    while (token := reader.peek()) is not None:
        if depth == 0 and token.text in (",", ")"):
            break
        if depth == 0 and token.upper in ("CONSTRAINT", "PRIMARY", "FOREIGN", "REFERENCES"):
            position = reader.position
            name = reader.word() if reader.accept("CONSTRAINT") else None
            if reader.accept("PRIMARY", "KEY"):
                rely = _options(reader)
                keys.append(Constraint(name or f"{table}_pk", "PRIMARY KEY", (column,), rely=rely))
                changes.append((token.start, reader.tokens[reader.position - 1].end, ""))
                continue
            reader.accept("FOREIGN", "KEY")
            following = reader.peek()
            if following is not None and following.upper == "REFERENCES":
                keys.append(_reference(reader, table, name, (column,)))
                changes.append((token.start, reader.tokens[reader.position - 1].end, ""))
                continue
            reader.position = position
        if depth == 0 and reader.accept("NOT", "NULL"):
            not_null = True
            continue
        # Types nest with < > as well as ( ), where a > may also compare.
        if token.text == "<" and before.upper in ("STRUCT", "ARRAY", "MAP"):
            angles += 1
        elif token.text == ">" and angles:
            angles -= 1
        else:
            parentheses += {"(": 1, ")": -1}.get(token.text, 0)
        depth = parentheses + angles
        before = reader.next()
    return not_null


def _reference(
    reader: Reader, table: str, name: str | None, columns: tuple[str, ...]
) -> Constraint:
    reader.expect("REFERENCES")
    parent = tuple(part.lower() for part in reader.name())
    following = reader.peek()
    parent_columns: tuple[str, ...] = ()
    if following is not None and following.text == "(":
        parent_columns = tuple(column.lower() for column in reader.names_in_parentheses())
    rely = _options(reader)
    return Constraint(
        name or f"{table}_{parent[-1]}_fk", "FOREIGN KEY", columns, parent, parent_columns, rely
    )


def _options(reader: Reader) -> bool:
    rely = False
    while True:
        if reader.accept("RELY"):
            rely = True
        elif reader.accept("ENFORCED"):
            raise unsupported("enforced keys; neither does Databricks")
        elif not any(reader.accept(*words) for words in _OPTIONS):
            return rely


def check_new(
    execution: Execution,
    metastore: Metastore,
    grants: Grants,
    table: Name,
    keys: list[Constraint],
) -> None:
    """Check the keys of a table that is about to be made, and complete them in place.

    Raises:
        SqlError: two primary keys, a name that is taken in the schema, or a parent that cannot be
            one or belongs to somebody else.
    """
    if sum(key.kind == "PRIMARY KEY" for key in keys) > 1:
        raise _second_primary_key(table)
    names = [key.name.lower() for key in keys]
    taken = _names(metastore, table, besides=table)
    if len(set(names)) < len(names) or taken.intersection(names):
        raise _exists(next((n for n in names if n in taken), names[0]), table)
    keys[:] = [_complete(execution, metastore, grants, key, table, keys) for key in keys]


def check_types(execution: Execution, table: Name, keys: Iterable[Constraint]) -> None:
    """Check that foreign keys have the types of what they point at.

    Raises:
        SqlError: FOREIGN_KEY_MISMATCH.
    """
    for key in keys:
        if key.parent is None:
            continue
        own, theirs = _types(execution, table), _types(execution, key.parent)
        for column, to in zip(key.columns, key.parent_columns, strict=True):
            if own.get(column) != theirs.get(to):
                raise SqlError(
                    "FOREIGN_KEY_MISMATCH",
                    f"Foreign key parent columns `{to}` ({theirs.get(to)}) do not match primary "
                    f"key child columns `{column}` ({own.get(column)}) of the constraint "
                    f"`{key.name}`.",
                )


def _types(execution: Execution, table: Name) -> dict[str, str]:
    columns = tables.table(execution.engine, *table).schema.fields
    return {column.name.lower(): column.dataType.simpleString() for column in columns}


def _names(metastore: Metastore, table: Name, *, besides: Name | None = None) -> set[str]:
    """Names of the keys of a table's schema, in lower case."""
    return {
        key.name.lower()
        for other, keys in metastore.constraints.items()
        if other[:2] == table[:2] and other != besides
        for key in keys
    }


def add(
    execution: Execution,
    metastore: Metastore,
    grants: Grants,
    table: Name,
    schema: StructType,
    key: Constraint,
) -> None:
    """Check and store a key of a table that exists.

    Raises:
        SqlError: what Unity Catalog refuses: unknown or nullable columns, a second primary key, a
            name that is taken in the schema, a parent without a primary key, columns of other
            types than the parent's, tables of somebody else.
    """
    if key.parent is not None:
        grants.require_owner(execution.principal, Securable("TABLE", table))
    nullable = {field.name.lower(): field.nullable for field in schema.fields}
    for column in key.columns:
        if column not in nullable:
            raise SqlError(
                "COLUMN_NOT_FOUND",
                f"The column `{column}` cannot be found in table `{'`.`'.join(table)}`.",
            )
    open_columns = [column for column in key.columns if nullable[column]]
    if key.kind == "PRIMARY KEY" and open_columns:
        raise SqlError(
            "UC_PRIMARY_KEY_ON_NULLABLE_COLUMN",
            f"Cannot create the primary key `{key.name}` because its child column(s) "
            f"`{'`, `'.join(open_columns)}` is nullable. Please change the column nullability and "
            "retry.",
        )
    with metastore.lock:
        there = metastore.constraints.setdefault(table, [])
        if key.name.lower() in _names(metastore, table):
            raise _exists(key.name, table)
        if key.kind == "PRIMARY KEY" and any(other.kind == key.kind for other in there):
            raise _second_primary_key(table)
        complete = _complete(execution, metastore, grants, key, table, there)
        check_types(execution, table, [complete])
        there.append(complete)


def drop(metastore: Metastore, reader: Reader, table: Name) -> bool:
    """Drop a key; False when the statement is about a constraint of Delta's.

    Raises:
        SqlError: there is no such key, or foreign keys still point at it.
    """
    there = metastore.constraints.get(table, [])
    if reader.accept("CONSTRAINT"):
        if_exists = reader.accept("IF", "EXISTS")
        name = reader.word()
        dropped = [key for key in there if key.name.lower() == name.lower()]
        if not dropped:
            return False
    elif reader.accept("PRIMARY", "KEY"):
        if_exists = reader.accept("IF", "EXISTS")
        dropped = [key for key in there if key.kind == "PRIMARY KEY"]
    else:
        reader.expect("FOREIGN", "KEY")
        if_exists = reader.accept("IF", "EXISTS")
        columns = tuple(column.lower() for column in reader.names_in_parentheses())
        dropped = [key for key in there if key.kind == "FOREIGN KEY" and key.columns == columns]
    cascade = reader.accept("CASCADE")
    reader.accept("RESTRICT")
    reader.expect_end()
    if not dropped and not if_exists:
        raise SqlError(
            "UC_CONSTRAINT_DOES_NOT_EXIST",
            f"Table `{'`.`'.join(table)}` has no such constraint.",
        )
    with metastore.lock:
        if any(key.kind == "PRIMARY KEY" for key in dropped):
            _drop_references(metastore, table, cascade=cascade)
        metastore.constraints[table] = [key for key in there if key not in dropped]
    return True


def _drop_references(metastore: Metastore, table: Name, *, cascade: bool) -> None:
    constraints = metastore.constraints
    references = [(name, key) for name, keys in constraints.items() for key in keys
                if key.parent == table]  # fmt: skip
    if references and not cascade:
        name, key = references[0]
        raise SqlError(
            "UC_DEPENDENT_CONSTRAINT",
            f"Cannot drop the primary key of `{'`.`'.join(table)}` because the foreign key "
            f"`{key.name}` of `{'`.`'.join(name)}` refers to it. Use CASCADE to drop both.",
            "2BP01",
        )
    for name, key in references:
        constraints[name].remove(key)


def _complete(
    execution: Execution,
    metastore: Metastore,
    grants: Grants,
    key: Constraint,
    table: Name,
    siblings: list[Constraint],
) -> Constraint:
    """A foreign key with the full name of its parent and the columns it points at."""
    if key.parent is None:
        return key
    parent = execution.full_name(key.parent, "TABLE")
    if parent == table:
        keys = siblings
    else:
        if not tables.exists(execution.engine, parent[1], parent[2]):
            raise SqlError(
                "TABLE_OR_VIEW_NOT_FOUND",
                f"The table or view `{'`.`'.join(parent)}` cannot be found. Verify the spelling "
                "and correctness of the schema and catalog.",
            )
        grants.require_owner(execution.principal, Securable("TABLE", parent))
        keys = metastore.constraints.get(parent, [])
    primary = next((other for other in keys if other.kind == "PRIMARY KEY"), None)
    columns = key.parent_columns or (primary.columns if primary else ())
    if primary is None or set(columns) != set(primary.columns):
        raise SqlError(
            "UC_FOREIGN_KEY_WITHOUT_PARENT_KEY",
            f"Cannot create the foreign key `{key.name}` because the parent table "
            f"`{'`.`'.join(parent)}` has no primary key of the columns it refers to.",
            "42830",
        )
    if len(columns) != len(key.columns):
        raise SqlError(
            "UC_FOREIGN_KEY_COLUMN_MISMATCH",
            f"Cannot create the foreign key `{key.name}`: it has {len(key.columns)} column(s), the "
            f"primary key of `{'`.`'.join(parent)}` has {len(columns)}.",
            "42830",
        )
    return Constraint(key.name, key.kind, key.columns, parent, columns, key.rely)


def _exists(name: str, table: Name) -> SqlError:
    return SqlError(
        "UC_CONSTRAINT_ALREADY_EXISTS",
        f"The constraint `{name}` exists already on table `{'`.`'.join(table)}`.",
    )


def _second_primary_key(table: Name) -> SqlError:
    return SqlError(
        "UC_CONSTRAINT_ALREADY_EXISTS",
        f"Table `{'`.`'.join(table)}` has a primary key already; it can have one only.",
    )
