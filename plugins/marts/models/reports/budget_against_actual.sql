{# Budgets against what came of them, month by month up to today, by account; overall, or for one tracking
option. Accounts with business and without a budget are there with none. Both figures are positive, as in
the profit and loss; the variance is better than planned where it is favourable, whatever its sign. #}
with budgets as (
  select distinct budget_key, tenant_id, name, tracking_option_key from {{ ref('fct_budgets') }}
),
actuals as (
  select b.budget_key, p.tenant_id, p.month_end, p.account_key, p.amount
  from budgets as b
  join {{ ref('profit_and_loss') }} as p on p.tenant_id = b.tenant_id and p.basis = 'accrual'
  where b.tracking_option_key is null
  union all
  select b.budget_key, r.tenant_id, r.month_end, r.account_key, r.amount
  from budgets as b
  join {{ ref('result_by_tracking_option') }} as r on r.tracking_option_key = b.tracking_option_key
),
both_sides as (
  select budget_key, tenant_id, month_end, account_key, amount as budget, 0 as actual from {{ ref('fct_budgets') }}
  union all
  select budget_key, tenant_id, month_end, account_key, 0, amount from actuals
)
select
  s.tenant_id, s.month_end, s.budget_key, b.name as budget_name, b.tracking_option_key, t.position, t.section, a.code,
  a.name as account, s.account_key, cast(sum(s.actual) as decimal(18, 4)) as actual,
  cast(sum(s.budget) as decimal(18, 4)) as budget, cast(sum(s.actual - s.budget) as decimal(18, 4)) as variance,
  {{ share('sum(s.actual - s.budget)', 'sum(s.budget)') }} as variance_share,
  t.sign * sum(s.actual - s.budget) >= 0 as is_favourable
from both_sides as s
join budgets as b on b.budget_key = s.budget_key
join {{ ref('dim_month') }} as m on m.tenant_id = s.tenant_id and m.month_end = s.month_end
join {{ ref('dim_account') }} as a on a.account_key = s.account_key and a.is_profit_and_loss
join {{ ref('statement_sections') }} as t on t.type = a.type
group by
  s.tenant_id, s.month_end, s.budget_key, b.name, b.tracking_option_key, t.position, t.section, t.sign, a.code,
  a.name, s.account_key
