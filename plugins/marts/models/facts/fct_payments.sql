{# Payments and refunds; `document_id` is what they settle. #}
select
  {{ key('p.payment_id', 'p.tenant_id') }} as payment_key, p.tenant_id, p.payment_id, p.batch_payment_id,
  p.payment_type as type, p.status, p.status = 'AUTHORISED' as is_posted, p.date, p.reference,
  coalesce(p.credit_note_id, p.prepayment_id, p.overpayment_id, p.invoice_id) as document_id,
  {{ key('s.contact_id', 'p.tenant_id') }} as contact_key, {{ key('p.account_id', 'p.tenant_id') }} as account_key,
  {{ key('s.currency_code', 'p.tenant_id') }} as currency_key,
  coalesce(p.currency_rate, 1) as currency_rate, p.amount, p.bank_amount,
  {{ to_base('p.amount', 'p.currency_rate') }} as amount_base,
  {{ to_base('p.amount', 's.currency_rate') }} as settled_base,
  p.is_reconciled as is_matched_to_a_statement
from {{ live('payments') }} as p
left join {{ ref('settled_documents') }} as s
  on s.tenant_id = p.tenant_id
  and s.document_id = coalesce(p.credit_note_id, p.prepayment_id, p.overpayment_id, p.invoice_id)
