{# What each account moved by in a month, apart for each financial year that the month touches. #}
select
  l.tenant_id, l.basis, l.account_key, cast(last_day(l.journal_date) as date) as month_end,
  {{ financial_year('l.journal_date', 'o') }} as year_start, cast(sum(l.net_amount) as decimal(18, 4)) as net_amount
from {{ ref('general_ledger') }} as l
join {{ ref('dim_organisation') }} as o on o.tenant_id = l.tenant_id
group by 1, 2, 3, 4, 5
