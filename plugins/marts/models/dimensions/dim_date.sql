{# Every day from the first document to the end of the year of the last month that is reported. #}
with span as (
  select cast(date_trunc('year', least(min(date), {{ as_of() }})) as date) as first_day
  from (
    select min(journal_date) as date from {{ ref('general_ledger') }}
    union all select min(date) from {{ live('purchase_orders') }} as p
  ) as dates
),
days as (
  select {{ days('first_day', "cast(date_trunc('year', " ~ as_of() ~ ") + interval 12 month - interval 1 day as date)") }} as date
  from span
)
select
  date, cast(year(date) as int) as year, cast(quarter(date) as int) as quarter,
  cast(month(date) as int) as month, cast(day(date) as int) as day,
  cast(date_trunc('month', date) as date) as month_start, cast(last_day(date) as date) as month_end
from days
