{# Documents that Xero's journals post otherwise than their own rows say, by account and month. Empty for
organisations without journals; without receipts nobody knows the lines of expense claims. #}
with types as (
  select l.tenant_id, l.source_type
  from {{ ref('ledger_from_documents') }} as l
  left join (select distinct tenant_id from {{ live('receipt_line_items') }} as r) as r on r.tenant_id = l.tenant_id
  where l.source_type <> 'EXPCLAIM' or r.tenant_id is not null
  group by 1, 2
),
postings as (
  select
    d.tenant_id, d.source_type, d.source_id, d.journal_date, d.account_id, d.reference, d.net_amount as lakehouse,
    cast(0 as decimal(18, 4)) as xero
  from {{ ref('ledger_from_documents') }} as d
  join types as t on t.tenant_id = d.tenant_id and t.source_type = d.source_type
  union all
  select j.tenant_id, j.source_type, j.source_id, j.journal_date, j.account_id, j.reference, 0, j.net_amount
  from {{ ref('ledger_from_journals') }} as j
  join types as t on t.tenant_id = j.tenant_id and t.source_type = j.source_type
  where j.basis = 'accrual'
)
select
  p.tenant_id, p.source_type, p.source_id as document_id, {{ key('p.account_id', 'p.tenant_id') }} as account_key,
  cast(last_day(p.journal_date) as date) as period_end,
  max(p.reference) as reference, cast(sum(p.lakehouse) as decimal(18, 4)) as lakehouse,
  cast(sum(p.xero) as decimal(18, 4)) as xero,
  max(abs(sum(p.xero))) over (partition by p.tenant_id, p.source_id) > 0 as is_in_journals
from postings as p
join (select distinct tenant_id from {{ ref('ledger_from_journals') }} where basis = 'accrual') as t on t.tenant_id = p.tenant_id
group by p.tenant_id, p.source_type, p.source_id, p.account_id, last_day(p.journal_date)
