{# How long customers took to pay, and we took to pay suppliers, by the month in which the last of a document
was paid. Days late are negative where it was paid early. #}
select
  tenant_id, cast(last_day(paid_on) as date) as month_end, is_receivable, contact_key,
  cast(count(*) as bigint) as documents, cast(sum(total_base) as decimal(18, 4)) as total_base,
  {{ average('days_to_pay') }} as days_to_pay, {{ average('days_late') }} as days_late,
  {{ average('days_to_pay', 'total_base') }} as days_to_pay_by_amount,
  cast(sum(case when days_late > 0 then 1 else 0 end) as bigint) as late_documents
from {{ ref('paid_documents') }}
group by 1, 2, 3, 4
