{# Month ends of each organisation, with the first day of the financial year that they are in. #}
with span as (
  select tenant_id, cast(date_trunc('month', least(min(journal_date), {{ as_of() }})) as date) as first_day
  from {{ ref('general_ledger') }} group by tenant_id
),
days as (
  select tenant_id, {{ days('first_day', 'cast(last_day(' ~ as_of() ~ ') as date)') }} as day from span
)
select
  d.tenant_id, cast(last_day(d.day) as date) as month_end, d.day as month_start,
  {{ financial_year('last_day(d.day)', 'o') }} as year_start
from days as d
join {{ ref('dim_organisation') }} as o on o.tenant_id = d.tenant_id
where day(d.day) = 1
