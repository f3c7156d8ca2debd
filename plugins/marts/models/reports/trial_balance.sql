{# Two figures a basis, account and month, debits positive: what it moved by in the month, and its balance.

Accounts of profit and loss run since the financial year began; what they had before is in retained
earnings. All others run since ever. #}
with balances as (
  select
    m.tenant_id, l.basis, m.month_end,
    case when a.is_profit_and_loss and l.year_start < m.year_start then s.retained_key else l.account_key end as account_key,
    sum(case when l.month_end = m.month_end and (l.year_start = m.year_start or not a.is_profit_and_loss) then l.net_amount else 0 end) as movement,
    sum(l.net_amount) as balance
  from {{ ref('dim_month') }} as m
  join {{ ref('ledger_months') }} as l on l.tenant_id = m.tenant_id and l.month_end <= m.month_end
  join {{ ref('dim_account') }} as a on a.account_key = l.account_key
  join (
    select tenant_id, {{ key('retained_earnings') }} as retained_key from {{ ref('system_accounts') }}
  ) as s on s.tenant_id = m.tenant_id
  group by 1, 2, 3, 4
)
select
  tenant_id, basis, month_end, account_key, cast(movement as decimal(18, 4)) as movement,
  cast(balance as decimal(18, 4)) as balance
from balances
where movement <> 0 or balance <> 0
