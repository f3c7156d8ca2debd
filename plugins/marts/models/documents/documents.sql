{# Headers of every kind of document with lines, in one shape. #}
{%- set kinds = {
    'invoice': {'table': 'invoices', 'id': 'invoice_id', 'number': 'invoice_number', 'due': 'due_date'},
    'credit_note': {'table': 'credit_notes', 'id': 'credit_note_id', 'number': 'credit_note_number'},
    'purchase_order': {'table': 'purchase_orders', 'id': 'purchase_order_id', 'number': 'purchase_order_number', 'due': 'delivery_date'},
    'bank_transaction': {'table': 'bank_transactions', 'id': 'bank_transaction_id', 'bank': 'bank_account_id',
                         'source': 'coalesce(prepayment_id, overpayment_id, bank_transaction_id)'},
} %}
{%- for kind, facts in kinds.items() %}
select
  '{{ kind }}' as kind, tenant_id, {{ facts.id }} as document_id,
  {{ facts.get('source', facts.id) }} as source_id, type, status,
  status in ('AUTHORISED', 'PAID') as is_posted, date,
  {{ facts.get('due', 'cast(null as date)') }} as due_date,
  {{ facts.get('number', 'cast(null as string)') }} as document_number, reference, contact_id,
  {{ facts.get('bank', 'cast(null as string)') }} as bank_account_id,
  upper(line_amount_types) = 'INCLUSIVE' as includes_tax, currency_code,
  coalesce(currency_rate, 1) as currency_rate, sub_total, total_tax, total, updated_date_utc
from {{ live(facts.table) }} as d
{{ 'union all' if not loop.last }}
{%- endfor %}
