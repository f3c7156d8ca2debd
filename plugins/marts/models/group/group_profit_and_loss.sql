{# Income and expenses of all organisations in the group's currency, each day's at the latest rate on or before
it. What there is no rate for stays in its own currency, in rows of their own. #}
with days as (
  select
    l.tenant_id, l.journal_date, l.account_key,
    cast(sum(case when a.class = 'REVENUE' then -l.net_amount else l.net_amount end) as decimal(18, 4)) as amount
  from {{ ref('general_ledger') }} as l
  join {{ ref('dim_account') }} as a on a.account_key = l.account_key and a.is_profit_and_loss
  where l.basis = 'accrual'
  group by 1, 2, 3
),
converted as (
  select d.tenant_id, cast(last_day(d.journal_date) as date) as month_end, d.account_key, d.amount as own_amount, {{ in_group('d.amount') }}
  from days as d
  {{ with_rates('d', 'd.journal_date') }}
)
select
  c.tenant_id, c.month_end, s.position, s.section, s.sign, a.code, a.name as account, c.account_key, c.currency,
  c.is_converted, cast(sum(c.amount) as decimal(18, 4)) as amount, cast(sum(c.own_amount) as decimal(18, 4)) as own_amount
from converted as c
join {{ ref('dim_account') }} as a on a.account_key = c.account_key
join {{ ref('statement_sections') }} as s on s.type = a.type
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
