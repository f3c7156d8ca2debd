{# Cohorts part the customers' revenue: month by month they add up to it. #}
with cohorts as (
  select tenant_id, month_end, sum(revenue) as amount from {{ ref('customer_cohorts') }} group by 1, 2
),
customers as (
  select tenant_id, month_end, sum(revenue) as amount
  from {{ ref('customer_revenue') }} where contact_key is not null group by 1, 2
)
select k.tenant_id, k.month_end, k.amount - coalesce(c.amount, 0) as difference
from customers as k
left join cohorts as c on c.tenant_id = k.tenant_id and c.month_end = k.month_end
where k.amount <> coalesce(c.amount, 0)
