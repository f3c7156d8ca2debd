{# What was open at each month end: documents less what was paid, refunded and allocated up to then.

Invoices and bills are positive, credit is negative. Base amounts are at the document's own rate, as the
control accounts carry them. #}
with settlements as (
  select tenant_id, document_id, date, amount from {{ ref('fct_payments') }} where is_posted
  union all
  select tenant_id, invoice_id, date, amount from {{ ref('fct_allocations') }}
  union all
  select tenant_id, credit_id, date, amount from {{ ref('fct_allocations') }}
),
open_amounts as (
  select
    m.tenant_id, m.month_end, d.document_id, d.kind, d.is_receivable, d.contact_id, d.date, d.due_date,
    d.currency_code, d.currency_rate, case when d.kind = 'invoice' then 1 else -1 end as sign,
    cast(d.total - coalesce(sum(s.amount), 0) as decimal(18, 4)) as open_amount
  from {{ ref('dim_month') }} as m
  join {{ ref('settled_documents') }} as d
    on d.tenant_id = m.tenant_id and d.date <= m.month_end and d.is_posted
  left join settlements as s
    on s.tenant_id = d.tenant_id and s.document_id = d.document_id and s.date <= m.month_end
  group by
    m.tenant_id, m.month_end, d.document_id, d.kind, d.is_receivable, d.contact_id, d.date, d.due_date,
    d.currency_code, d.currency_rate, d.total
  having d.total - coalesce(sum(s.amount), 0) <> 0
)
select
  tenant_id, month_end, document_id, kind, {{ key('contact_id') }} as contact_key, date, due_date,
  {{ key('currency_code') }} as currency_key, is_receivable,
  case
    when kind <> 'invoice' or due_date >= month_end then 0
    else {{ dbt.datediff('due_date', 'month_end', 'day') }}
  end as days_overdue,
  cast(sign * open_amount as decimal(18, 4)) as open_amount,
  cast(sign * {{ to_base('open_amount', 'currency_rate') }} as decimal(18, 4)) as open_base
from open_amounts
