{# What Xero's own trial balance moved by and the postings did not, by account and month: what the rules of
`xero_report_lines` may explain, and the reconciliation judges.

The first month end that was read is also compared by balance: what differed before its month is one more
row, at the end of the month before (`is_opening`). #}
with months as (
  select
    x.tenant_id, x.basis, x.month_end, {{ financial_year('x.month_end', 'o') }} as year_start,
    x.month_end = min(x.month_end) over (partition by x.tenant_id, x.basis) as is_first
  from (select distinct tenant_id, basis, month_end from {{ ref('xero_trial_balance') }}) as x
  join {{ ref('dim_organisation') }} as o on o.tenant_id = x.tenant_id
  join {{ ref('ledger_sources') }} as s on s.tenant_id = x.tenant_id and s.basis = x.basis and s.source is not null
),
postings as (
  select
    l.tenant_id, l.basis, l.account_key, cast(last_day(l.journal_date) as date) as month_end,
    {{ financial_year('l.journal_date', 'o') }} as year_start, sum(l.net_amount) as net_amount
  from {{ ref('ledger_postings') }} as l
  join {{ ref('dim_organisation') }} as o on o.tenant_id = l.tenant_id
  group by 1, 2, 3, 4, 5
),
figures as (
  select m.tenant_id, m.basis, m.month_end, x.account_key, false as is_opening, x.movement as amount
  from months as m
  join {{ ref('xero_trial_balance') }} as x
    on x.tenant_id = m.tenant_id and x.basis = m.basis and x.month_end = m.month_end
  union all
  select m.tenant_id, m.basis, m.month_end, p.account_key, false, -p.net_amount
  from months as m
  join postings as p on p.tenant_id = m.tenant_id and p.basis = m.basis and p.month_end = m.month_end
  join {{ ref('dim_account') }} as a on a.account_key = p.account_key
  where p.year_start = m.year_start or not a.is_profit_and_loss
  union all
  select m.tenant_id, m.basis, m.month_end, x.account_key, true, x.balance - x.movement
  from months as m
  join {{ ref('xero_trial_balance') }} as x
    on x.tenant_id = m.tenant_id and x.basis = m.basis and x.month_end = m.month_end
  where m.is_first
  union all
  select
    m.tenant_id, m.basis, m.month_end,
    case when a.is_profit_and_loss and p.year_start < m.year_start then {{ key('s.retained_earnings', 'm.tenant_id') }} else p.account_key end,
    true, -p.net_amount
  from months as m
  join postings as p on p.tenant_id = m.tenant_id and p.basis = m.basis
  join {{ ref('dim_account') }} as a on a.account_key = p.account_key
  join {{ ref('system_accounts') }} as s on s.tenant_id = m.tenant_id
  where m.is_first
    and (p.month_end < m.month_end or p.month_end = m.month_end and p.year_start < m.year_start and a.is_profit_and_loss)
)
select
  tenant_id, basis,
  case when is_opening then {{ days_later("cast(date_trunc('month', month_end) as date)", -1) }} else month_end end as month_end,
  is_opening, account_key, cast(sum(amount) as decimal(18, 4)) as amount
from figures
group by 1, 2, 3, 4, 5
having sum(amount) <> 0
