{# Each step leads from the opening to the closing, and the closing of months is the profit and loss's income. #}
with bridge as (
  select
    tenant_id, period_start, period, closing, opening + new + returned + expansion - contraction - lost - closing as gap,
    opening_customers + new_customers + returned_customers - lost_customers - closing_customers as customers_gap
  from {{ ref('revenue_bridge') }}
),
income as (
  select tenant_id, cast(date_trunc('month', month_end) as date) as period_start, sum(amount) as amount
  from {{ ref('profit_and_loss') }} where basis = 'accrual' and section = 'Income' group by 1, 2
),
customers as (
  select tenant_id, period_start, closing as amount from bridge where period = 'month'
  union all
  select tenant_id, cast(date_trunc('month', month_end) as date), revenue
  from {{ ref('customer_revenue') }} where contact_key is null
)
select 'steps' as what, tenant_id, period_start, gap as difference from bridge where gap <> 0
union all
select 'customers', tenant_id, period_start, customers_gap from bridge where customers_gap <> 0
union all
select 'income', coalesce(i.tenant_id, c.tenant_id), coalesce(i.period_start, c.period_start), coalesce(i.amount, 0) - coalesce(c.amount, 0)
from income as i
full join (select tenant_id, period_start, sum(amount) as amount from customers group by 1, 2) as c
  on c.tenant_id = i.tenant_id and c.period_start = i.period_start
where coalesce(i.amount, 0) <> coalesce(c.amount, 0)
