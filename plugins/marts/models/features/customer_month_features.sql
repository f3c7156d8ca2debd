{# What was known of each customer at each month's end; for machine learning.

A row uses only what had been entered by then, and is written once: the first build after the month and
after a load that came after it. It is never changed, not by a full refresh either; drop the table for that. #}
{{ config(
    materialized='incremental', incremental_strategy='append', full_refresh=false,
    on_schema_change='append_new_columns', post_hook=feature_key(['contact_key'], 'month_end'),
) }}
with months as (
  select
    m.tenant_id, m.month_end, {{ months_earlier('m.month_end', 12) }} as year_ago,
    {{ months_earlier('m.month_end', 3) }} as quarter_ago
  from {{ ref('dim_month') }} as m
  cross join {{ ref('last_load') }} as l
  where m.month_end < {{ as_of() }} and m.month_end < coalesce(l.day, {{ as_of() }})
  {%- if is_incremental() %}
    and not exists (select 1 from {{ this }} as t where t.tenant_id = m.tenant_id and t.month_end = m.month_end)
  {%- endif %}
),
customers as (
  select m.tenant_id, m.month_end, r.contact_key, min(r.date) as first_date
  from months as m
  join {{ ref('known_receivables') }} as r
    on r.tenant_id = m.tenant_id and r.kind = 'invoice' and r.date <= m.month_end and r.known_on <= m.month_end
  group by 1, 2, 3
),
revenue as (
  select
    m.month_end, r.contact_key,
    sum(case when last_day(r.date) = m.month_end then r.amount else 0 end) as revenue_1_month,
    sum(case when r.date > m.quarter_ago then r.amount else 0 end) as revenue_3_months,
    sum(r.amount) as revenue_12_months
  from months as m
  join {{ ref('known_revenue') }} as r
    on r.tenant_id = m.tenant_id and r.date > m.year_ago and r.date <= m.month_end and r.known_on <= m.month_end
  group by 1, 2
),
documents as (
  select
    m.month_end, r.contact_key, r.document_id, r.kind, r.due_date, min(r.date) as date, sum(r.amount) as open_base
  from months as m
  join {{ ref('known_receivables') }} as r
    on r.tenant_id = m.tenant_id and r.date <= m.month_end and r.known_on <= m.month_end
  group by 1, 2, 3, 4, 5
),
receivables as (
  select
    month_end, contact_key, max(case when kind = 'invoice' then date end) as last_date,
    sum(case when kind = 'invoice' and date > {{ months_earlier('month_end', 12) }} then 1 else 0 end) as invoices,
    sum(open_base) as open_base, sum(case when is_overdue then open_base else 0 end) as overdue_base,
    max(case when is_overdue then {{ dbt.datediff('due_date', 'month_end', 'day') }} else 0 end) as days_overdue
  from (
    select *, kind = 'invoice' and open_base > 0 and due_date < month_end as is_overdue from documents
  ) as d
  group by 1, 2
),
payments as (
  select
    m.month_end, p.contact_key, count(*) as paid_invoices, {{ average('p.days_late') }} as days_late,
    {{ share('sum(case when p.days_late > 0 then 1 else 0 end)', 'count(*)') }} as late_share
  from months as m
  join {{ ref('known_payments') }} as p
    on p.tenant_id = m.tenant_id and p.paid_on > m.year_ago and p.paid_on <= m.month_end and p.known_on <= m.month_end
  group by 1, 2
),
lines as (
  select m.month_end, l.*
  from months as m
  join {{ ref('known_lines') }} as l
    on l.tenant_id = m.tenant_id and l.date > m.year_ago and l.date <= m.month_end and l.known_on <= m.month_end
),
{%- for name in ['item', 'tracking_option'] %}
{{ name }}s as (
  select
    month_end, contact_key, count(*) as different, max(case when place = 1 then {{ name }}_key end) as main_key
  from (
    select
      month_end, contact_key, {{ name }}_key,
      row_number() over (partition by month_end, contact_key order by sum(net_base) desc, {{ name }}_key) as place
    from lines
    where {{ name }}_key is not null
    group by 1, 2, 3
  ) as ranked
  group by 1, 2
){{ ',' if not loop.last }}
{%- endfor %}
select
  c.tenant_id, c.contact_key, c.month_end, {{ months_between('c.first_date', 'c.month_end') }} as tenure_months,
  {{ months_between('v.last_date', 'c.month_end') }} as months_since_invoice,
  cast(v.invoices as bigint) as invoices_12_months,
  {%- for name in ['revenue_1_month', 'revenue_3_months', 'revenue_12_months'] %}
  cast(coalesce(r.{{ name }}, 0) as decimal(18, 4)) as {{ name }},
  {%- endfor %}
  cast(v.open_base as decimal(18, 4)) as open_base, cast(v.overdue_base as decimal(18, 4)) as overdue_base,
  cast(v.days_overdue as int) as days_overdue,
  cast(coalesce(p.paid_invoices, 0) as bigint) as paid_invoices_12_months,
  p.days_late as days_late_12_months, p.late_share as late_share_12_months,
  cast(coalesce(i.different, 0) as bigint) as items_12_months, i.main_key as main_item_key,
  cast(coalesce(o.different, 0) as bigint) as tracking_options_12_months, o.main_key as main_tracking_option_key,
  k.tenant_id is not null as is_known_by_journals
from customers as c
join receivables as v on v.month_end = c.month_end and v.contact_key = c.contact_key
left join revenue as r on r.month_end = c.month_end and r.contact_key = c.contact_key
left join payments as p on p.month_end = c.month_end and p.contact_key = c.contact_key
left join items as i on i.month_end = c.month_end and i.contact_key = c.contact_key
left join tracking_options as o on o.month_end = c.month_end and o.contact_key = c.contact_key
left join (select distinct tenant_id from {{ ref('known_sources') }}) as k on k.tenant_id = c.tenant_id
