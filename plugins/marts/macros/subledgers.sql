{# Two CTEs: the control accounts of each organisation (`sides`), and what the documents of each side leave
open at each month end in base currency (`subledgers`). #}
{% macro subledgers() -%}
sides as (
  select tenant_id, true as is_receivable, {{ key('debtors') }} as account_key, 1 as sign from {{ ref('system_accounts') }}
  union all
  select tenant_id, false, {{ key('creditors') }}, -1 from {{ ref('system_accounts') }}
),
subledgers as (
  select tenant_id, month_end, is_receivable, sum(open_base) as amount from {{ ref('open_documents') }} group by 1, 2, 3
)
{%- endmacro %}
