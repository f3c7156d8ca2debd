"""The settings of a SQL warehouse's sessions, schemas and tables."""

from __future__ import annotations

from singer_sdk import typing as th

CLUSTERING = ("auto", "keys", "none")

TABLES = (
    th.Property(
        "statement_timeout",
        th.IntegerType(minimum=1),
        title="Statement timeout",
        description=(
            "Seconds that a statement may run in the warehouse before it is cancelled there; what "
            "the warehouse is set to, two days by default, when left out."
        ),
    ),
    th.Property(
        "session_settings",
        th.ObjectType(additional_properties=th.StringType),
        title="Session settings",
        description=(
            "Configuration parameters of the warehouse's sessions, by name, such as "
            '{"use_cached_result": "false"}. TIMEZONE and ANSI_MODE are set by the target.'
        ),
    ),
    th.Property(
        "managed_location",
        th.StringType,
        title="Managed location",
        description=(
            "Where the managed tables of a schema are kept that the target makes (MANAGED "
            "LOCATION, a URL within an external location), for metastores without storage of "
            "their own. A schema that is there stays as it is."
        ),
    ),
    th.Property(
        "table_comments",
        th.BooleanType,
        title="Table comments",
        default=True,
        description="Comment tables and columns with the schema's texts (SQL warehouse).",
    ),
    th.Property(
        "current_views",
        th.BooleanType,
        title="Current views",
        default=False,
        description=(
            "Make a view <table>_current of each table, of the rows that are there: without those "
            "that the source has deleted (_sdc_deleted_at), that users have flagged "
            "(soft_delete_column), or that a later version has followed (SQL warehouse)."
        ),
    ),
    th.Property(
        "table_constraints",
        th.BooleanType,
        title="Table constraints",
        default=True,
        description=(
            "Give new tables NOT NULL keys, informational PRIMARY KEYs, and FOREIGN KEYs from "
            "x-references (SQL warehouse)."
        ),
    ),
    th.Property(
        "clustering",
        th.StringType,
        title="Clustering",
        default="auto",
        allowed_values=list(CLUSTERING),
        description=(
            "How new tables are clustered: auto leaves the columns to Databricks (and means keys "
            "where predictive optimization is off), keys takes the stream's keys, none does not "
            "(SQL warehouse)."
        ),
    ),
    th.Property(
        "type_widening",
        th.BooleanType,
        title="Type widening",
        default=True,
        description=(
            "Let columns become wider when the tap's types do (SQL warehouse). From its first "
            "widening on, readers older than Databricks Runtime 15.4 refuse a table."
        ),
    ),
    th.Property(
        "table_properties",
        th.ObjectType(additional_properties=th.StringType),
        title="Table properties",
        description="TBLPROPERTIES of tables (SQL warehouse).",
    ),
    th.Property(
        "table_tags",
        th.ObjectType(additional_properties=th.StringType),
        title="Table tags",
        description=(
            "Unity Catalog tags of all tables, by key; the tap's x-databricks-tags come on top. "
            "Takes the privilege APPLY TAG (SQL warehouse)."
        ),
    ),
)
