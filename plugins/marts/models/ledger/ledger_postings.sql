{# Postings on both bases, from journals where the organisation has them, else from documents. #}
with contacts as (
  select tenant_id, source_id, contact_id from {{ ref('documents') }}
  union all
  select tenant_id, payment_id, max(contact_id) from (
    select p.tenant_id, p.payment_id, d.contact_id
    from {{ live('payments') }} as p
    join {{ ref('settled_documents') }} as d
      on d.tenant_id = p.tenant_id
      and d.document_id = coalesce(p.credit_note_id, p.prepayment_id, p.overpayment_id, p.invoice_id)
  ) as paid group by tenant_id, payment_id
),
documents as (
  select 'accrual' as basis, l.* from {{ ref('ledger_from_documents') }} as l
  union all
  select 'cash' as basis, l.* from {{ ref('ledger_from_documents_cash') }} as l
),
lines as (
  select
    s.basis, s.source, l.tenant_id, l.journal_date, l.source_type, l.source_id, l.journal_number, l.reference,
    c.contact_id, l.account_id, l.tax_type, l.description, l.tracking, l.net_amount
  from {{ ref('ledger_sources') }} as s
  join {{ ref('ledger_from_journals') }} as l on l.tenant_id = s.tenant_id and l.basis = s.basis
  left join contacts as c on c.tenant_id = l.tenant_id and c.source_id = l.source_id
  where s.source = 'journals'
  union all
  select
    s.basis, s.source, l.tenant_id, l.journal_date, l.source_type, l.source_id, null, l.reference,
    l.contact_id, l.account_id, l.tax_type, l.description, l.tracking, l.net_amount
  from {{ ref('ledger_sources') }} as s
  join documents as l on l.tenant_id = s.tenant_id and l.basis = s.basis
  where s.source = 'documents'
)
select
  basis, source, tenant_id, journal_date, source_type, source_id, journal_number, reference,
  {{ key('contact_id') }} as contact_key, {{ key('account_id') }} as account_key,
  {{ key('tax_type') }} as tax_rate_key, {{ option_key('tracking', 1) }} as tracking_option_1_key,
  {{ option_key('tracking', 2) }} as tracking_option_2_key, description, net_amount
from lines
