{# Credit that was set against invoices and bills. #}
{%- set kinds = ['credit_note', 'prepayment', 'overpayment'] %}
with allocations as (
  {%- for kind in kinds %}
  select '{{ kind }}' as kind, tenant_id, allocation_id, {{ kind }}_id as credit_id, invoice_id, date, amount
  from {{ live(kind ~ '_allocations') }} as a
  {{ 'union all' if not loop.last }}
  {%- endfor %}
)
select
  {{ key('a.allocation_id', 'a.tenant_id') }} as allocation_key, a.kind, a.tenant_id, a.credit_id,
  a.invoice_id, a.date, {{ key('c.contact_id', 'a.tenant_id') }} as contact_key,
  {{ key('c.currency_code', 'a.tenant_id') }} as currency_key, c.currency_rate, a.amount,
  {{ to_base('a.amount', 'c.currency_rate') }} as amount_base
from allocations as a
left join {{ ref('settled_documents') }} as c
  on c.kind = a.kind and c.tenant_id = a.tenant_id and c.document_id = a.credit_id
