{# Open documents of customers and suppliers in base currency against Xero's own receivables and payables. #}
with {{ subledgers() }},
months as (
  select distinct t.tenant_id, t.month_end from {{ ref('xero_trial_balance') }} as t
  join {{ ref('dim_month') }} as m on m.tenant_id = t.tenant_id and m.month_end = t.month_end
  where t.basis = 'accrual'
)
select
  m.tenant_id, 'control account' as check_name, 'accrual' as basis, m.month_end as period_end,
  s.account_key as subject, s.account_key, cast(coalesce(o.amount, 0) as decimal(18, 4)) as lakehouse,
  cast(s.sign * coalesce(t.balance, 0) as decimal(18, 4)) as xero,
  cast(s.sign * coalesce(e.explained_balance, 0) as decimal(18, 4)) as explained, e.explanation
from months as m
join sides as s on s.tenant_id = m.tenant_id
left join subledgers as o
  on o.tenant_id = m.tenant_id and o.month_end = m.month_end and o.is_receivable = s.is_receivable
left join {{ ref('xero_trial_balance') }} as t
  on t.tenant_id = m.tenant_id and t.month_end = m.month_end and t.account_key = s.account_key and t.basis = 'accrual'
left join {{ ref('ledger_at_period_ends') }} as e
  on e.tenant_id = m.tenant_id and e.period_end = m.month_end and e.account_key = s.account_key and e.basis = 'accrual'
