{# What each contact owes or is owed at each month end, by how long it is overdue. #}
{% macro aged(is_receivable) -%}
{%- set buckets = [('current', 0, 0), ('days_1_to_30', 1, 30), ('days_31_to_60', 31, 60), ('days_61_to_90', 61, 90), ('older', 91, 1000000)] -%}
select
  tenant_id, month_end, contact_key, currency_key,
  {%- for name, first, last in buckets %}
  cast(sum(case when days_overdue between {{ first }} and {{ last }} then open_base else 0 end) as decimal(18, 4)) as {{ name }}_base,
  {%- endfor %}
  cast(sum(open_amount) as decimal(18, 4)) as total, cast(sum(open_base) as decimal(18, 4)) as total_base
from {{ ref('open_documents') }}
where is_receivable = {{ is_receivable }}
group by 1, 2, 3, 4
{%- endmacro %}
