{# Movement and balance of every account at each month end against Xero's trial balance. #}
with ours as (select * from {{ ref('ledger_at_period_ends') }}),
theirs as (select * from {{ ref('xero_trial_balance') }}),
months as (select distinct tenant_id, basis, month_end from theirs),
pairs as (
  select
    coalesce(t.tenant_id, o.tenant_id) as tenant_id, coalesce(t.basis, o.basis) as basis,
    coalesce(t.month_end, o.period_end) as period_end,
    coalesce(t.account_key, o.account_key) as account_key, o.explanation,
    {%- for figure in ['balance', 'movement'] %}
    coalesce(o.own_{{ figure }}, 0) as own_{{ figure }}, coalesce(o.explained_{{ figure }}, 0) as explained_{{ figure }},
    coalesce(t.{{ figure }}, 0) as xero_{{ figure }}{{ ',' if not loop.last }}
    {%- endfor %}
  from (
    select o.* from ours as o
    join months as m on m.tenant_id = o.tenant_id and m.basis = o.basis and m.month_end = o.period_end
  ) as o
  full join theirs as t
    on t.tenant_id = o.tenant_id and t.basis = o.basis and t.month_end = o.period_end and t.account_key = o.account_key
)
{%- for check, figure in [('trial balance', 'balance'), ('movement', 'movement')] %}
select
  tenant_id, '{{ check }}' as check_name, basis, period_end, account_key as subject, account_key,
  own_{{ figure }} as lakehouse, xero_{{ figure }} as xero, explained_{{ figure }} as explained, explanation
from pairs
where own_{{ figure }} <> 0 or xero_{{ figure }} <> 0 or explained_{{ figure }} <> 0
{{ 'union all' if not loop.last }}
{%- endfor %}
