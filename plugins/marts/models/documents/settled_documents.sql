{# What payments and allocations settle: invoices, bills, credit notes, prepayments, overpayments.

`side` is 1 where a payment of it brings money in. #}
{%- set kinds = {
    'invoice': ('invoices', "type = 'ACCREC'"),
    'credit_note': ('credit_notes', "type = 'ACCPAYCREDIT'"),
    'prepayment': ('prepayments', "type = 'SPEND-PREPAYMENT'"),
    'overpayment': ('overpayments', "type = 'SPEND-OVERPAYMENT'"),
} %}
{%- for kind, facts in kinds.items() %}
select
  '{{ kind }}' as kind, tenant_id, {{ kind }}_id as document_id, type, status,
  status in ('AUTHORISED', 'PAID') as is_posted,
  type in ('ACCREC', 'ACCRECCREDIT', 'RECEIVE-PREPAYMENT', 'RECEIVE-OVERPAYMENT') as is_receivable,
  case when {{ facts[1] }} then 1 else -1 end as side, contact_id, date,
  {{ 'due_date' if kind == 'invoice' else 'date' }} as due_date,
  currency_code, coalesce(currency_rate, 1) as currency_rate, total, updated_date_utc
from {{ live(facts[0]) }} as d
{{ 'union all' if not loop.last }}
{%- endfor %}
