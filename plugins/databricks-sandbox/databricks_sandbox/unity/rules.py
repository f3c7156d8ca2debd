"""The table of everything that is not simply given to Spark, each with the reason.

A statement rule answers a whole statement, by its first words; a text rule replaces a name
inside a statement that then goes to Spark. What is in neither goes to Spark verbatim.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from databricks_sandbox.unity.catalog_statements import CatalogStatements, refuse
from databricks_sandbox.unity.describe_statements import DescribeStatements
from databricks_sandbox.unity.execution import Execution
from databricks_sandbox.unity.grant_statements import GrantStatements
from databricks_sandbox.unity.names import Names
from databricks_sandbox.unity.policy_statements import PolicyStatements
from databricks_sandbox.unity.result_set import ResultSet
from databricks_sandbox.unity.settings import reset_setting, set_setting
from databricks_sandbox.unity.spark_statements import TextRule
from databricks_sandbox.unity.table_statements import TableStatements
from databricks_sandbox.unity.tag_statements import TagStatements
from databricks_sandbox.unity.volume_statements import VolumeStatements

_DELIMITED = r"`[^`]*`"
# A name of one to three parts, as `sql_text.head` writes it.
_NAME = rf"(?:{_DELIMITED}|\w+)(?: \. (?:{_DELIMITED}|\w+))*"


@dataclass(frozen=True)
class StatementRule:
    """A statement that is not Spark's to answer, or changes as a whole.

    Attributes:
        name: how the statement log calls it.
        pattern: matched at the start of the statement's words, in upper case, one space between.
        reason: why Spark does not get it as it is.
        answer: answers it.
    """

    name: str
    pattern: re.Pattern[str]
    reason: str
    answer: Callable[[Execution], ResultSet]


def _statement(
    name: str, pattern: str, reason: str, answer: Callable[[Execution], ResultSet]
) -> StatementRule:
    return StatementRule(name, re.compile(pattern + r"(?= |$)"), reason, answer)


_NO_VOLUMES = "Spark has no volumes"
_NO_GRANTS = "Spark keeps no permissions"
_NO_POLICIES = "Spark has no row filters and column masks"
_NO_TAGS = "Spark keeps no tags"
_OWN_SETTINGS = "a warehouse has settings of its own and none of Spark's"
_ONE_CATALOG = "Spark's catalogs are configuration; Unity Catalog's are objects"


def statement_rules(
    *,
    catalogs: CatalogStatements,
    describe: DescribeStatements,
    grants: GrantStatements,
    policies: PolicyStatements,
    tables: TableStatements,
    tags: TagStatements,
    volumes: VolumeStatements,
) -> tuple[StatementRule, ...]:
    """The rules for whole statements; the first that matches answers."""
    return (
        _statement("put", "PUT", "moves a file of the client", volumes.put),
        _statement("get", "GET", "moves a file to the client", volumes.get),
        _statement("remove", "REMOVE", "removes a file of a volume", volumes.remove),
        _statement("list files", "LIST", _NO_VOLUMES, volumes.list_files),
        _statement("create volume", "CREATE (EXTERNAL )?VOLUME", _NO_VOLUMES, volumes.create),
        _statement("drop volume", "DROP VOLUME", _NO_VOLUMES, volumes.drop),
        _statement("show volumes", "SHOW VOLUMES", _NO_VOLUMES, volumes.show),
        _statement("describe volume", "(DESCRIBE|DESC) VOLUME", _NO_VOLUMES, volumes.describe),
        _statement("alter volume", "ALTER VOLUME", _NO_VOLUMES, volumes.alter),
        _statement("comment on volume", "COMMENT ON VOLUME", _NO_VOLUMES, volumes.comment),
        _statement("use catalog", "(USE|SET) CATALOG", _ONE_CATALOG, catalogs.use_catalog),
        _statement("create catalog", "CREATE (FOREIGN )?CATALOG", _ONE_CATALOG, catalogs.create),
        _statement("drop catalog", "DROP CATALOG", _ONE_CATALOG, catalogs.drop),
        _statement("show catalogs", "SHOW CATALOGS", _ONE_CATALOG, catalogs.show),
        _statement(
            "create schema",
            "CREATE (SCHEMA|DATABASE)",
            "owners; MANAGED LOCATION means nothing to Spark",
            catalogs.create_schema,
        ),
        _statement(
            "drop schema",
            "DROP (SCHEMA|DATABASE)",
            "volumes, keys, tags and owners go with it",
            catalogs.drop_schema,
        ),
        _statement(
            "show schemas",
            "SHOW (SCHEMAS|DATABASES)",
            "all catalogs share Spark's one set of schemas; permissions",
            catalogs.show_schemas,
        ),
        _statement("describe catalog", "(DESCRIBE|DESC) CATALOG", _ONE_CATALOG, catalogs.describe),
        _statement("grant", "GRANT", _NO_GRANTS, grants.grant),
        _statement("revoke", "REVOKE", _NO_GRANTS, grants.revoke),
        _statement("show grants", "SHOW GRANTS?", _NO_GRANTS, grants.show),
        _statement(
            "alter owner",
            rf"ALTER (CATALOG|SCHEMA|DATABASE|TABLE|VIEW) {_NAME} (SET )?OWNER TO",
            "Spark keeps no owners of this kind",
            grants.set_owner,
        ),
        _statement(
            "set tags",
            rf"ALTER (CATALOG|SCHEMA|DATABASE|TABLE|VIEW|VOLUME) {_NAME} "
            r"(ALTER COLUMN \S+ )?(SET|UNSET) TAGS",
            _NO_TAGS,
            tags.alter_tags,
        ),
        _statement("set tag", "(SET|UNSET) TAG ON", _NO_TAGS, tags.set_tag),
        _statement("set", "SET (?!TIME ZONE|VAR |VARIABLE ).+", _OWN_SETTINGS, set_setting),
        _statement("reset", "RESET .+", _OWN_SETTINGS, reset_setting),
        _statement(
            "row filter",
            rf"ALTER TABLE {_NAME} (SET|DROP) ROW FILTER",
            _NO_POLICIES,
            policies.alter,
        ),
        _statement(
            "column mask",
            rf"ALTER TABLE {_NAME} ALTER (COLUMN )?\S+ (SET|DROP) MASK",
            _NO_POLICIES,
            policies.alter,
        ),
        _statement(
            "not null",
            rf"ALTER TABLE {_NAME} (ALTER|CHANGE) (COLUMN )?\S+ SET NOT NULL",
            "Delta makes no column of a table that is there NOT NULL",
            tables.forbid_nulls,
        ),
        _statement(
            "table of a pipeline",
            "CREATE (STREAMING TABLE|MATERIALIZED VIEW)",
            "Spark has no pipelines",
            policies.create_of_pipeline,
        ),
        _statement("merge", "MERGE INTO", _NO_POLICIES, policies.merge),
        _statement(
            "add columns",
            rf"ALTER TABLE {_NAME} ADD COLUMNS?",
            "Databricks wants the feature of VARIANT switched on first, Delta does it by itself",
            tables.add_columns,
        ),
        _statement(
            "add constraint",
            rf"ALTER TABLE {_NAME} ADD (CONSTRAINT|PRIMARY KEY|FOREIGN KEY)",
            "Delta has no informational keys; CHECK goes to Delta",
            tables.add_constraint,
        ),
        _statement(
            "drop constraint",
            rf"ALTER TABLE {_NAME} DROP (CONSTRAINT|PRIMARY KEY|FOREIGN KEY)",
            "Delta has no informational keys; CHECK goes to Delta",
            tables.drop_constraint,
        ),
        _statement(
            "cluster by auto",
            rf"ALTER TABLE {_NAME} CLUSTER BY AUTO",
            "clustering by usage is a service of Databricks",
            tables.cluster_by_auto,
        ),
        _statement(
            "rename table",
            rf"ALTER (TABLE|VIEW) {_NAME} RENAME TO",
            "keys, tags and owners go along",
            tables.rename,
        ),
        _statement(
            "drop table", "DROP (TABLE|VIEW)", "keys, tags and owners go with it", tables.drop
        ),
        _statement(
            "create table",
            r"CREATE (OR REPLACE )?TABLE",
            "keys and CLUSTER BY AUTO are taken out and kept; owners",
            tables.create,
        ),
        _statement("create view", r"CREATE (OR REPLACE )?VIEW", "owners", tables.create_view),
        _statement(
            "comment on column",
            "COMMENT ON COLUMN",
            "Spark comments on columns with ALTER TABLE only",
            tables.comment_on_column,
        ),
        _statement(
            "insert",
            "INSERT (INTO|OVERWRITE)",
            "Databricks answers the number of rows, Spark nothing",
            tables.insert,
        ),
        _statement(
            "describe as json",
            r"(DESCRIBE|DESC) (TABLE )?(EXTENDED )?.* AS JSON",
            "Spark refuses AS JSON for Delta tables",
            describe.as_json,
        ),
        _statement("copy into", "COPY INTO", "Spark has no COPY INTO", refuse),
    )


def text_rules(names: Names) -> tuple[TextRule, ...]:
    """The rules for names inside statements, in the order in which they are applied."""
    return (
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
            ("current_catalog", "session_user", "current_metastore"),
            "Spark names the catalog behind the catalog",
            names.functions,
        ),
    )
