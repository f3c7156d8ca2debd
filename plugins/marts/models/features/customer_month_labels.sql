{# What came after each row of the features: to learn from, never to score with. It is what the books say today.
Null where the months that follow are not over. #}
with complete_months as (
  select
    *, lead(month_end, 1) over (partition by tenant_id order by month_end) as first_following,
    lead(month_end, 3) over (partition by tenant_id order by month_end) as last_following
  from {{ ref('dim_month') }}
),
spans as (
  select
    f.tenant_id, f.contact_key, f.month_end,
    case when m.first_following < {{ as_of() }} then m.first_following end as first_following,
    case when m.last_following < {{ as_of() }} then m.last_following end as last_following
  from {{ ref('customer_month_features') }} as f
  join complete_months as m on m.tenant_id = f.tenant_id and m.month_end = f.month_end
)
select
  s.tenant_id, s.contact_key, s.month_end,
  cast(case when s.first_following is not null then sum(case when r.month_end = s.first_following then r.revenue else 0 end) end as decimal(18, 4)) as following_revenue_1_month,
  cast(case when s.last_following is not null then sum(coalesce(r.revenue, 0)) end as decimal(18, 4)) as following_revenue_3_months,
  case when s.last_following is not null then sum(coalesce(r.revenue, 0)) > 0 end as buys_in_following_3_months
from spans as s
left join {{ ref('customer_revenue') }} as r
  on r.tenant_id = s.tenant_id and r.contact_key = s.contact_key and r.month_end > s.month_end
  and r.month_end <= coalesce(s.last_following, s.first_following)
group by s.tenant_id, s.contact_key, s.month_end, s.first_following, s.last_following
