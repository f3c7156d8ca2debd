{# Lines of sales invoices, from the day on that their document is known as it is now: an edit of items or
tracking leaves no trace of what was there before. #}
select
  l.tenant_id, l.contact_key, l.document_id, l.date, greatest(coalesce(k.known_on, l.date), l.date) as known_on,
  l.item_key, l.tracking_option_1_key as tracking_option_key, l.net_base
from {{ ref('fct_invoice_lines') }} as l
left join {{ ref('known_sources') }} as k on k.tenant_id = l.tenant_id and k.source_id = l.document_id
where l.is_posted and l.contact_key is not null
