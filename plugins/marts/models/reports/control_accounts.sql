{# The subledgers against their control accounts in the ledger, at each month end. What only Xero's own trial
balance adds to these, the revaluation of other currencies, is in no document, and stands apart. #}
with {{ subledgers() }},
revalued as (
  select m.tenant_id, m.month_end, l.account_key, sum(l.net_amount) as amount
  from {{ ref('dim_month') }} as m
  join {{ ref('general_ledger') }} as l on l.tenant_id = m.tenant_id and l.journal_date <= m.month_end
  where l.basis = 'accrual' and l.source = 'xero_report'
  group by 1, 2, 3
)
select
  m.tenant_id, m.month_end, s.is_receivable, s.account_key,
  cast(coalesce(s.sign * t.balance, 0) as decimal(18, 4)) as ledger,
  cast(coalesce(s.sign * r.amount, 0) as decimal(18, 4)) as revaluation,
  cast(coalesce(o.amount, 0) as decimal(18, 4)) as subledger,
  cast(s.sign * (coalesce(t.balance, 0) - coalesce(r.amount, 0)) - coalesce(o.amount, 0) as decimal(18, 4)) as difference
from {{ ref('dim_month') }} as m
join sides as s on s.tenant_id = m.tenant_id
left join {{ ref('trial_balance') }} as t
  on t.tenant_id = m.tenant_id and t.month_end = m.month_end and t.account_key = s.account_key and t.basis = 'accrual'
left join revalued as r on r.tenant_id = m.tenant_id and r.month_end = m.month_end and r.account_key = s.account_key
left join subledgers as o
  on o.tenant_id = m.tenant_id and o.month_end = m.month_end and o.is_receivable = s.is_receivable
