{# Assets, liabilities and equity at each month end, each positive; the result of the running year is a
line of equity, as Xero shows it. #}
with balances as (
  select
    t.tenant_id, t.basis, t.month_end, s.position, s.section, a.class, a.code, a.name as account, t.account_key,
    case when a.class = 'ASSET' then t.balance else -t.balance end as amount
  from {{ ref('trial_balance') }} as t
  join {{ ref('dim_account') }} as a on a.account_key = t.account_key and not a.is_profit_and_loss
  left join {{ ref('statement_sections') }} as s on s.type = a.type
  union all
  select
    t.tenant_id, t.basis, t.month_end, max(s.position), max(s.section), 'EQUITY', null, 'Current Year Earnings', null,
    -sum(t.balance)
  from {{ ref('trial_balance') }} as t
  join {{ ref('dim_account') }} as a on a.account_key = t.account_key and a.is_profit_and_loss
  join {{ ref('statement_sections') }} as s on s.type = 'EQUITY'
  group by t.tenant_id, t.basis, t.month_end
)
select
  tenant_id, basis, month_end, position, section, class, code, account, account_key, cast(amount as decimal(18, 4)) as amount
from balances
where amount <> 0
