{# Rows of a table of target-databricks that are there: not retired by the loader, not flagged by the
users. On Databricks a table or a column that is missing is made up as DuckDB's plugin does it. #}
{% macro live(name) -%}
{%- set columns = source_columns('xero', name) -%}
{%- set flag = ' and coalesce(is_deleted, false) = false' if 'is_deleted' in columns else '' -%}
(select * from {{ stated('xero', name) }} where _sdc_deleted_at is null{{ flag }})
{%- endmacro %}

{% macro source_columns(group, name) -%}
{{ return(graph.sources['source.xero_marts.' ~ group ~ '.' ~ name].meta['columns'] if execute else {}) }}
{%- endmacro %}

{% macro stated(group, name) -%}
{%- set columns = source_columns(group, name) -%}
{%- set relation = source(group, name) -%}
{%- if target.type != 'databricks' or not execute -%}
{{ relation }}
{%- else -%}
{%- set there = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
{%- set names = [] -%}
{%- if there is not none -%}
{%- for column in adapter.get_columns_in_relation(there) -%}{%- do names.append(column.name) -%}{%- endfor -%}
{%- endif -%}
(select
  {%- for column, type in columns.items() %}
  {{ plain(column, type) if column in names else 'cast(null as ' ~ sql_type(type) ~ ')' }} as {{ column }}{{ ',' if not loop.last }}
  {%- endfor %}
  {% if there is not none %}from {{ relation }}{% else %}where false{% endif %})
{%- endif -%}
{%- endmacro %}

{# The types of models/sources.yml in SQL of Databricks. #}
{% macro sql_type(type) -%}
{{ return({
    'amount': 'decimal(38, 4)',
    'rate': 'decimal(38, 10)',
    'tracking': 'array<struct<tracking_category_id: string, tracking_option_id: string, name: string, option: string>>',
    'batch_payment': 'struct<batch_payment_id: string, type: string, status: string, date: date, total_amount: decimal(38, 4), is_reconciled: boolean, updated_date_utc: timestamp>',
    'balances': 'struct<accounts_receivable: struct<outstanding: decimal(38, 4), overdue: decimal(38, 4)>, accounts_payable: struct<outstanding: decimal(38, 4), overdue: decimal(38, 4)>>',
    'batch_details': 'struct<bank_account_number: string, bank_account_name: string, details: string, code: string, reference: string>',
    'budget_balances': 'array<struct<period: string, amount: decimal(38, 4)>>',
    'claim_payments': 'array<struct<payment_id: string, date: date, amount: decimal(38, 4), account: struct<account_id: string>>>',
}.get(type, type)) }}
{%- endmacro %}

{# A column as its type states it: objects in arrays have what Xero sends, which is more. #}
{% macro plain(column, type) -%}
{%- set members = {
    'tracking': {'tracking_category_id': '', 'tracking_option_id': '', 'name': '', 'option': ''},
    'budget_balances': {'period': '', 'amount': ''},
    'claim_payments': {'payment_id': '', 'date': '', 'amount': '', 'account': 'account_id'},
}.get(type) -%}
{%- if members is none -%}
{{ column }}
{%- else -%}
transform({{ column }}, each -> named_struct(
{%- for name, inner in members.items() -%}
'{{ name }}', {% if inner %}named_struct('{{ inner }}', each.{{ name }}.{{ inner }}){% else %}each.{{ name }}{% endif %}{{ ', ' if not loop.last }}
{%- endfor -%}
))
{%- endif -%}
{%- endmacro %}
