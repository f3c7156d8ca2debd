{# Invoices that were paid in full, with the day from which on that is known as it is now. #}
with events as (
  select tenant_id, document_id, document_id as source_id from {{ ref('paid_documents') }}
  union all
  select tenant_id, document_id, payment_id from {{ ref('fct_payments') }} where is_posted
),
days as (
  select e.tenant_id, e.document_id, max(k.known_on) as known_on
  from events as e
  join {{ ref('known_sources') }} as k on k.tenant_id = e.tenant_id and k.source_id = e.source_id
  group by 1, 2
)
select
  p.tenant_id, p.contact_key, p.document_id, p.paid_on, p.days_late,
  greatest(coalesce(d.known_on, p.paid_on), p.paid_on) as known_on
from {{ ref('paid_documents') }} as p
left join days as d on d.tenant_id = p.tenant_id and d.document_id = p.document_id
where p.is_receivable
