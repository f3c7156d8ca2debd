{# What was open at each month end: documents less what was paid, refunded and allocated up to then.

Invoices and bills are positive, credit is negative. Base amounts are at the document's own rate, as the
control accounts carry them. Only the months until the last settlement of a settled document are looked at. #}
with documents as (
  select
    d.tenant_id, d.document_id, d.kind, d.is_receivable, d.contact_id, d.date, d.due_date, d.currency_code,
    d.currency_rate, d.total, case when d.kind = 'invoice' then 1 else -1 end as sign,
    case when coalesce(sum(s.amount), 0) = d.total then coalesce(max(s.date), d.date) end as settled_on
  from {{ ref('settled_documents') }} as d
  left join {{ ref('settlements') }} as s on s.tenant_id = d.tenant_id and s.document_id = d.document_id
  where d.is_posted
  group by
    d.tenant_id, d.document_id, d.kind, d.is_receivable, d.contact_id, d.date, d.due_date, d.currency_code,
    d.currency_rate, d.total
),
open_amounts as (
  select
    m.month_end, d.tenant_id, d.document_id, d.kind, d.is_receivable, d.contact_id, d.date, d.due_date,
    d.currency_code, d.currency_rate, d.sign,
    cast(d.total - coalesce(sum(s.amount), 0) as decimal(18, 4)) as open_amount
  from documents as d
  join {{ ref('dim_month') }} as m
    on m.tenant_id = d.tenant_id and m.month_end >= d.date and (d.settled_on is null or m.month_end < d.settled_on)
  left join {{ ref('settlements') }} as s
    on s.tenant_id = d.tenant_id and s.document_id = d.document_id and s.date <= m.month_end
  group by
    m.month_end, d.tenant_id, d.document_id, d.kind, d.is_receivable, d.contact_id, d.date, d.due_date,
    d.currency_code, d.currency_rate, d.sign, d.total
  having d.total - coalesce(sum(s.amount), 0) <> 0
)
select
  tenant_id, month_end, document_id, kind, {{ key('contact_id') }} as contact_key, date, due_date,
  {{ key('currency_code') }} as currency_key, is_receivable,
  cast(case when due_date < month_end then {{ dbt.datediff('due_date', 'month_end', 'day') }} else 0 end as int) as days_overdue,
  {{ months_overdue('due_date', 'month_end') }} as months_overdue,
  cast(sign * open_amount as decimal(18, 4)) as open_amount,
  cast(sign * {{ to_base('open_amount', 'currency_rate') }} as decimal(18, 4)) as open_base
from open_amounts
