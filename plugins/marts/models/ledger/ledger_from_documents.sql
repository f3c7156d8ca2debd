{# The ledger as documents make it, debits positive, in base currency; what rounding leaves over goes to
the organisation's rounding account. #}
with postings as (
  select * from {{ ref('document_postings') }}
  union all
  select * from {{ ref('payment_postings') }}
  union all
  select * from {{ ref('other_postings') }}
)
select * from postings
union all
select
  'rounding', p.tenant_id, p.source_type, p.source_id, p.journal_date, max(p.reference), max(p.contact_id),
  max(s.rounding), null, null, null, cast(-sum(p.net_amount) as decimal(18, 4))
from postings as p
join {{ ref('system_accounts') }} as s on s.tenant_id = p.tenant_id
group by p.tenant_id, p.source_type, p.source_id, p.journal_date
having sum(p.net_amount) <> 0
