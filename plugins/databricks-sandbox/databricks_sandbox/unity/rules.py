"""The table of everything that is not simply given to Spark, each with the reason.

A statement rule answers a whole statement, found by its first words; a text rule replaces a name
inside a statement that then goes to Spark. What is in neither goes to Spark verbatim.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from databricks_sandbox.unity import (
    catalog_statements,
    describe_statements,
    grant_statements,
    names,
    table_statements,
    tag_statements,
    volume_statements,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sandbox.unity.execution import Call
    from databricks_sandbox.unity.result_set import Answer

_DELIMITED = r"`[^`]*`"
# A name of one to three parts, as `sql_text.head` writes it.
_NAME = rf"(?:{_DELIMITED}|\w+)(?: \. (?:{_DELIMITED}|\w+))*"


@dataclass(frozen=True)
class StatementRule:
    """A statement the front answers, or changes as a whole.

    Attributes:
        name: how the statement log calls it.
        pattern: matched at the start of the statement's words, in upper case, one space between.
        reason: why Spark does not get it as it is.
        answer: answers it.
    """

    name: str
    pattern: re.Pattern[str]
    reason: str
    answer: Callable[[Call], Answer]


@dataclass(frozen=True)
class TextRule:
    """A name inside a statement that Spark does not know.

    Attributes:
        name: how the statement log calls it.
        triggers: the text is looked at when one of these is in it, in lower case.
        reason: why Spark does not get it as it is.
        change: the text to give to Spark.
    """

    name: str
    triggers: tuple[str, ...]
    reason: str
    change: Callable[[Call, str], str]


def _statement(
    name: str, pattern: str, reason: str, answer: Callable[[Call], Answer]
) -> StatementRule:
    return StatementRule(name, re.compile(pattern + r"(?= |$)"), reason, answer)


_NO_VOLUMES = "Spark has no volumes"
_NO_GRANTS = "Spark keeps no permissions"
_NO_TAGS = "Spark keeps no tags"
_ONE_CATALOG = "Spark's catalogs are configuration; Unity Catalog's are objects"

STATEMENT_RULES = (
    _statement("put", "PUT", "moves a file of the client", volume_statements.put),
    _statement("get", "GET", "moves a file to the client", volume_statements.get),
    _statement("remove", "REMOVE", "removes a file of a volume", volume_statements.remove),
    _statement("list files", "LIST", _NO_VOLUMES, volume_statements.list_files),
    _statement("create volume", "CREATE (EXTERNAL )?VOLUME", _NO_VOLUMES, volume_statements.create),
    _statement("drop volume", "DROP VOLUME", _NO_VOLUMES, volume_statements.drop),
    _statement("show volumes", "SHOW VOLUMES", _NO_VOLUMES, volume_statements.show),
    _statement(
        "describe volume", "(DESCRIBE|DESC) VOLUME", _NO_VOLUMES, volume_statements.describe
    ),
    _statement("alter volume", "ALTER VOLUME", _NO_VOLUMES, volume_statements.alter),
    _statement("comment on volume", "COMMENT ON VOLUME", _NO_VOLUMES, volume_statements.comment),
    _statement("use catalog", "(USE|SET) CATALOG", _ONE_CATALOG, catalog_statements.use_catalog),
    _statement("create catalog", "CREATE CATALOG", _ONE_CATALOG, catalog_statements.create),
    _statement("drop catalog", "DROP CATALOG", _ONE_CATALOG, catalog_statements.drop),
    _statement("show catalogs", "SHOW CATALOGS", _ONE_CATALOG, catalog_statements.show),
    _statement(
        "create schema",
        "CREATE (SCHEMA|DATABASE)",
        "owners; MANAGED LOCATION means nothing to Spark",
        catalog_statements.create_schema,
    ),
    _statement(
        "drop schema",
        "DROP (SCHEMA|DATABASE)",
        "volumes, keys, tags and owners go with it",
        catalog_statements.drop_schema,
    ),
    _statement(
        "show schemas",
        "SHOW (SCHEMAS|DATABASES)",
        "all catalogs share Spark's one set of schemas; permissions",
        catalog_statements.show_schemas,
    ),
    _statement(
        "describe catalog", "(DESCRIBE|DESC) CATALOG", _ONE_CATALOG, catalog_statements.describe
    ),
    _statement("grant", "GRANT", _NO_GRANTS, grant_statements.grant),
    _statement("revoke", "REVOKE", _NO_GRANTS, grant_statements.revoke),
    _statement("show grants", "SHOW GRANTS?", _NO_GRANTS, grant_statements.show),
    _statement(
        "alter owner",
        rf"ALTER (CATALOG|SCHEMA|DATABASE|TABLE|VIEW) {_NAME} (SET )?OWNER TO",
        "Spark keeps no owners of this kind",
        grant_statements.set_owner,
    ),
    _statement(
        "set tags",
        rf"ALTER (CATALOG|SCHEMA|DATABASE|TABLE|VIEW|VOLUME) {_NAME} "
        r"(ALTER COLUMN \S+ )?(SET|UNSET) TAGS",
        _NO_TAGS,
        tag_statements.alter_tags,
    ),
    _statement("set tag", "(SET|UNSET) TAG ON", _NO_TAGS, tag_statements.set_tag),
    _statement(
        "add constraint",
        rf"ALTER TABLE {_NAME} ADD (CONSTRAINT|PRIMARY KEY|FOREIGN KEY)",
        "Delta has no informational keys; CHECK goes to Delta",
        table_statements.add_constraint,
    ),
    _statement(
        "drop constraint",
        rf"ALTER TABLE {_NAME} DROP (CONSTRAINT|PRIMARY KEY|FOREIGN KEY)",
        "Delta has no informational keys; CHECK goes to Delta",
        table_statements.drop_constraint,
    ),
    _statement(
        "cluster by auto",
        rf"ALTER TABLE {_NAME} CLUSTER BY AUTO",
        "clustering by usage is a service of Databricks",
        table_statements.cluster_by_auto,
    ),
    _statement(
        "rename table",
        rf"ALTER (TABLE|VIEW) {_NAME} RENAME TO",
        "keys, tags and owners go along",
        table_statements.rename,
    ),
    _statement(
        "drop table", "DROP (TABLE|VIEW)", "keys, tags and owners go with it", table_statements.drop
    ),
    _statement(
        "create table",
        r"CREATE (OR REPLACE )?TABLE",
        "keys and CLUSTER BY AUTO are taken out and kept; owners",
        table_statements.create,
    ),
    _statement("create view", r"CREATE (OR REPLACE )?VIEW", "owners", table_statements.create_view),
    _statement(
        "comment on column",
        "COMMENT ON COLUMN",
        "Spark comments on columns with ALTER TABLE only",
        table_statements.comment_on_column,
    ),
    _statement(
        "insert",
        "INSERT (INTO|OVERWRITE)",
        "Databricks answers the number of rows, Spark nothing",
        table_statements.insert,
    ),
    _statement(
        "describe as json",
        r"(DESCRIBE|DESC) (TABLE )?(EXTENDED )?.* AS JSON",
        "Spark refuses AS JSON for Delta tables",
        describe_statements.as_json,
    ),
    _statement("copy into", "COPY INTO", "Spark has no COPY INTO", catalog_statements.refuse),
)

TEXT_RULES = (
    TextRule(
        "schema of another catalog",
        (".",),
        "all catalogs share Spark's one set of schemas",
        names.own_schemas,
    ),
    TextRule(
        "read_files",
        ("read_files",),
        "Spark has no read_files; the same files are read as ``format.`path` ``",
        names.read_files,
    ),
    TextRule(
        "volume path", ("/volumes/",), "a volume is a folder of the sandbox", names.volume_paths
    ),
    TextRule(
        "information_schema",
        ("information_schema",),
        "Spark has none; its views are made from what there is just before they are read",
        names.information_schema,
    ),
    TextRule(
        "current_catalog",
        (
            "current_catalog",
            "current_database",
            "session_user",
            "is_member",
            "is_account_group_member",
            "current_metastore",
        ),
        "Spark names the catalog behind the catalog",
        names.functions,
    ),
)
