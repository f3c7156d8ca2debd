"""The figures of the page: which rows of which marts, and what of them is a label or a figure.

Every query gives `tenant_id`, `month_end`, labels, then figures, in the order in which the page
shows them, in SQL that DuckDB and Databricks both have. Nothing is computed here but sums of
decimals.
"""

from __future__ import annotations

from dataclasses import dataclass

_AGED = """
SELECT a.tenant_id, a.month_end, c.name, k.code, a.current_base, a.less_than_1_month_base,
  a.months_1_base, a.months_2_base, a.months_3_base, a.older_base
FROM {{marts}}.{mart} AS a
LEFT JOIN {{marts}}.dim_contact AS c ON c.contact_key = a.contact_key
LEFT JOIN {{marts}}.dim_currency AS k ON k.currency_key = a.currency_key
ORDER BY a.tenant_id, a.month_end, a.total_base DESC, c.name, k.code
"""

AGED_FIGURES = (
    *("current_base", "less_than_1_month_base", "months_1_base", "months_2_base"),
    *("months_3_base", "older_base"),
)
"""What adds up to `total_base`, which the page does itself: these tables are the largest."""


@dataclass(frozen=True)
class Figures:
    """A table of figures by organisation and month.

    Attributes:
        name: What the page calls it.
        labels: Columns that say what a row is.
        figures: Columns of decimals and counts.
        query: SQL.
    """

    name: str
    labels: tuple[str, ...]
    figures: tuple[str, ...]
    query: str


ORGANISATIONS = """
SELECT tenant_id, name, base_currency, country_code, period_lock_date, end_of_year_lock_date
FROM {marts}.dim_organisation ORDER BY name, tenant_id
"""

MONTHS = """
SELECT tenant_id, month_end, year_start FROM {marts}.dim_month ORDER BY tenant_id, month_end
"""

GROUP_CURRENCY = "SELECT currency FROM {marts}.group_currency"

