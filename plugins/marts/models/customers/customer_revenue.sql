{# Income by customer and month, as the profit and loss has it under Income: invoices less credit notes, without
tax, and other lines of the ledger; what no contact stands behind (manual journals) is under null. #}
select
  l.tenant_id, cast(last_day(l.journal_date) as date) as month_end, l.contact_key,
  cast(-sum(l.net_amount) as decimal(18, 4)) as revenue
from {{ ref('general_ledger') }} as l
join {{ ref('dim_account') }} as a on a.account_key = l.account_key
join {{ ref('statement_sections') }} as s on s.type = a.type and s.section = 'Income'
where l.basis = 'accrual'
group by 1, 2, 3
having sum(l.net_amount) <> 0
