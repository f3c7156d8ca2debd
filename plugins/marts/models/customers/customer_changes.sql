{# What each customer's revenue was in one month, quarter or year and in the one before, and what the step from
one to the other is called. Calendar periods; only those that have begun. #}
{%- set periods = {'month': 1, 'quarter': 3, 'year': 12} %}
with revenue as (
  {%- for period, months in periods.items() %}
  select
    '{{ period }}' as period, tenant_id, contact_key, cast(date_trunc('{{ period }}', month_end) as date) as period_start,
    cast(date_trunc('{{ period }}', month_end) + interval {{ months }} month as date) as next_start, sum(revenue) as revenue
  from {{ ref('customer_revenue') }}
  where contact_key is not null
  group by 2, 3, 4, 5
  having sum(revenue) <> 0
  {{ 'union all' if not loop.last }}
  {%- endfor %}
),
firsts as (
  select period, tenant_id, contact_key, min(period_start) as first_start from revenue group by 1, 2, 3
),
sides as (
  select period, tenant_id, contact_key, period_start, 0 as opening, revenue as closing from revenue
  union all
  select period, tenant_id, contact_key, next_start, revenue, 0 from revenue where next_start <= {{ as_of() }}
),
steps as (
  select period, tenant_id, contact_key, period_start, sum(opening) as opening, sum(closing) as closing
  from sides group by 1, 2, 3, 4
)
select
  s.period, s.tenant_id, s.period_start, s.contact_key,
  case
    when s.opening = 0 and f.first_start = s.period_start then 'new'
    when s.opening = 0 then 'returned'
    when s.closing = 0 then 'lost'
    when s.closing > s.opening then 'expansion'
    when s.closing < s.opening then 'contraction'
    else 'unchanged'
  end as change,
  cast(s.opening as decimal(18, 4)) as opening, cast(s.closing as decimal(18, 4)) as closing
from steps as s
join firsts as f on f.period = s.period and f.tenant_id = s.tenant_id and f.contact_key = s.contact_key
