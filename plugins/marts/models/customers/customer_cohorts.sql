{# Customers by the month of their first revenue, followed month by month: how many still bought, and for how much. #}
with cohorts as (
  select tenant_id, contact_key, min(month_end) as cohort_month
  from {{ ref('customer_revenue') }} where contact_key is not null group by 1, 2
),
sizes as (
  select tenant_id, cohort_month, count(*) as customers from cohorts group by 1, 2
)
select
  z.tenant_id, z.cohort_month, m.month_end, {{ months_between('z.cohort_month', 'm.month_end') }} as months_since,
  cast(z.customers as bigint) as customers, cast(count(r.contact_key) as bigint) as active_customers,
  {{ share('count(r.contact_key)', 'z.customers') }} as active_share,
  cast(coalesce(sum(r.revenue), 0) as decimal(18, 4)) as revenue
from sizes as z
join {{ ref('dim_month') }} as m on m.tenant_id = z.tenant_id and m.month_end >= z.cohort_month
join cohorts as c on c.tenant_id = z.tenant_id and c.cohort_month = z.cohort_month
left join {{ ref('customer_revenue') }} as r
  on r.tenant_id = c.tenant_id and r.contact_key = c.contact_key and r.month_end = m.month_end
group by z.tenant_id, z.cohort_month, m.month_end, z.customers
