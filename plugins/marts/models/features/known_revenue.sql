{# Income of customers as the books had it on any day: by the day that it is for and the day that it was known on.
Without journals nothing says when a document was entered, and its own date stands for that. #}
with journals as (select distinct tenant_id from {{ ref('known_sources') }}),
income as (
  select a.account_key
  from {{ ref('dim_account') }} as a
  join {{ ref('statement_sections') }} as s on s.type = a.type and s.section = 'Income'
),
lines as (
  select p.tenant_id, {{ key('d.contact_id', 'p.tenant_id') }} as contact_key, p.date, p.known_on, -p.net_amount as amount
  from {{ ref('known_postings') }} as p
  join income as i on i.account_key = p.account_key
  join {{ ref('documents') }} as d on d.tenant_id = p.tenant_id and d.source_id = p.source_id
  union all
  select l.tenant_id, l.contact_key, l.journal_date, l.journal_date, -l.net_amount
  from {{ ref('general_ledger') }} as l
  join income as i on i.account_key = l.account_key
  left join journals as j on j.tenant_id = l.tenant_id
  where j.tenant_id is null and l.basis = 'accrual' and l.contact_key is not null
)
select tenant_id, contact_key, date, known_on, cast(sum(amount) as decimal(18, 4)) as amount
from lines
group by 1, 2, 3, 4
having sum(amount) <> 0
