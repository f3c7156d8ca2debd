{# The group's statements by section, in its currency. A total that lacks an organisation for want of a rate is
not complete, and says in which currencies the rest is. #}
with lines as (
  select 'profit_and_loss' as statement, month_end, position, section, is_converted, currency, amount
  from {{ ref('group_profit_and_loss') }}
  union all
  select 'balance_sheet', month_end, position, section, is_converted, currency, amount
  from {{ ref('group_balance_sheet') }}
)
select
  l.statement, l.month_end, l.position, l.section, g.currency,
  cast(sum(case when l.is_converted then l.amount else 0 end) as decimal(18, 4)) as amount,
  min(case when l.is_converted then 1 else 0 end) = 1 as is_complete,
  {{ listing('case when not l.is_converted then l.currency end') }} as missing_currencies
from lines as l
cross join {{ ref('group_currency') }} as g
group by l.statement, l.month_end, l.position, l.section, g.currency
