{# What each contact owes or is owed at each month end, in the columns of Xero's aged reports. #}
{% macro aged(is_receivable) -%}
{%- set buckets = ['current', 'less_than_1_month', 'months_1', 'months_2', 'months_3'] -%}
select
  tenant_id, month_end, contact_key, currency_key,
  {%- for name in buckets %}
  cast(sum(case when months_overdue = {{ loop.index0 - 1 }} then open_base else 0 end) as decimal(18, 4)) as {{ name }}_base,
  {%- endfor %}
  cast(sum(case when months_overdue > {{ buckets | length - 2 }} then open_base else 0 end) as decimal(18, 4)) as older_base,
  cast(sum(open_amount) as decimal(18, 4)) as total, cast(sum(open_base) as decimal(18, 4)) as total_base
from {{ ref('open_documents') }}
where is_receivable = {{ is_receivable }}
group by 1, 2, 3, 4
{%- endmacro %}

{# Whole months from a due date to a month's end; -1 where it is not overdue.

To the end of a month these are the months of the calendar: of the two ways in which Xero's aged reports
show their periods (1 month, 2 months, or by name of the month) both give the same columns then. #}
{% macro months_overdue(due_date, month_end) -%}
case when {{ due_date }} < {{ month_end }} then {{ months_between(due_date, month_end) }} else -1 end
{%- endmacro %}
