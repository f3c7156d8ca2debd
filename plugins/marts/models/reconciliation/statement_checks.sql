{# Profit and loss of each period, and the balance sheet at each month end with the result of the
running year, against Xero's reports. #}
with accounts as (
  select account_key, class, is_profit_and_loss, case when class in ('ASSET', 'EXPENSE') then 1 else -1 end as sign
  from {{ ref('dim_account') }}
),
spans as (select distinct tenant_id, period_start, period_end from {{ live('profit_and_loss') }} as p),
sheets as (select distinct tenant_id, period_end from {{ live('balance_sheet') }} as b),
ours as (
  select
    'profit and loss' as check_name, s.tenant_id, s.period_end, l.account_key as subject,
    sum(case when l.source <> 'xero_report' then a.sign * l.net_amount else 0 end) as own,
    sum(case when l.source = 'xero_report' then a.sign * l.net_amount else 0 end) as explained,
    max(case when l.source = 'xero_report' then l.description end) as explanation
  from spans as s
  join {{ ref('general_ledger') }} as l
    on l.tenant_id = s.tenant_id and l.basis = 'accrual' and l.journal_date between s.period_start and s.period_end
  join accounts as a on a.account_key = l.account_key and a.is_profit_and_loss
  group by 1, 2, 3, 4
  union all
  select
    'balance sheet', s.tenant_id, s.period_end,
    case when a.is_profit_and_loss then 'Current Year Earnings' else l.account_key end,
    sum(case when a.is_profit_and_loss then -l.own_balance else a.sign * l.own_balance end),
    sum(case when a.is_profit_and_loss then -l.explained_balance else a.sign * l.explained_balance end),
    max(l.explanation)
  from sheets as s
  join {{ ref('ledger_at_period_ends') }} as l on l.tenant_id = s.tenant_id and l.basis = 'accrual' and l.period_end = s.period_end
  join accounts as a on a.account_key = l.account_key
  group by 1, 2, 3, 4
),
theirs as (
  select 'profit and loss' as check_name, tenant_id, period_end, {{ key('account_id') }} as subject, amount
  from {{ live('profit_and_loss') }} as p
  where account_id is not null and row_type = 'Row'
  union all
  select
    'balance sheet', tenant_id, period_end,
    case when account_id is null then 'Current Year Earnings' else {{ key('account_id') }} end, amount
  from {{ live('balance_sheet') }} as b
  where row_type = 'Row' and (account_id is not null or account = 'Current Year Earnings')
)
select
  coalesce(o.tenant_id, t.tenant_id) as tenant_id, coalesce(o.check_name, t.check_name) as check_name,
  'accrual' as basis, coalesce(o.period_end, t.period_end) as period_end,
  coalesce(o.subject, t.subject) as subject,
  nullif(coalesce(o.subject, t.subject), 'Current Year Earnings') as account_key,
  cast(coalesce(o.own, 0) as decimal(18, 4)) as lakehouse, cast(coalesce(t.amount, 0) as decimal(18, 4)) as xero,
  cast(coalesce(o.explained, 0) as decimal(18, 4)) as explained, o.explanation
from ours as o
full join theirs as t
  on t.tenant_id = o.tenant_id and t.check_name = o.check_name and t.period_end = o.period_end and t.subject = o.subject
where coalesce(o.own, 0) <> 0 or coalesce(o.explained, 0) <> 0 or coalesce(t.amount, 0) <> 0
