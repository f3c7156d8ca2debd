"""Marts of invented organisations in a DuckDB file, as large as a test wants them."""

from __future__ import annotations

from pathlib import Path

import duckdb

COUNTRIES = (("NZ", "NZD"), ("DE", "EUR"), ("JP", "JPY"), ("IN", "INR"), ("GB", "GBP"))
HOSTILE = "</script><script>document.title = 'taken'</script>"

_AMOUNT = "CAST((hash({}) % 20000000)::BIGINT / 100 - 40000 AS DECIMAL(18, 4))"

_TABLES = """
CREATE SCHEMA marts;
CREATE TABLE marts.group_currency AS SELECT 'NZD' AS currency;
CREATE TABLE marts.dim_organisation AS
  SELECT 't' || printf('%02d', o) AS tenant_id,
    CASE WHEN o = 0 THEN $hostile ELSE 'Organisation ' || printf('%02d', o) END AS name,
    $currencies[o % len($currencies) + 1] AS base_currency,
    $countries[o % len($countries) + 1] AS country_code,
    NULL::DATE AS period_lock_date, NULL::DATE AS end_of_year_lock_date
  FROM range($organisations) AS t(o);
CREATE TABLE marts.xero_pipeline_health AS
  SELECT tenant_id, name AS organisation, 'invoices' AS stream,
    TIMESTAMPTZ '2026-02-03 20:00:00Z' AS right_at, NULL::TIMESTAMPTZ AS failing_since,
    NULL::VARCHAR AS reason, 'right' AS status
  FROM marts.dim_organisation
  UNION ALL
  SELECT NULL, 'all organisations', 'contacts', TIMESTAMPTZ '2026-02-01 20:00:00Z',
    TIMESTAMPTZ '2026-02-03 20:00:00Z', 'a column is in the way', 'failing';
CREATE TABLE marts.dim_month AS
  SELECT tenant_id, last_day(d)::DATE AS month_end, date_trunc('year', d)::DATE AS year_start
  FROM marts.dim_organisation, (
    SELECT DATE '2026-01-01' - m * INTERVAL 1 MONTH AS d FROM range($months) AS t(m));
CREATE TABLE marts.statement_sections AS
  SELECT * FROM (VALUES (1, 'Income', 'REVENUE', 1), (2, 'Cost of Sales', 'EXPENSE', -1),
    (3, 'Other Income', 'REVENUE', 1), (4, 'Operating Expenses', 'EXPENSE', -1),
    (5, 'Bank', 'ASSET', 1), (6, 'Current Assets', 'ASSET', 1), (9, 'Current Liabilities',
    'LIABILITY', 1), (11, 'Equity', 'EQUITY', 1)) AS t(position, section, class, sign);
CREATE TABLE marts.dim_account AS
  SELECT o.tenant_id, o.tenant_id || ':' || s.position || a AS account_key,
    printf('%d%02d', s.position, a) AS code, s.section || ' ' || a AS name, s.class,
    o.base_currency AS currency_code, s.position, s.section, s.sign
  FROM marts.dim_organisation AS o, marts.statement_sections AS s, range(6) AS t(a);
CREATE TABLE marts.profit_and_loss AS
  SELECT m.tenant_id, 'accrual' AS basis, m.month_end, position, section, sign, code,
    name AS account, account_key, {amount} AS amount, {year} AS year_to_date
  FROM marts.dim_month AS m JOIN marts.dim_account AS a USING (tenant_id) WHERE position < 5;
CREATE TABLE marts.balance_sheet AS
  SELECT m.tenant_id, 'accrual' AS basis, m.month_end, position, section, class, code,
    name AS account, account_key, {amount} AS amount
  FROM marts.dim_month AS m JOIN marts.dim_account AS a USING (tenant_id) WHERE position > 4;
CREATE TABLE marts.group_profit_and_loss AS
  SELECT *, 'NZD' AS currency, true AS is_converted FROM marts.profit_and_loss;
CREATE TABLE marts.group_balance_sheet AS
  SELECT *, 'NZD' AS currency, true AS is_converted FROM marts.balance_sheet;
CREATE TABLE marts.bank_accounts AS
  SELECT tenant_id, month_end, account_key, amount AS opening_balance, amount AS received,
    amount AS spent, 0.0000::DECIMAL(18, 4) AS revaluation, amount AS closing_balance
  FROM marts.balance_sheet WHERE position = 5;
CREATE TABLE marts.dim_contact AS
  SELECT tenant_id, tenant_id || ':' || c AS contact_key, 'Contact ' || c AS name
  FROM marts.dim_organisation, range(4 * $contacts) AS t(c);
CREATE TABLE marts.dim_currency AS
  SELECT tenant_id, tenant_id || ':' || base_currency AS currency_key, base_currency AS code
  FROM marts.dim_organisation;
CREATE TABLE marts.aged_receivables AS
  SELECT m.tenant_id, m.month_end, c.contact_key, k.currency_key, {amount} AS current_base,
    {year} AS less_than_1_month_base, 0.0000::DECIMAL(18, 4) AS months_1_base,
    0.0000::DECIMAL(18, 4) AS months_2_base, 0.0000::DECIMAL(18, 4) AS months_3_base,
    {older} AS older_base, CAST({amount} + {year} + {older} AS DECIMAL(18, 4)) AS total_base
  FROM marts.dim_month AS m JOIN marts.dim_contact AS c USING (tenant_id)
  JOIN marts.dim_currency AS k USING (tenant_id), (SELECT 1 AS account_key)
  WHERE hash(m.month_end, c.contact_key) % 4 = 0;
CREATE TABLE marts.aged_payables AS SELECT * FROM marts.aged_receivables;
CREATE TABLE marts.dim_tracking_category AS
  SELECT tenant_id, tenant_id || ':' || c AS tracking_category_key, 'Category ' || c AS name
  FROM marts.dim_organisation, range(2) AS t(c);
CREATE TABLE marts.dim_tracking_option AS
  SELECT tenant_id, tracking_category_key, tracking_category_key || ':' || x AS
    tracking_option_key, 'Option ' || x AS name, name AS category_name
  FROM marts.dim_tracking_category, range(6) AS t(x);
CREATE TABLE marts.result_by_tracking_option AS
  SELECT o.tenant_id, p.month_end, o.tracking_category_key, o.tracking_option_key, p.account_key,
    p.amount
  FROM marts.dim_tracking_option AS o JOIN marts.profit_and_loss AS p USING (tenant_id);
CREATE TABLE marts.revenue_bridge AS
  SELECT period, tenant_id, date_trunc('month', month_end)::DATE AS period_start,
    {amount} AS opening, {year} AS new, {older} AS returned, {amount} AS expansion,
    {year} AS contraction, {older} AS lost, {amount} AS closing, 40::BIGINT AS opening_customers,
    5::BIGINT AS new_customers, 2::BIGINT AS returned_customers, 4::BIGINT AS lost_customers,
    43::BIGINT AS closing_customers, 0.9000::DECIMAL(18, 4) AS gross_retention,
    1.1000::DECIMAL(18, 4) AS net_retention, 0.1000::DECIMAL(18, 4) AS customer_churn
  FROM marts.dim_month, (SELECT unnest(['month', 'quarter', 'year']) AS period, 1 AS account_key);
CREATE TABLE marts.budget_against_actual AS
  SELECT tenant_id, month_end, tenant_id AS budget_key, 'Overall' AS budget_name,
    NULL::VARCHAR AS tracking_option_key, position, section, code, account, account_key,
    amount AS actual, year_to_date AS budget,
    CAST(amount - year_to_date AS DECIMAL(18, 4)) AS variance,
    0.1234::DECIMAL(18, 4) AS variance_share
  FROM marts.profit_and_loss;
"""


def make(path: Path, organisations: int, months: int, contacts: int) -> Path:
    """Write the marts; each month about as many contacts owe something as are asked for."""
    amounts = {
        name: _AMOUNT.format(f"month_end, account_key, '{name}'")
        for name in ("amount", "year", "older")
    }
    values = {
        "organisations": organisations,
        "months": months,
        "contacts": contacts,
        "hostile": HOSTILE,
        "countries": [country for country, _ in COUNTRIES],
        "currencies": [currency for _, currency in COUNTRIES],
    }
    with duckdb.connect(str(path)) as database:
        for statement in filter(str.strip, _TABLES.format(**amounts).split(";")):
            known = {name: value for name, value in values.items() if f"${name}" in statement}
            database.execute(statement, known)
    return path
