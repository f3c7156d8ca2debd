{# Cash flow by bank account and month: opening balance, received, spent, closing balance. What
only Xero's own trial balance adds, the revaluation of other currencies, stands apart. #}
with moved as (
  select
    l.tenant_id, cast(last_day(l.journal_date) as date) as month_end, l.account_key,
    sum(case when l.source <> 'xero_report' and l.net_amount > 0 then l.net_amount else 0 end) as received,
    sum(case when l.source <> 'xero_report' and l.net_amount < 0 then -l.net_amount else 0 end) as spent,
    sum(case when l.source = 'xero_report' then l.net_amount else 0 end) as revaluation
  from {{ ref('general_ledger') }} as l
  join {{ ref('dim_account') }} as a on a.account_key = l.account_key and a.type = 'BANK'
  where l.basis = 'accrual'
  group by 1, 2, 3
)
select
  t.tenant_id, t.month_end, t.account_key,
  cast(t.balance - coalesce(m.received, 0) + coalesce(m.spent, 0) - coalesce(m.revaluation, 0) as decimal(18, 4)) as opening_balance,
  cast(coalesce(m.received, 0) as decimal(18, 4)) as received, cast(coalesce(m.spent, 0) as decimal(18, 4)) as spent,
  cast(coalesce(m.revaluation, 0) as decimal(18, 4)) as revaluation, t.balance as closing_balance
from {{ ref('trial_balance') }} as t
join {{ ref('dim_account') }} as a on a.account_key = t.account_key and a.type = 'BANK'
left join moved as m on m.tenant_id = t.tenant_id and m.month_end = t.month_end and m.account_key = t.account_key
where t.basis = 'accrual'
