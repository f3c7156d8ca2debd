{# Lines of every kind of document, with their document's facts, in document and base currency. #}
{%- set kinds = {
    'invoice': 'invoice_id',
    'credit_note': 'credit_note_id',
    'purchase_order': 'purchase_order_id',
    'bank_transaction': 'bank_transaction_id',
} %}
with stated as (
  {%- for kind, id in kinds.items() %}
  select
    '{{ kind }}' as kind, tenant_id, {{ id }} as document_id, line_item_id, description, quantity,
    unit_amount, discount_rate, discount_amount, account_id, item_id, tax_type, line_amount,
    coalesce(tax_amount, 0) as tax_amount, tracking
  from {{ live(kind ~ '_line_items') }} as l
  {{ 'union all' if not loop.last }}
  {%- endfor %}
),
lines as (
  select
    l.*, d.source_id, d.type, d.status, d.is_posted, d.date, d.due_date, d.document_number,
    d.reference, d.contact_id, d.bank_account_id, d.currency_code, d.currency_rate,
    cast(l.line_amount - case when d.includes_tax then l.tax_amount else 0 end as decimal(18, 4)) as net_amount
  from stated as l
  join {{ ref('documents') }} as d
    on d.kind = l.kind and d.tenant_id = l.tenant_id and d.document_id = l.document_id
)
select
  *, cast(net_amount + tax_amount as decimal(18, 4)) as gross_amount,
  {{ to_base('net_amount', 'currency_rate') }} as net_base,
  {{ to_base('tax_amount', 'currency_rate') }} as tax_base
from lines
