{# Invoices and bills that were settled in full, and when: the day of the last payment or credit. #}
select
  d.tenant_id, d.document_id, d.is_receivable, {{ key('d.contact_id', 'd.tenant_id') }} as contact_key, d.date,
  d.due_date, max(s.date) as paid_on,
  cast({{ dbt.datediff('d.date', 'max(s.date)', 'day') }} as int) as days_to_pay,
  cast({{ dbt.datediff('d.due_date', 'max(s.date)', 'day') }} as int) as days_late,
  {{ to_base('d.total', 'd.currency_rate') }} as total_base
from {{ ref('settled_documents') }} as d
join {{ ref('settlements') }} as s on s.tenant_id = d.tenant_id and s.document_id = d.document_id
where d.kind = 'invoice' and d.is_posted
group by d.tenant_id, d.document_id, d.is_receivable, d.contact_id, d.date, d.due_date, d.total, d.currency_rate
having sum(s.amount) = d.total