TABLES = (
    Figures(
        "profit_and_loss",
        ("position", "section", "sign", "code", "account"),
        ("amount", "year_to_date"),
        """
        SELECT tenant_id, month_end, position, section, sign, code, account, amount, year_to_date
        FROM {marts}.profit_and_loss WHERE basis = 'accrual'
        ORDER BY tenant_id, month_end, position, code NULLS LAST, account
        """,
    ),
    Figures(
        "group_profit_and_loss",
        ("position", "section", "sign", "currency", "is_converted"),
        ("amount",),
        """
        SELECT tenant_id, month_end, position, section, sign, currency, is_converted,
          CAST(sum(amount) AS DECIMAL(18, 4)) AS amount
        FROM {marts}.group_profit_and_loss
        GROUP BY tenant_id, month_end, position, section, sign, currency, is_converted
        ORDER BY tenant_id, month_end, position, currency
        """,
    ),
    Figures(
        "balance_sheet",
        ("position", "section", "class", "code", "account"),
        ("amount",),
        """
        SELECT tenant_id, month_end, position, section, class, code, account, amount
        FROM {marts}.balance_sheet WHERE basis = 'accrual'
        ORDER BY tenant_id, month_end, position, code NULLS LAST, account
        """,
    ),
    Figures(
        "group_balance_sheet",
        ("position", "section", "class", "currency", "is_converted"),
        ("amount",),
        """
        SELECT tenant_id, month_end, position, section, class, currency, is_converted,
          CAST(sum(amount) AS DECIMAL(18, 4)) AS amount
        FROM {marts}.group_balance_sheet
        GROUP BY tenant_id, month_end, position, section, class, currency, is_converted
        ORDER BY tenant_id, month_end, position, currency
        """,
    ),
    Figures(
        "bank_accounts",
        ("code", "account", "currency"),
        ("opening_balance", "received", "spent", "revaluation", "closing_balance"),
        """
        SELECT b.tenant_id, b.month_end, a.code, a.name AS account, a.currency_code AS currency,
          b.opening_balance, b.received, b.spent, b.revaluation, b.closing_balance
        FROM {marts}.bank_accounts AS b
        JOIN {marts}.dim_account AS a ON a.account_key = b.account_key
        ORDER BY b.tenant_id, b.month_end, a.code NULLS LAST, a.name
        """,
    ),
    *(
        Figures(mart, ("contact", "currency"), AGED_FIGURES, _AGED.format(mart=mart))
        for mart in ("aged_receivables", "aged_payables")
    ),
    Figures(
        "tracking",
        ("category", "option"),
        ("revenue",),
        """
        SELECT r.tenant_id, r.month_end, c.name AS category, o.name AS option,
          CAST(sum(r.amount) AS DECIMAL(18, 4)) AS revenue
        FROM {marts}.result_by_tracking_option AS r
        JOIN {marts}.dim_account AS a ON a.account_key = r.account_key AND a.class = 'REVENUE'
        JOIN {marts}.dim_tracking_category AS c
          ON c.tracking_category_key = r.tracking_category_key
        LEFT JOIN {marts}.dim_tracking_option AS o
          ON o.tracking_option_key = r.tracking_option_key
        GROUP BY r.tenant_id, r.month_end, c.name, o.name
        ORDER BY r.tenant_id, r.month_end, c.name, o.name NULLS LAST
        """,
    ),
    Figures(
        "customers",
        ("period",),
        (
            *("opening", "new", "returned", "expansion", "contraction", "lost", "closing"),
            *("opening_customers", "new_customers", "returned_customers", "lost_customers"),
            *("closing_customers", "gross_retention", "net_retention", "customer_churn"),
        ),
        """
        SELECT tenant_id, last_day(period_start) AS month_end, period, opening, new, returned,
          expansion, contraction, lost, closing, opening_customers, new_customers,
          returned_customers, lost_customers, closing_customers, gross_retention, net_retention,
          customer_churn
        FROM {marts}.revenue_bridge
        ORDER BY tenant_id, month_end, period
        """,
    ),
    Figures(
        "budgets",
        ("budget", "position", "section", "sign", "code", "account"),
        ("actual", "budget", "variance", "variance_share"),
        """
        SELECT b.tenant_id, b.month_end,
          CASE WHEN o.name IS NULL THEN b.budget_name
            ELSE concat(b.budget_name, ' (', o.category_name, ': ', o.name, ')')
          END AS budget_label,
          b.position, b.section, s.sign, b.code, b.account,
          b.actual, b.budget, b.variance, b.variance_share
        FROM {marts}.budget_against_actual AS b
        JOIN (SELECT DISTINCT position, sign FROM {marts}.statement_sections) AS s
          ON s.position = b.position
        LEFT JOIN {marts}.dim_tracking_option AS o
          ON o.tracking_option_key = b.tracking_option_key
        ORDER BY b.tenant_id, b.month_end,
          CASE WHEN b.tracking_option_key IS NULL THEN 0 ELSE 1 END, budget_label, b.position,
          b.code NULLS LAST, b.account
        """,
    ),
)

HEALTH = """
SELECT tenant_id, organisation, stream, right_at, failing_since, reason, status
FROM {marts}.xero_pipeline_health ORDER BY tenant_id NULLS LAST, stream
"""
"""How fresh every stream is; of all organisations together where the tap does not tell."""

LOADS = "_sdc_loads"
LOADS_COLUMNS = ("stream", "rows_inserted", "rows_updated", "rows_deleted", "finished_at")
LOADS_QUERY = """
SELECT stream,
  max(CASE WHEN rows_inserted + rows_updated + rows_deleted > 0 THEN finished_at END) AS changed_at
FROM {table} GROUP BY stream
"""
"""The last load of every stream that changed something."""

RECONCILIATION = "xero_reconciliation"
RECONCILIATION_COLUMNS = (
    *("tenant_id", "organisation", "check_name", "basis", "period_end", "subject", "subject_name"),
    *("lakehouse", "xero", "difference", "status", "explanation", "documents", "locked"),
    *("first_agreed", "checked_at"),
)
RECONCILIATION_QUERY = """
SELECT r.* FROM {table} AS r
JOIN (SELECT tenant_id, max(checked_at) AS latest FROM {table} GROUP BY tenant_id) AS l
  ON l.tenant_id = r.tenant_id AND l.latest = r.checked_at
ORDER BY r.organisation, r.tenant_id, r.check_name, r.basis, r.subject_name, r.subject, r.period_end
"""
"""Each organisation's last reconciliation."""
